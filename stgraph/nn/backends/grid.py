"""Whole bodies through time: edges that are a regular grid, and the convolution that they make.

Node rows in the order of run, frame and joint *are* a channels-last image ``[C, T, V]`` per run, so
PyTorch's convolution takes them without a copy. Runs of any lengths lie one after the other; those
of one length that follow each other are convolved together, and nothing is computed on padding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad
from torch.utils.flop_counter import register_flop_formula

from stgraph.nn.backends.fold import differentiable_gradients
from stgraph.nn.backends.typed_graph import TypedGraph, needs_operator


class TemporalGrid(NamedTuple):
    """The edges of equal joints at Γ frame distances, from all frames or into every s-th.

    A run is one body in consecutive frames, all V joints in order. Its frames ``phase``,
    ``phase + stride`` ... are targets; the source of type τ lies ``(τ - ⌊Γ/2⌋) * dilation`` frames
    later, if the run has it.

    Attributes:
        runs: Frames and phase of each run: long ``[R, 2]`` on the CPU.
        num_joints: V.
        num_types: Γ, odd.
        num_sources, num_targets: Numbers of nodes.
        dilation: Frames between neighbours.
        stride: Frames between targets.
    """

    runs: Tensor
    num_joints: int
    num_types: int
    num_sources: int
    num_targets: int
    dilation: int = 1
    stride: int = 1

    @property
    def reach(self) -> int:
        """How many frames away the farthest source is."""
        return self.num_types // 2 * self.dilation

    def explicit(self) -> TypedGraph:
        """The same edges one by one."""
        pieces, source_row, target_row = [torch.empty(3, 0, dtype=torch.long)], 0, 0
        joint = torch.arange(self.num_joints)
        for frames, phase in self.runs.tolist():
            frame = torch.arange(min(phase, frames), frames, self.stride)
            tap = torch.arange(self.num_types)
            source = frame[:, None] + (tap - self.num_types // 2) * self.dilation
            at, tap = ((source >= 0) & (source < frames)).nonzero(as_tuple=True)
            rows = source[at, tap] * self.num_joints + source_row, at * self.num_joints + target_row
            ends = torch.stack([row[:, None] + joint for row in rows]).flatten(1)
            pieces.append(torch.cat([ends, tap.repeat_interleave(self.num_joints)[None]]))
            source_row += frames * self.num_joints
            target_row += len(frame) * self.num_joints
        table = torch.cat(pieces, dim=1)
        return TypedGraph(table[:2], table[2], self.num_types, self.num_sources, self.num_targets)

    def beside(self, device: torch.device) -> Tensor:
        """For three taps the rows before, at and after each target, ``[3, num_targets]``.

        Where there is no frame before or after, the target's own row takes its place.
        """
        pieces, row = [], 0
        tap = torch.arange(-1, 2, device=device)[:, None]
        joint = torch.arange(self.num_joints, device=device)
        for frames, phase in self.runs.tolist():
            own = torch.arange(min(phase, frames), frames, self.stride, device=device)
            frame = own + tap * self.dilation
            frame = torch.where((frame >= 0) & (frame < frames), frame, own)
            pieces.append((frame[:, :, None] * self.num_joints + joint).flatten(1) + row)
            row += frames * self.num_joints
        return torch.cat(pieces, dim=1)


class Group(NamedTuple):
    """Runs of equal length that follow each other: their rows before and after, and how many."""

    rows: slice
    out_rows: slice
    runs: int
    phase: int


def groups(grid: TemporalGrid) -> Iterator[Group]:
    """The runs of the grid, those of equal length and phase together."""
    row = out_row = 0
    for (frames, phase), equal in groupby(grid.runs.tolist()):
        runs = len(list(equal))
        ahead = runs * frames * grid.num_joints
        out_ahead = runs * len(range(phase, frames, grid.stride)) * grid.num_joints
        yield Group(slice(row, row + ahead), slice(out_row, out_row + out_ahead), runs, phase)
        row, out_row = row + ahead, out_row + out_ahead


def grid(
    x: Tensor,
    weight: Tensor,
    edges: TemporalGrid,
    edge_weight: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """The sum of :func:`reference` over the edges of a grid, whose weights are all one."""
    assert edge_weight is None and x.ndim == 2
    plan = (edges.num_joints, edges.num_targets, edges.dilation, edges.stride)
    run = _grid if needs_operator() else _forward
    return run(x, weight, bias, edges.runs, *plan)


def _grid_of(
    runs: Tensor, weight: Tensor, x: Tensor, plan: tuple[int, int, int, int]
) -> TemporalGrid:
    joints, targets, dilation, stride = plan
    return TemporalGrid(runs, joints, weight.shape[0], x.shape[0], targets, dilation, stride)


def _image(rows: Tensor, group: Group, joints: int) -> Tensor:
    """Rows of equally long runs as ``[runs, C, T, V]``, without a copy."""
    return rows.view(group.runs, -1, joints, rows.shape[1]).permute(0, 3, 1, 2)


def _padded(image: Tensor, group: Group, edges: TemporalGrid) -> tuple[Tensor, int]:
    """The image and the frames of zeros that the convolution adds at both ends of it."""
    if group.phase == 0:
        return image, edges.reach
    return pad(image, (0, 0, edges.reach - group.phase, edges.reach)), 0


def _unpadded(image: Tensor, group: Group, edges: TemporalGrid) -> Tensor:
    if group.phase == 0:
        return image
    return pad(image, (0, 0, group.phase - edges.reach, -edges.reach))


def _forward(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    runs: Tensor,
    joints: int,
    targets: int,
    dilation: int,
    stride: int,
) -> Tensor:
    edges = _grid_of(runs, weight, x, (joints, targets, dilation, stride))
    kernel = _kernel(weight)
    x, pieces = x.contiguous(), []
    for group in groups(edges):
        if group.out_rows.start == group.out_rows.stop:
            continue
        image, zeros = _padded(_image(x[group.rows], group, joints), group, edges)
        made = conv2d(image, kernel, bias, (stride, 1), (zeros, 0), (dilation, 1))
        pieces.append(made.permute(0, 2, 3, 1).reshape(-1, weight.shape[2]))
    return _joined(pieces, x.new_empty(0, weight.shape[2]))


def _joined(pieces: list[Tensor], empty: Tensor) -> Tensor:
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces or [empty])


def _kernel(weight: Tensor) -> Tensor:
    """``[Γ, C_in, C_out]`` as the weight of a convolution, channels last."""
    return weight.permute(2, 1, 0)[..., None].contiguous(memory_format=torch.channels_last)


_grid = torch.library.custom_op("stgraph::grid", _forward, mutates_args=())


@_grid.register_fake
def _(x, weight, bias, runs, joints, targets, dilation, stride):  # type: ignore[no-untyped-def]
    return x.new_empty(targets, weight.shape[2])


@torch.library.custom_op("stgraph::grid_gradients", mutates_args=())
def _grid_gradients(
    grad: Tensor,
    x: Tensor,
    weight: Tensor,
    runs: Tensor,
    plan: list[int],
    wanted: list[bool],
) -> tuple[Tensor, Tensor]:
    joints, targets, dilation, stride = plan
    edges = _grid_of(runs, weight, x, (joints, targets, dilation, stride))
    kernel = _kernel(weight)
    x, grad, pieces = x.contiguous(), grad.contiguous(), []
    total = torch.zeros_like(kernel, dtype=torch.promote_types(weight.dtype, torch.float32))
    for group in groups(edges):
        if group.out_rows.start == group.out_rows.stop:
            pieces.append(torch.zeros_like(x[group.rows]))
            continue
        image, zeros = _padded(_image(x[group.rows], group, joints), group, edges)
        into = _image(grad[group.out_rows], group, joints)
        settings = ([stride, 1], [zeros, 0], [dilation, 1], False, [0, 0], 1, [*wanted, False])
        to_image, to_kernel, _ = torch.ops.aten.convolution_backward(
            into, image, kernel, None, *settings
        )
        if wanted[0]:
            own = _unpadded(to_image, group, edges)
            pieces.append(own.permute(0, 2, 3, 1).reshape(-1, x.shape[1]))
        if wanted[1]:
            total += to_kernel
    to_x = _joined(pieces, torch.empty_like(x[:0])) if wanted[0] else x.new_empty(0)
    to_weight = total[..., 0].permute(2, 1, 0)
    return to_x, to_weight.to(weight.dtype, memory_format=torch.contiguous_format)


@_grid_gradients.register_fake
def _(grad, x, weight, runs, plan, wanted):  # type: ignore[no-untyped-def]
    rows = x.shape[0] if wanted[0] else 0
    to_weight = torch.empty_like(weight, memory_format=torch.contiguous_format)
    return x.new_empty(rows, x.shape[1]) if wanted[0] else x.new_empty(0), to_weight


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, weight, bias, runs, *plan = inputs
    ctx.save_for_backward(x, weight, bias, runs)
    ctx.plan = plan


def _differentiate(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    x, weight, bias, runs = ctx.saved_tensors
    *wanted, for_bias = ctx.needs_input_grad[:3]
    if torch.is_grad_enabled():
        graph = _grid_of(runs, weight, x, tuple(ctx.plan)).explicit()
        to_x, to_weight, _ = differentiable_gradients(
            (x, weight, None), graph, grad, [*wanted, False]
        )
    else:
        to_x, to_weight = _grid_gradients(grad, x, weight, runs, ctx.plan, wanted)
    to_bias = grad.sum(0) if for_bias else None
    return to_x if wanted[0] else None, to_weight if wanted[1] else None, to_bias, *[None] * 5


_grid.register_autograd(_differentiate, setup_context=_keep)


@register_flop_formula(torch.ops.stgraph.grid)
def _(x_shape, weight_shape, bias, runs, joints, targets, *rest, **kwargs):  # type: ignore[no-untyped-def]
    """As PyTorch counts a convolution, taps beyond the ends included."""
    return 2 * targets * math.prod(weight_shape)


@register_flop_formula(torch.ops.stgraph.grid_gradients)
def _(grad_shape, x_shape, weight_shape, runs, plan, wanted, **kwargs):  # type: ignore[no-untyped-def]
    return 2 * sum(wanted) * grad_shape[0] * math.prod(weight_shape)
