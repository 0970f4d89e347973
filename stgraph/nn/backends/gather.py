"""Sums over typed edges for one tile of rows after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from stgraph.nn.backends.typed_graph import Cells

TILE = 1 << 19  # numbers in a tile of gathered rows
FULL = 4  # entries of a small matrix that cost as much as one edge (docs/benchmarks.md)


class Tile(NamedTuple):
    """Rows ``first..last-1`` of graphs ``graph..graph+graphs-1``."""

    graph: int
    graphs: int
    first: int
    last: int

    def of(self, x: Tensor) -> Tensor:
        """Its rows of ``[graphs, rows, C]``, as a matrix."""
        return self.part_of(x).view(-1, x.shape[2])

    def part_of(self, x: Tensor) -> Tensor:
        """The same as ``[graphs, rows, C]``."""
        return x[self.graph : self.graph + self.graphs, self.first : self.last]

    def rows_of(self, table: Tensor) -> Tensor:
        """Its rows of what all graphs share, ``[rows, C]``; or ``[C]``, what all rows share."""
        return table if table.ndim == 1 else table[self.first : self.last]

    def graphs_of(self, x: Tensor) -> Tensor:
        """All rows of its graphs: ``[graphs, rows, C]``."""
        return x[self.graph : self.graph + self.graphs]

    def is_whole(self, rows: int) -> bool:
        """Whether it has all the rows of its graphs."""
        return self.first == 0 and self.last == rows


def tiles(graphs: int, rows: int, width: int) -> Iterator[Tile]:
    """All rows of all graphs, in tiles of about :data:`TILE` numbers."""
    if rows == 0 or graphs == 0:
        return
    together = TILE // max(1, rows * width)
    if together:
        for graph in range(0, graphs, together):
            yield Tile(graph, min(together, graphs - graph), 0, rows)
        return
    step = max(1, TILE // width)
    for graph in range(graphs):
        for first in range(0, rows, step):
            yield Tile(graph, 1, first, min(first + step, rows))


class Gather(Protocol):
    """Sums over the edges between rows at one end and nodes at the other, of equal graphs."""

    def sums(self, x: Tensor, tile: Tile) -> Tensor:
        """Over the nodes of each row and type, ``[graphs, nodes, C]``: ``[rows, K C]``."""

    def spread(self, table: Tensor, tile: Tile) -> Tensor:
        """Over the nodes of each row, ``[nodes of the tile, K C]``, by type: ``[rows, C]``."""

    def no_dots(self, like: Tensor) -> Tensor:
        """Zeros to which products along edges are added."""

    def add_dots(self, total: Tensor, own: Tensor, table: Tensor, tile: Tile) -> None:
        """Add, for each edge, its row of ``own`` times its node's row of the table for its type.

        The tile is whole; ``own`` is ``[rows of the tile, C]``, ``table`` as of :meth:`spread`.
        """

    def add_dots_of_rows(self, total: Tensor, table: Tensor, x: Tensor, tile: Tile) -> None:
        """Add, for each edge, its row's row of the table for its type times its node of ``x``.

        Any tile; ``table`` is ``[rows of the tile, K C]``, ``x`` is ``[graphs, nodes, C]``.
        """

    def dots(self, total: Tensor) -> Tensor:
        """What was added up, in the caller's order of edges: ``[E]``."""


def gather(
    cells: Cells, types: int, edge_weight: Tensor | None, graphs: int, nodes: int, like: Tensor
) -> Gather:
    """The cheaper way: edge by edge, or with a matrix where many graphs share nearly all edges."""
    value = None if edge_weight is None else edge_weight[cells.edge]
    entries = (len(cells.start) - 1) * nodes
    if graphs > 1 and 0 < entries <= FULL * len(cells.node):
        return Matrix(cells, types, value, nodes, like)
    return Bags(cells, types, value, nodes)


class TileEdges(NamedTuple):
    """The edges of a tile: rows and nodes count from its first graph and row."""

    start: Tensor
    node: Tensor
    value: Tensor | None

    @property
    def cell(self) -> Tensor:
        """Cell of each edge ``[E]``."""
        return torch.repeat_interleave(self.start.diff())


class Bags:
    """Edge by edge: the nodes of a cell are read and summed at once, none is written."""

    def __init__(self, cells: Cells, types: int, value: Tensor | None, nodes: int) -> None:
        self.cells, self.types, self.value, self.nodes = cells, types, value, nodes
        self._repeated: dict[int, TileEdges] = {}

    def sums(self, x: Tensor, tile: Tile) -> Tensor:
        edges, channels = self._edges(tile), x.shape[2]
        sums = _bag(tile.graphs_of(x).view(-1, channels), edges.node, edges.start, edges.value)
        return sums.view(-1, self.types * channels)

    def spread(self, table: Tensor, tile: Tile) -> Tensor:
        edges = self._edges(tile)
        rows = table.view(-1, table.shape[1] // self.types)
        return _bag(rows, self._place(edges), edges.start[:: self.types].contiguous(), edges.value)

    def no_dots(self, like: Tensor) -> Tensor:
        return like.new_zeros(len(self.cells.node))

    def add_dots(self, total: Tensor, own: Tensor, table: Tensor, tile: Tile) -> None:
        edges = self._edges(tile)
        row = torch.div(edges.cell, self.types, rounding_mode="floor")
        ours = own.index_select(0, row)
        theirs = table.view(-1, own.shape[1]).index_select(0, self._place(edges))
        total += _dots(ours, theirs, tile.graphs, total.dtype)

    def add_dots_of_rows(self, total: Tensor, table: Tensor, x: Tensor, tile: Tile) -> None:
        edges, channels = self._edges(tile), x.shape[2]
        ours = table.view(-1, channels).index_select(0, edges.cell)
        theirs = tile.graphs_of(x).view(-1, channels).index_select(0, edges.node)
        dots = _dots(ours, theirs, tile.graphs, total.dtype)
        first = int(self.cells.start[tile.first * self.types])
        total[first : first + len(dots)] += dots

    def dots(self, total: Tensor) -> Tensor:
        return torch.empty_like(total).index_copy_(0, self.cells.edge, total)

    def _place(self, edges: TileEdges) -> Tensor:
        """The row of a table with K rows for each node that each edge reads ``[E]``."""
        return edges.node * self.types + edges.cell % self.types

    def _edges(self, tile: Tile) -> TileEdges:
        if tile.graphs > 1:
            if tile.graphs not in self._repeated:
                self._repeated[tile.graphs] = self._repeat(tile.graphs)
            return self._repeated[tile.graphs]
        start = self.cells.start[tile.first * self.types : tile.last * self.types + 1]
        first, last = int(start[0]), int(start[-1])
        value = None if self.value is None else self.value[first:last]
        return TileEdges(start - first, self.cells.node[first:last], value)

    def _repeat(self, graphs: int) -> TileEdges:
        start, node, _ = self.cells.repeated(graphs, self.nodes)
        value = None if self.value is None else self.value.repeat(graphs)
        return TileEdges(start, node, value)


def _bag(rows: Tensor, index: Tensor, start: Tensor, value: Tensor | None) -> Tensor:
    """Sums of ``rows[index]`` times ``value``, from each start to before the next one."""
    if len(index) == 0 or rows.shape[1] == 0:
        return rows.new_zeros(len(start) - 1, rows.shape[1])
    return torch.nn.functional.embedding_bag(
        index, rows, start, mode="sum", per_sample_weights=value, include_last_offset=True
    )


def _dots(ours: Tensor, theirs: Tensor, graphs: int, dtype: torch.dtype) -> Tensor:
    """Products of rows, added up over graphs: ``[E]``."""
    return (ours * theirs).sum(1, dtype=dtype).view(graphs, -1).sum(0)


class Matrix:
    """One matrix ``[rows K, nodes]`` for all graphs, where it is nearly full."""

    def __init__(
        self, cells: Cells, types: int, value: Tensor | None, nodes: int, like: Tensor
    ) -> None:
        self.cells, self.types = cells, types
        cell = torch.repeat_interleave(cells.start.diff())
        self.place = cell * nodes + cells.node
        values = like.new_ones(len(cell)) if value is None else value
        flat = like.new_zeros((len(cells.start) - 1) * nodes).index_add_(0, self.place, values)
        self.matrix = flat.view(-1, nodes)

    def sums(self, x: Tensor, tile: Tile) -> Tensor:
        matrix = self._rows(self.matrix, tile).expand(tile.graphs, -1, -1)
        return matrix.bmm(tile.graphs_of(x)).view(-1, self.types * x.shape[2])

    def spread(self, table: Tensor, tile: Tile) -> Tensor:
        rows = table.view(tile.graphs, -1, table.shape[1] // self.types)
        by_node = self.matrix.unflatten(0, (-1, self.types)).transpose(1, 2).flatten(1)
        return by_node.expand(tile.graphs, -1, -1).bmm(rows).flatten(0, 1)

    def no_dots(self, like: Tensor) -> Tensor:
        return like.new_zeros(self.matrix.shape)

    def add_dots(self, total: Tensor, own: Tensor, table: Tensor, tile: Tile) -> None:
        rows = table.view(tile.graphs, -1, own.shape[1]).transpose(1, 2)
        products = own.view(tile.graphs, -1, own.shape[1]).bmm(rows).sum(0, dtype=total.dtype)
        total += products.unflatten(1, (-1, self.types)).transpose(1, 2).flatten(0, 1)

    def add_dots_of_rows(self, total: Tensor, table: Tensor, x: Tensor, tile: Tile) -> None:
        rows = table.view(tile.graphs, -1, x.shape[2])
        products = rows.bmm(tile.graphs_of(x).transpose(1, 2)).sum(0, dtype=total.dtype)
        self._rows(total, tile).add_(products)

    def _rows(self, matrix: Tensor, tile: Tile) -> Tensor:
        return matrix[tile.first * self.types : tile.last * self.types]

    def dots(self, total: Tensor) -> Tensor:
        found = total.view(-1)[self.place]
        return torch.empty_like(found).index_copy_(0, self.cells.edge, found)
