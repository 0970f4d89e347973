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

from stgraph.nn.backends.plain import differentiable_gradients
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
    run = _grid if needs_operator() else _forward
    return run(x, weight, bias, *_as_values(edges))


def _as_values(edges: TemporalGrid) -> tuple[list[Tensor], list[int]]:
    """What operators take of a grid: tensors, and numbers."""
    packing = edges.packing
    places = [] if packing is None else [packing.rows, packing.out_rows]
    sizes = [edges.num_joints, edges.num_types, edges.num_sources, edges.num_targets]
    windows = [edges.dilation, edges.stride, 0 if packing is None else packing.frames]
    return [edges.runs, *places], sizes + windows


def _from_values(tensors: list[Tensor], numbers: list[int]) -> TemporalGrid:
    runs, *places = tensors
    packing = Packing(numbers[-1], *places) if places else None
    joints, types, sources, targets, dilation, stride, _ = numbers
    return TemporalGrid(runs, joints, types, sources, targets, dilation, stride, packing)


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
    x: Tensor, weight: Tensor, bias: Tensor | None, tensors: list[Tensor], numbers: list[int]
) -> Tensor:
    edges = _from_values(tensors, numbers)
    if edges.packing is None:
        return _convolved(x.contiguous(), weight, bias, edges)
    image = edges.image()
    packed = _put(x, edges.packing.rows, image.num_sources)
    return _convolved(packed, weight, bias, image)[edges.packing.out_rows]


def _convolved(x: Tensor, weight: Tensor, bias: Tensor | None, edges: TemporalGrid) -> Tensor:
    kernel, pieces = _kernel(weight), []
    for group in groups(edges):
        if group.out_rows.start == group.out_rows.stop:
            continue
        image, zeros = _padded(_image(x[group.rows], group, edges.num_joints), group, edges)
        windows = ((edges.stride, 1), (zeros, 0), (edges.dilation, 1))
        pieces.append(_rows(conv2d(image, kernel, bias, *windows)))
    return _joined(pieces, x.new_empty(0, weight.shape[2]))


def _put(rows: Tensor, places: Tensor, size: int) -> Tensor:
    """Rows in these places of ``[size, C]``, zeros elsewhere."""
    return rows.new_zeros(size, rows.shape[1]).index_copy_(0, places, rows)


def _rows(image: Tensor) -> Tensor:
    """``[runs, C, T, V]`` as rows ``[N, C]``; the inverse of :func:`_image`."""
    return image.permute(0, 2, 3, 1).reshape(-1, image.shape[1])


def _joined(pieces: list[Tensor], empty: Tensor) -> Tensor:
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces or [empty])


def _kernel(weight: Tensor) -> Tensor:
    """``[Γ, C_in, C_out]`` as the weight of a convolution, channels last."""
    return weight.permute(2, 1, 0)[..., None].contiguous(memory_format=torch.channels_last)


_grid = torch.library.custom_op("stgraph::grid", _forward, mutates_args=())


@_grid.register_fake
def _(x, weight, bias, tensors, numbers):  # type: ignore[no-untyped-def]
    return x.new_empty(numbers[3], weight.shape[2])


@torch.library.custom_op("stgraph::grid_gradients", mutates_args=())
def _grid_gradients(
    grad: Tensor,
    x: Tensor,
    weight: Tensor,
    tensors: list[Tensor],
    numbers: list[int],
    wanted: list[bool],
) -> tuple[Tensor, Tensor]:
    """Gradients towards x and weight, empty where not wanted."""
    edges = _from_values(tensors, numbers)
    if edges.packing is None:
        return _gradients(grad.contiguous(), x.contiguous(), weight, edges, wanted)
    (rows, out_rows), image = edges.packing[1:], edges.image()
    packed = (_put(grad, out_rows, image.num_targets), _put(x, rows, image.num_sources))
    to_x, to_weight = _gradients(*packed, weight, image, wanted)
    return to_x[rows] if wanted[0] else to_x, to_weight


def _gradients(
    grad: Tensor, x: Tensor, weight: Tensor, edges: TemporalGrid, wanted: list[bool]
) -> tuple[Tensor, Tensor]:
    kernel, pieces = _kernel(weight), []
    total = torch.zeros_like(kernel, dtype=torch.promote_types(weight.dtype, torch.float32))
    for group in groups(edges):
        if group.out_rows.start == group.out_rows.stop:
            pieces.append(torch.zeros_like(x[group.rows]))
            continue
        image, zeros = _padded(_image(x[group.rows], group, edges.num_joints), group, edges)
        into = _image(grad[group.out_rows], group, edges.num_joints)
        windows = ([edges.stride, 1], [zeros, 0], [edges.dilation, 1])
        to_image, to_kernel, _ = torch.ops.aten.convolution_backward(
            into, image, kernel, None, *windows, False, [0, 0], 1, [*wanted, False]
        )
        if wanted[0]:
            pieces.append(_rows(_unpadded(to_image, group, edges)))
        if wanted[1]:
            total += to_kernel
    to_x = _joined(pieces, torch.empty_like(x[:0])) if wanted[0] else x.new_empty(0)
    if not wanted[1]:
        return to_x, weight.new_empty(0)
    to_weight = total[..., 0].permute(2, 1, 0)
    return to_x, to_weight.to(weight.dtype, memory_format=torch.contiguous_format)


@_grid_gradients.register_fake
def _(grad, x, weight, tensors, numbers, wanted):  # type: ignore[no-untyped-def]
    leaves = zip((x, weight), wanted, strict=True)
    return tuple(leaf.new_empty(leaf.shape if want else (0,)) for leaf, want in leaves)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, weight, bias, tensors, ctx.numbers = inputs
    ctx.save_for_backward(x, weight, *tensors)


def _differentiate(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    x, weight, *tensors = ctx.saved_tensors
    *wanted, for_bias = ctx.needs_input_grad[:3]
    found: Any
    if torch.is_grad_enabled():
        graph = _from_values(tensors, ctx.numbers).explicit(x.device)
        leaves = (x, weight, None)
        found = differentiable_gradients(leaves, graph, grad, [*wanted, False])[:2]
    else:
        found = _grid_gradients(grad, x, weight, tensors, ctx.numbers, wanted)
    asked = (g if want else None for g, want in zip(found, wanted, strict=True))
    to_bias = grad.sum(0) if for_bias else None
    return *asked, to_bias, [None] * len(tensors), None


_grid.register_autograd(_differentiate, setup_context=_keep)


@register_flop_formula(torch.ops.stgraph.grid)
def _(x_shape, weight_shape, bias, tensors, numbers, **kwargs):  # type: ignore[no-untyped-def]
    """As PyTorch counts a convolution, taps beyond the ends included."""
    return 2 * numbers[3] * math.prod(weight_shape)


@register_flop_formula(torch.ops.stgraph.grid_gradients)
def _(grad_shape, x_shape, weight_shape, tensors, numbers, wanted, **kwargs):  # type: ignore[no-untyped-def]
    return 2 * sum(wanted) * grad_shape[0] * math.prod(weight_shape)
