"""Any typed graph: gather and sum the rows of a tile of nodes, multiply them at once, go on.

``[N, K C]`` rows, a multiple of the features, never exist as a whole. A tile of them stays in the
processor's cache, where gathering costs a tenth of the product that follows, and no memory is taken
that the operating system has to hand out page by page (docs/benchmarks.md). The gradient towards
the features is the same sum along reversed edges; the rows that it gathers give the gradient
towards the weights as well.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from stgraph.nn.backends.gather import Gather, Tile, gather, tiles
from stgraph.nn.backends.operator import typed_operator
from stgraph.nn.backends.typed_graph import Cells, TypedGraph, needs_operator


def spmm(
    x: Tensor,
    weight: Tensor,
    edges: TypedGraph,
    edge_weight: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """The sum of :func:`reference`, tile by tile."""
    edges = edges.sorted()
    assert edges.incoming is not None and edges.outgoing is not None
    graphs = x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])
    run = _spmm if needs_operator() else _forward
    cells = (list(edges.incoming), list(edges.outgoing))
    out = run(graphs, weight, edge_weight, bias, *cells)
    return out.view(*x.shape[:-2], edges.num_targets, weight.shape[2])


def _forward(
    x: Tensor,
    weight: Tensor,
    edge_weight: Tensor | None,
    bias: Tensor | None,
    incoming: list[Tensor],
    outgoing: list[Tensor],
) -> Tensor:
    subsets, in_channels, out_channels = weight.shape
    x = x.contiguous()
    graphs, nodes, _ = x.shape
    cells = Cells(*incoming)
    gathered = gather(cells, subsets, edge_weight, graphs, nodes, x)
    matrix = weight.reshape(subsets * in_channels, out_channels)
    out = x.new_empty(graphs, cells.rows(subsets), out_channels)
    for tile in tiles(graphs, out.shape[1], subsets * in_channels):
        rows = tile.of(out)
        if bias is None:
            torch.mm(gathered.sums(x, tile), matrix, out=rows)
            continue
        tile.part_of(out).copy_(tile.rows_of(bias))
        torch.addmm(rows, gathered.sums(x, tile), matrix, out=rows)
    return out


def _gradients(
    grad: Tensor,
    x: Tensor,
    weight: Tensor,
    edge_weight: Tensor | None,
    incoming: list[Tensor],
    outgoing: list[Tensor],
    wanted: list[bool],
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients towards x, weight and edge_weight, empty where not wanted."""
    subsets, in_channels, out_channels = weight.shape
    x, grad = x.contiguous(), grad.contiguous()
    graphs, nodes, _ = x.shape
    into = gather(Cells(*outgoing), subsets, edge_weight, graphs, grad.shape[1], grad)
    gradients = _Sums(grad, x, weight, into, wanted)
    for tile in tiles(graphs, nodes, subsets * max(in_channels, out_channels)):
        gradients.add(tile)
    to_weight = gradients.to_weight.view(in_channels, subsets, out_channels).transpose(0, 1)
    to_weight = to_weight.to(weight.dtype, memory_format=torch.contiguous_format)
    to_weight = to_weight if wanted[1] else weight.new_empty(0)
    to_value = into.dots(gradients.to_value).to(grad.dtype) if wanted[2] else grad.new_empty(0)
    return gradients.to_x, to_weight, to_value


class _Sums:
    """The gradients of :func:`spmm`, added up tile by tile; sums in at least single precision."""

    def __init__(
        self, grad: Tensor, x: Tensor, weight: Tensor, into: Gather, wanted: list[bool]
    ) -> None:
        subsets, in_channels, out_channels = weight.shape
        wide = torch.promote_types(grad.dtype, torch.float32)
        self.grad, self.x, self.into = grad, x, into
        self.for_x, self.for_weight, self.for_value = wanted
        self.transposed = weight.transpose(1, 2).reshape(subsets * out_channels, in_channels)
        self.table = weight.permute(2, 0, 1).reshape(out_channels, subsets * in_channels)
        self.to_x = torch.empty_like(x) if self.for_x else x.new_empty(0)
        self.to_weight = grad.new_zeros(in_channels, subsets * out_channels, dtype=wide)
        self.to_value = into.no_dots(self.to_weight)

    def add(self, tile: Tile) -> None:
        own = tile.of(self.x)
        shared = self.for_value and tile.is_whole(self.x.shape[1])
        if shared:
            self._transform_first(own, tile)
        elif self.for_value:
            self.into.add_dots_of_rows(self.to_value, own @ self.transposed.T, self.grad, tile)
        if self.for_weight or (self.for_x and not shared):
            sums = self.into.sums(self.grad, tile)
        if self.for_weight:
            _add_product(self.to_weight, own, sums)
        if self.for_x and not shared:
            torch.mm(sums, self.transposed, out=tile.of(self.to_x))

    def _transform_first(self, own: Tensor, tile: Tile) -> None:
        """Where a tile has all nodes, one product serves features and edge weights."""
        table = tile.graphs_of(self.grad).flatten(0, 1) @ self.table
        self.into.add_dots(self.to_value, own, table, tile)
        if self.for_x:
            tile.of(self.to_x).copy_(self.into.spread(table, tile))


def _add_product(total: Tensor, rows: Tensor, sums: Tensor) -> None:
    if total.dtype == rows.dtype:
        total.addmm_(rows.T, sums)
    else:
        total += rows.T @ sums


_spmm = typed_operator("spmm", _forward, _gradients)


@register_flop_formula(torch.ops.stgraph.spmm)
def _(x_shape, weight_shape, edge_weight, bias, incoming, outgoing, **kwargs):  # type: ignore[no-untyped-def]
    """Of the matrix product; what is added along edges is not counted, as everywhere in PyTorch."""
    return 2 * x_shape[0] * (incoming[0][0] - 1) * math.prod(weight_shape[1:])


@register_flop_formula(torch.ops.stgraph.spmm_gradients)
def _(grad_shape, x_shape, weight_shape, *rest, **kwargs):  # type: ignore[no-untyped-def]
    return 2 * sum(rest[-1]) * x_shape[0] * x_shape[1] * math.prod(weight_shape)
