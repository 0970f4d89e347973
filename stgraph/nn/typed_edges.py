"""Edges with labels, weights and templates, chosen and renumbered; what whole frames share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad

from stgraph.graph import EdgeLabels, SkeletonGraph
from stgraph.nn.backends import TemporalGrid, TypedGraph


class TypedEdges(NamedTuple):
    """What a layer needs of the edges; a weight of ``None`` means that all are one."""

    edge_index: Tensor
    edge_type: Tensor
    edge_weight: Tensor | None
    edge_template: Tensor

    def take(self, at: Tensor) -> TypedEdges:
        """The edges at these positions."""
        weight = None if self.edge_weight is None else self.edge_weight.index_select(0, at)
        return TypedEdges(
            self.edge_index[:, at], self.edge_type[at], weight, self.edge_template[at]
        )

    def are_unweighted(self, other: TypedEdges) -> bool:
        """Whether these are the edges of ``other``, in the same order, all of weight one."""
        fields = ("edge_index", "edge_type", "edge_template")
        same = all(torch.equal(getattr(self, field), getattr(other, field)) for field in fields)
        return self.edge_weight is None and same

    def of_types(self, types: Sequence[int]) -> TypedEdges:
        """The edges of these types, which are numbered anew in the order given."""
        new = torch.full_like(self.edge_type, -1)
        for number, old in enumerate(types):
            new[self.edge_type == old] = number
        kept = (new >= 0).nonzero().squeeze(1)
        return self.take(kept)._replace(edge_type=new[kept])

    def into(self, keep: Tensor, number: Tensor) -> TypedEdges:
        """The edges whose target is in the mask ``keep``, with targets renumbered."""
        edges = self.take(keep[self.edge_index[1]].nonzero().squeeze(1))
        source, target = edges.edge_index
        return edges._replace(edge_index=torch.stack([source, number[target]]))

    def within(self, keep: Tensor, number: Tensor) -> TypedEdges:
        """The edges between nodes in the mask ``keep``, renumbered."""
        edges = self.into(keep, number)
        edges = edges.take(keep[edges.edge_index[0]].nonzero().squeeze(1))
        source, target = edges.edge_index
        return edges._replace(edge_index=torch.stack([number[source], target]))


class LayerEdges(NamedTuple):
    """The edges of one layer in the form in which it computes on them.

    Attributes:
        graph: The edges, sorted; or the grid that they are.
        edge_weight: float ``[E]``, ``None`` if all are one.
        edge_template: long ``[E]``; ``None`` for a grid.
        per_frame: Whether these are the edges of one frame, which all frames share.
        beside: For a grid of three taps the rows of a node's neighbours and its own, ``[3, N]``.
    """

    graph: TypedGraph | TemporalGrid
    edge_weight: Tensor | None = None
    edge_template: Tensor | None = None
    per_frame: bool = False
    beside: Tensor | None = None

    @classmethod
    def of(cls, edges: TypedEdges, num_types: int, size: tuple[int, int]) -> LayerEdges:
        """The edges between so many sources and targets, one by one."""
        graph = TypedGraph(edges.edge_index, edges.edge_type, num_types, *size).sorted()
        return cls(graph, edges.edge_weight, edges.edge_template)


def dilate(temporal: TypedEdges, reach: int) -> tuple[TypedEdges, ...]:
    """For each d from 1 to ``reach`` the edges of the frame offsets -d, 0, d, as types 0, 1, 2.

    What a temporal convolution of three taps and dilation d runs over.
    """
    return tuple(temporal.of_types((reach - d, reach, reach + d)) for d in range(1, reach + 1))


def whole_frames(edges: TypedEdges, num_nodes: int, graph: SkeletonGraph) -> TypedEdges | None:
    """The edges of one frame, if ``edges`` are what the builder makes of whole frames.

    Compares all of them, one pass over integers.
    """
    frames, rest = divmod(num_nodes, graph.num_joints)
    weight, all_edges = edges.edge_weight, frames * graph.num_edges
    if rest or frames == 0 or weight is None or is_differentiated(weight):
        return None
    if graph.labels.temporal == "product" or edges.edge_type.shape[0] != all_edges:
        return None
    one = one_frame(graph)
    start = torch.arange(0, num_nodes, graph.num_joints, device=weight.device)
    assert one.edge_weight is not None
    pairs = (
        (edges.edge_template, one.edge_template),
        (edges.edge_type, one.edge_type),
        (weight, one.edge_weight.to(weight.dtype)),
    )
    untouched = all(torch.equal(all_, single.repeat(frames)) for all_, single in pairs)
    moved = one.edge_index[:, None] + start[:, None]
    return one if untouched and torch.equal(edges.edge_index, moved.flatten(1)) else None


def one_frame(graph: SkeletonGraph) -> TypedEdges:
    """The edges of a whole frame, in the order in which connect() makes them."""
    order = graph.edge_index[1].sort(stable=True).indices
    return TypedEdges(
        graph.edge_index[:, order], graph.edge_type[order], graph.edge_weight[order], order
    )


def is_differentiated(weight: Tensor) -> bool:
    """Whether somebody asks for derivatives with respect to it, backward or forward."""
    return weight.requires_grad or forward_ad.unpack_dual(weight).tangent is not None


def split_edges(edges: TypedEdges, labels: EdgeLabels) -> tuple[TypedEdges, TypedEdges | None]:
    """Edges in space, and in time with labels from 0; all in space where labels say both."""
    if labels.temporal != "factorized":
        return edges, None
    in_space = edges.edge_type < labels.num_subsets
    temporal = edges.take((~in_space).nonzero().squeeze(1))
    weight = temporal.edge_weight
    if weight is not None and not is_differentiated(weight) and bool(weight.eq(1).all()):
        weight = None
    types = temporal.edge_type - labels.num_subsets
    return (
        edges.take(in_space.nonzero().squeeze(1)),
        temporal._replace(edge_type=types, edge_weight=weight),
    )


def joined(first: TypedEdges, second: TypedEdges) -> TypedEdges:
    """All edges of both."""
    weights = [
        torch.ones(len(edges.edge_type), device=edges.edge_type.device)
        if edges.edge_weight is None
        else edges.edge_weight
        for edges in (first, second)
    ]
    return TypedEdges(
        torch.cat([first.edge_index, second.edge_index], dim=1),
        torch.cat([first.edge_type, second.edge_type]),
        torch.cat(weights),
        torch.cat([first.edge_template, second.edge_template]),
    )
