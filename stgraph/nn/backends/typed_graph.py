"""What backends take as edges: typed edges, and their order by either end, derived once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Cells(NamedTuple):
    """Edges in the order of the node at one end, then of their type.

    Cell ``i * K + k`` holds the edges of type k of node i; it may be empty.

    Attributes:
        start: Where each cell begins, and the end: long ``[rows * K + 1]``.
        node: The node at the other end of each edge: long ``[E]``.
        edge: The number that each edge has in the caller's order: long ``[E]``.
    """

    start: Tensor
    node: Tensor
    edge: Tensor

    def rows(self, types: int) -> int:
        """How many nodes there are at this end, with so many types."""
        return (len(self.start) - 1) // types

    def repeated(self, graphs: int, nodes: int) -> Cells:
        """The cells of so many graphs side by side, of ``nodes`` nodes each at the other end."""
        if graphs == 1:
            return self
        number = torch.arange(graphs, device=self.node.device)[:, None]
        starts = (self.start[:-1] + len(self.node) * number).flatten()
        end = starts.new_full((1,), len(self.node) * graphs)
        return Cells(
            torch.cat([starts, end]),
            (self.node + nodes * number).flatten(),
            (self.edge + len(self.edge) * number).flatten(),
        )

    def graph(self, types: int, nodes: int) -> TypedGraph:
        """The edges one by one, in the order of the cells, which are those of targets."""
        cell = torch.repeat_interleave(self.start.diff())
        ends = torch.stack([self.node, cell // types])
        return TypedGraph(ends, cell % types, types, nodes, self.rows(types))


class TypedGraph(NamedTuple):
    """Edges with types between two sets of nodes.

    Attributes:
        edge_index: long ``[2, E]``, source and target.
        edge_type: long ``[E]``, in ``0..num_types-1``.
        num_types: K.
        num_sources, num_targets: Numbers of nodes.
        incoming: The edges by target; ``None`` before :meth:`sorted`.
        outgoing: The edges by source; ``None`` before :meth:`sorted`.
    """

    edge_index: Tensor
    edge_type: Tensor
    num_types: int
    num_sources: int
    num_targets: int
    incoming: Cells | None = None
    outgoing: Cells | None = None

    def sorted(self) -> TypedGraph:
        """The same edges together with their two orders, which all layers on them share."""
        if self.incoming is not None and self.outgoing is not None:
            return self
        source, target = self.edge_index
        return self._replace(
            incoming=_cells(target, source, self.edge_type, self.num_targets, self.num_types),
            outgoing=_cells(source, target, self.edge_type, self.num_sources, self.num_types),
        )


def _cells(end: Tensor, node: Tensor, edge_type: Tensor, rows: int, types: int) -> Cells:
    cell = end * types + edge_type
    count = cell.new_zeros(rows * types + 1).scatter_add_(0, cell + 1, torch.ones_like(cell))
    if not torch.compiler.is_compiling() and rows * types < 2**31:
        edge = cell.int().sort(stable=True).indices  # a third of the time
    else:
        edge = cell.sort(stable=True).indices
    return Cells(count.cumsum(0), node[edge], edge)


def needs_operator() -> bool:
    """Whether somebody has to see a backend as one operator: autograd, or a compiler."""
    return torch.is_grad_enabled() or torch.compiler.is_compiling()
