"""Sums over typed edges for one tile of rows after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from stgraph.nn.backends.typed_graph import Cells

TILE = 1 << 20  # numbers in a tile of gathered rows
FULL = 4  # entries of a small matrix that cost as much as one edge (docs/benchmarks.md)


class Tile(NamedTuple):
    """Rows ``first..last-1`` of graphs ``graph..graph+graphs-1``."""

    graph: int
    graphs: int
    first: int
    last: int

    def of(self, x: Tensor) -> Tensor:
        """Its rows of ``[graphs, rows, C]``, as a matrix."""
        whole = x[self.graph : self.graph + self.graphs, self.first : self.last]
        return whole.view(-1, x.shape[2])

    def graphs_of(self, x: Tensor) -> Tensor:
        """All rows of its graphs: ``[graphs, rows, C]``."""
        return x[self.graph : self.graph + self.graphs]


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
    """Sums of the nodes at the other ends of edges, and its derivative towards edge weights.

    Graphs share their edges; there are ``rows`` rows at one end and ``nodes`` at the other.
    """

    def sums(self, x: Tensor, tile: Tile) -> Tensor:
        """``[rows of the tile, K C]`` of the features ``[graphs, nodes, C]``."""

    def add_dots(self, total: Tensor, table: Tensor, ends: Tensor, tile: Tile) -> None:
        """Add each edge's product of its row and the node at its other end, over all graphs.

        Args:
            total: What was added up, :meth:`no_dots` at the start.
            table: The tile's rows, one for each type: ``[rows of the tile, K C]``.
            ends: Features of the nodes ``[graphs, nodes, C]``.
            tile: Which rows.
        """

    def no_dots(self, like: Tensor) -> Tensor:
        """Zeros to add to."""

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


class Bags:
    """Edge by edge: the rows of a cell are read and summed at once, none is written."""

    def __init__(self, cells: Cells, types: int, value: Tensor | None, nodes: int) -> None:
        self.cells, self.types, self.value, self.nodes = cells, types, value, nodes
        self._repeated: dict[int, tuple[Tensor, Tensor, Tensor | None]] = {}

    def sums(self, x: Tensor, tile: Tile) -> Tensor:
        node, start, value = self._edges(tile)
        channels = x.shape[2]
        if len(node) == 0 or channels == 0:
            return x.new_zeros(tile.graphs * (tile.last - tile.first), self.types * channels)
        sums = torch.nn.functional.embedding_bag(
            node,
            tile.graphs_of(x).view(-1, channels),
            start,
            mode="sum",
            per_sample_weights=value,
            include_last_offset=True,
        )
        return sums.view(-1, self.types * channels)

    def add_dots(self, total: Tensor, table: Tensor, ends: Tensor, tile: Tile) -> None:
        node, start, _ = self._edges(tile)
        channels = ends.shape[2]
        cell = torch.repeat_interleave(start.diff())
        ours = table.view(-1, channels).index_select(0, cell)
        theirs = tile.graphs_of(ends).view(-1, channels).index_select(0, node)
        dots = (ours * theirs).sum(1, dtype=total.dtype).view(tile.graphs, -1).sum(0)
        first = int(self.cells.start[tile.first * self.types])
        total[first : first + len(dots)] += dots

    def no_dots(self, like: Tensor) -> Tensor:
        return like.new_zeros(len(self.cells.node))

    def dots(self, total: Tensor) -> Tensor:
        return torch.empty_like(total).index_copy_(0, self.cells.edge, total)

    def _edges(self, tile: Tile) -> tuple[Tensor, Tensor, Tensor | None]:
        """Node, start and value of the tile's edges, numbered from its first graph and row."""
        if tile.graphs > 1:
            if tile.graphs not in self._repeated:
                self._repeated[tile.graphs] = self._repeat(tile.graphs)
            return self._repeated[tile.graphs]
        start = self.cells.start[tile.first * self.types : tile.last * self.types + 1]
        first, last = int(start[0]), int(start[-1])
        value = None if self.value is None else self.value[first:last]
        return self.cells.node[first:last], start - first, value

    def _repeat(self, graphs: int) -> tuple[Tensor, Tensor, Tensor | None]:
        start, node, _ = self.cells
        number = torch.arange(graphs, device=node.device)[:, None]
        starts = (start[:-1] + len(node) * number).flatten()
        end = starts.new_full((1,), len(node) * graphs)
        value = None if self.value is None else self.value.repeat(graphs)
        return (node + self.nodes * number).flatten(), torch.cat([starts, end]), value


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
        matrix = self.matrix.expand(tile.graphs, -1, -1)
        return matrix.bmm(tile.graphs_of(x)).view(-1, self.types * x.shape[2])

    def add_dots(self, total: Tensor, table: Tensor, ends: Tensor, tile: Tile) -> None:
        rows = table.view(tile.graphs, -1, ends.shape[2])
        total += rows.bmm(tile.graphs_of(ends).transpose(1, 2)).sum(0, dtype=total.dtype)

    def no_dots(self, like: Tensor) -> Tensor:
        return like.new_zeros(self.matrix.shape)

    def dots(self, total: Tensor) -> Tensor:
        found = total.view(-1)[self.place]
        return torch.empty_like(found).index_copy_(0, self.cells.edge, found)
