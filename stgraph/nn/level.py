"""The graph of a batch at one temporal resolution, derived once and shared by all layers on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch_geometric.utils import scatter

from stgraph.data import SkeletonData
from stgraph.edges import Nodes, connect, spatial_fields, temporal_fields
from stgraph.graph import EdgeLabels, SkeletonGraph
from stgraph.nn.typed_edges import (
    TypedEdges,
    dilate,
    joined,
    one_frame,
    split_edges,
    whole_frames,
)


@dataclass(frozen=True)
class Level:
    """Nodes and edges of a batch at one temporal resolution.

    Attributes:
        nodes: Body (a person of a clip), joint and frame of each node; frames count from each
            clip's first node.
        clip: The clip of each node, long ``[N]``.
        num_clips, num_persons: Clips in the batch, and persons in the fullest clip, so that
            ``body = clip * num_persons + person``.
        graph: The labelled frame that the clips were built with.
        given: The edges of the batch, spatial and temporal; ``None`` if it came without, so that
            the graph's edges are made here, when a layer asks for them.
    """

    nodes: Nodes
    clip: Tensor
    num_clips: int
    num_persons: int
    graph: SkeletonGraph
    given: tuple[TypedEdges, TypedEdges | None] | None

    @classmethod
    def of(cls, data: SkeletonData, graph: SkeletonGraph) -> Level:
        """The finest level: the nodes and edges of ``data`` as they are, or nodes alone.

        Raises:
            ValueError: If the edges of ``data`` are labelled otherwise than those of ``graph``.
        """
        _check_clips(data, graph)
        clip = torch.zeros_like(data.joint) if data.batch is None else data.batch
        num_clips = 1 if data.batch is None else data.num_graphs
        num_persons = 1 + int(data.person.max()) if data.num_nodes else 1
        start = scatter(data.frame, clip, dim_size=num_clips, reduce="min")
        nodes = Nodes(clip * num_persons + data.person, data.joint, data.frame - start[clip])
        if graph.edge_weight.dtype != data.x.dtype:
            graph = replace(graph, edge_weight=graph.edge_weight.to(data.x.dtype))
        if "edge_index" not in data:
            return cls(nodes, clip, num_clips, num_persons, graph, given=None)
        edges = TypedEdges(data.edge_index, data.edge_type, data.edge_weight, data.edge_template)
        return cls(nodes, clip, num_clips, num_persons, graph, split_edges(edges, graph.labels))

    @property
    def num_nodes(self) -> int:
        return self.clip.shape[0]

    @cached_property
    def spatial(self) -> TypedEdges:
        """Edges with labels 0..K-1; with the product partition all edges, K Γ labels."""
        if self.given is not None:
            return self.given[0]
        return TypedEdges(**spatial_fields(self.nodes, self.graph))

    @cached_property
    def temporal(self) -> TypedEdges | None:
        """Same-joint edges with labels 0..Γ-1; ``None`` with the product partition."""
        if self.given is not None:
            return self.given[1]
        if self.graph.labels.temporal != "factorized":
            return None
        return _temporal(self.nodes, self.graph.labels)

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
        if self.given is None:
            return one_frame(self.graph) if self._is_whole() else None
        return whole_frames(self.spatial, self.num_nodes, self.graph)

    def _is_whole(self) -> bool:
        """Whether every V nodes are the joints of one body in one frame, in order."""
        joints = self.graph.num_joints
        if (
            self.num_nodes == 0
            or self.num_nodes % joints
            or self.graph.labels.temporal == "product"
        ):
            return False
        body, joint, frame = (field.view(-1, joints) for field in self.nodes)
        in_order = joint == torch.arange(joints, device=joint.device)
        return bool((in_order & (body == body[:, :1]) & (frame == frame[:, :1])).all())

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
        coarsening = Coarsening(kept, self.last.into(keep, number), self.graph.labels.reach)
        given = None if self.given is None else self._coarse_edges(keep, number, nodes)
        counts = (self.num_clips, self.num_persons)
        return coarsening, Level(nodes, self.clip[kept], *counts, self.graph, given)

    def _coarse_edges(
        self, keep: Tensor, number: Tensor, nodes: Nodes
    ) -> tuple[TypedEdges, TypedEdges | None]:
        if self.graph.labels.temporal == "product":
            return self._coarse_product(keep, number, nodes), None
        temporal = None if self.temporal is None else _temporal(nodes, self.graph.labels)
        return self.spatial.within(keep, number), temporal

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
        return joined(same, across)


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
    if "edge_index" not in data:
        return
    lengths = {key: len(data[key]) if key in data else None for key in fields}
    if set(lengths.values()) != {data.edge_index.shape[1]}:
        raise ValueError(
            f"There are {data.edge_index.shape[1]} edges, but {lengths}; whoever adds edges gives "
            "each a type, a weight and the template -1."
        )
