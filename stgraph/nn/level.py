"""The graph of a batch at one temporal resolution, derived once and shared by all layers on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch_geometric.utils import scatter

from stgraph.build import Nodes, connect, temporal_fields
from stgraph.data import SkeletonData
from stgraph.graph import EdgeLabels, SkeletonGraph


class TypedEdges(NamedTuple):
    """What a layer needs of the edges; a weight of ``None`` means that all are one."""

    edge_index: Tensor
    edge_type: Tensor
    edge_weight: Tensor | None
    edge_template: Tensor

    def take(self, at: Tensor) -> TypedEdges:
        """The edges at these positions."""
        weight = None if self.edge_weight is None else self.edge_weight[at]
        return TypedEdges(
            self.edge_index[:, at], self.edge_type[at], weight, self.edge_template[at]
        )

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


@dataclass(frozen=True)
class Level:
    """Nodes and edges of a batch at one temporal resolution.

    Attributes:
        nodes: Body (a person of a clip), joint and frame of each node; frames count from each
            clip's first node.
        clip: The clip of each node, long ``[N]``.
        num_clips, num_persons: Clips in the batch, and persons in the fullest clip, so that
            ``body = clip * num_persons + person``.
        spatial: Edges with labels 0..K-1; with the product partition all edges, K Γ labels.
        temporal: Same-joint edges with labels 0..Γ-1; ``None`` with the product partition.
        graph: The labelled frame that the clips were built with.
    """

    nodes: Nodes
    clip: Tensor
    num_clips: int
    num_persons: int
    spatial: TypedEdges
    temporal: TypedEdges | None
    graph: SkeletonGraph

    @classmethod
    def of(cls, data: SkeletonData, graph: SkeletonGraph) -> Level:
        """The finest level: the nodes and edges of ``data`` as they are.

        Raises:
            ValueError: If the edges of ``data`` are labelled otherwise than those of ``graph``.
        """
        _check_clips(data, graph)
        clip = torch.zeros_like(data.joint) if data.batch is None else data.batch
        num_clips = 1 if data.batch is None else data.num_graphs
        num_persons = 1 + int(data.person.max()) if data.num_nodes else 1
        start = scatter(data.frame, clip, dim_size=num_clips, reduce="min")
        nodes = Nodes(clip * num_persons + data.person, data.joint, data.frame - start[clip])
        edges = TypedEdges(data.edge_index, data.edge_type, data.edge_weight, data.edge_template)
        spatial, temporal = _split(edges, graph.labels)
        return cls(nodes, clip, num_clips, num_persons, spatial, temporal, graph)

    @property
    def num_nodes(self) -> int:
        return self.clip.shape[0]

    @property
    def last(self) -> TypedEdges:
        """The edges that the last convolution of a block runs over: in time, if there are such."""
        return self.spatial if self.temporal is None else self.temporal

    @cached_property
    def dilated(self) -> tuple[TypedEdges, ...]:
        """For each d from 1 to ``reach`` the temporal edges of :func:`dilate`."""
        return dilate(self.last, self.graph.labels.reach)

    @cached_property
    def frame_edges(self) -> TypedEdges | None:
        """The edges of one frame, if every V nodes are a whole frame and nobody touched its edges.

        A spatial convolution is then the same small one on all frames, ``[N / V, V, C]``. ``None``
        if nodes are missing or out of order, or if any edge differs from the graph's, in whatever.
        """
        return whole_frames(self.spatial, self.num_nodes, self.graph)

    def coarsen(self, stride: int) -> tuple[Coarsening, Level]:
        """Keep frames 0, s, 2s ... of every clip, for the whole batch at once.

        Spatial edges of kept frames stay as they are, whoever made them. Temporal edges are made
        anew from where the kept nodes are, since at the coarser resolution they reach farther.
        """
        keep = self.nodes.frame % stride == 0
        kept = keep.nonzero().squeeze(1)
        number = torch.full_like(self.clip, -1)
        number[kept] = torch.arange(len(kept), device=kept.device)
        nodes = Nodes(
            self.nodes.body[kept], self.nodes.joint[kept], self.nodes.frame[kept] // stride
        )
        labels = self.graph.labels
        coarsening = Coarsening(kept, self.last.into(keep, number), labels.reach)
        if labels.temporal == "product":
            spatial, temporal = self._coarse_product(keep, number, nodes), None
        else:
            spatial = self.spatial.within(keep, number)
            temporal = None if self.temporal is None else _temporal(nodes, labels)
        clip = self.clip[kept]
        counts = (self.num_clips, self.num_persons)
        return coarsening, Level(nodes, clip, *counts, spatial, temporal, self.graph)

    def _coarse_product(self, keep: Tensor, number: Tensor, nodes: Nodes) -> TypedEdges:
        """Edges within a frame as they are, those over frames anew from the template."""
        graph, labels = self.graph, self.graph.labels
        inside = self.spatial.edge_type // labels.num_subsets == labels.reach
        same = self.spatial.take(inside.nonzero().squeeze(1)).within(keep, number)
        taps = torch.arange(-labels.reach, labels.reach + 1, device=keep.device)
        made = connect(nodes, graph.edge_index, taps[taps != 0])
        across = TypedEdges(
            torch.stack([made.source, made.target]),
            graph.edge_type[made.template] + labels.num_subsets * (made.offset + labels.reach),
            graph.edge_weight[made.template],
            made.template,
        )
        return _joined(same, across)


@dataclass(frozen=True)
class Coarsening:
    """A step to a coarser level: the kept nodes ``[N']`` and the bipartite edges into them."""

    kept: Tensor
    edges: TypedEdges
    reach: int

    @cached_property
    def dilated(self) -> tuple[TypedEdges, ...]:
        """As :attr:`Level.dilated`, into the kept nodes."""
        return dilate(self.edges, self.reach)


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
    order = graph.edge_index[1].sort(stable=True).indices  # as connect() puts them
    edge_index, edge_type = graph.edge_index[:, order], graph.edge_type[order]
    edge_weight = graph.edge_weight.to(weight.dtype)[order]
    start = torch.arange(0, num_nodes, graph.num_joints, device=weight.device)
    pairs = (
        (edges.edge_template, order),
        (edges.edge_type, edge_type),
        (weight, edge_weight),
    )
    untouched = all(torch.equal(all_, one.repeat(frames)) for all_, one in pairs)
    moved = edge_index[:, None] + start[:, None]
    if not (untouched and torch.equal(edges.edge_index, moved.flatten(1))):
        return None
    return TypedEdges(edge_index, edge_type, edge_weight, order)


def is_differentiated(weight: Tensor) -> bool:
    """Whether somebody asks for derivatives with respect to it, backward or forward."""
    return weight.requires_grad or forward_ad.unpack_dual(weight).tangent is not None


def _split(edges: TypedEdges, labels: EdgeLabels) -> tuple[TypedEdges, TypedEdges | None]:
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


def _joined(first: TypedEdges, second: TypedEdges) -> TypedEdges:
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


def _temporal(nodes: Nodes, labels: EdgeLabels) -> TypedEdges:
    made = TypedEdges(**temporal_fields(nodes, labels))
    return made._replace(edge_type=made.edge_type - labels.num_subsets, edge_weight=None)


def _check_clips(data: SkeletonData, graph: SkeletonGraph) -> None:
    for facts in data.clips:
        if facts.graph != graph.identity:
            raise ValueError(
                f"Clip {facts.name or ''} was built with another graph ({facts.graph}, "
                f"{facts.labels}) than the network ({graph.identity}, {graph.labels}); build clips "
                "with the network's graph (model.graph)."
            )
    fields = ("edge_type", "edge_weight", "edge_template")
    if data.num_nodes and int(data.joint.max()) >= graph.num_joints:
        raise ValueError(
            f"Nodes have joint numbers up to {int(data.joint.max())}, layout "
            f"'{graph.layout.name}' has 0 to {graph.num_joints - 1}; nodes that you add take one "
            "of these, or use a layout with a joint more."
        )
    lengths = {key: len(data[key]) if key in data else None for key in fields}
    if set(lengths.values()) != {data.edge_index.shape[1]}:
        raise ValueError(
            f"There are {data.edge_index.shape[1]} edges, but {lengths}; whoever adds edges gives "
            "each a type, a weight and the template -1."
        )
