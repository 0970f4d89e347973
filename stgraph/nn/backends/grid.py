"""Whole bodies through time: edges that are a regular grid, and the convolution that they make.

Node rows in the order of run, frame and joint *are* a channels-last image ``[C, T, V]`` per run, so
PyTorch's convolution takes them without a copy. Runs of any lengths lie one after the other; those
of one length that follow each other are convolved together, and nothing is computed on padding.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad
from torch.utils.flop_counter import register_flop_formula

from stgraph.nn.backends.fold import differentiable_gradients
from stgraph.nn.backends.temporal_grid import Group, Packing, TemporalGrid, groups
from stgraph.nn.backends.typed_graph import needs_operator


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
    if is_packed(x, edges):
        packing = Packing.of(edges, x.device)
        image = _packed_image(x, packing.rows, packing.frames, joints)
        made = conv2d(image, kernel, bias, (stride, 1), (edges.reach, 0), (dilation, 1))
        return made.permute(0, 2, 3, 1).reshape(-1, made.shape[1])[packing.out_rows]
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
    if is_packed(x, edges):
        return _packed_gradients(grad, x, weight, edges, wanted)
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


def is_packed(x: Tensor, edges: TemporalGrid) -> bool:
    """Whether runs share one image: on a GPU, where one large kernel beats many small ones."""
    return x.is_cuda and len(edges.runs.unique(dim=0)) > 1


def _packed_image(rows: Tensor, places: Tensor, frames: int, joints: int) -> Tensor:
    """``[1, C, frames, V]`` with these rows in their places, zeros elsewhere."""
    table = rows.new_zeros(frames * joints, rows.shape[1]).index_copy_(0, places, rows)
    return table.view(1, frames, joints, -1).permute(0, 3, 1, 2)


def _packed_gradients(
    grad: Tensor, x: Tensor, weight: Tensor, edges: TemporalGrid, wanted: list[bool]
) -> tuple[Tensor, Tensor]:
    packing = Packing.of(edges, x.device)
    image = _packed_image(x, packing.rows, packing.frames, edges.num_joints)
    out_frames = -(-packing.frames // edges.stride)
    into = _packed_image(grad, packing.out_rows, out_frames, edges.num_joints)
    windows = ([edges.stride, 1], [edges.reach, 0], [edges.dilation, 1])
    to_image, to_kernel, _ = torch.ops.aten.convolution_backward(
        into, image, _kernel(weight), None, *windows, False, [0, 0], 1, [*wanted, False]
    )
    to_x, to_weight = x.new_empty(0), torch.empty_like(weight).contiguous()
    if wanted[0]:
        to_x = to_image.permute(0, 2, 3, 1).reshape(-1, x.shape[1])[packing.rows]
    if wanted[1]:
        to_weight = to_kernel[..., 0].permute(2, 1, 0).contiguous()
    return to_x, to_weight


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
        graph = _grid_of(runs, weight, x, tuple(ctx.plan)).explicit(x.device)
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
