"""The graph of a batch at one temporal resolution, derived once and shared by all layers on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor
from torch_geometric.utils import scatter

from stgraph.data import SkeletonData
from stgraph.edges import (
    Nodes,
    bodies_of,
    connect,
    frames_of,
    spatial_fields,
    temporal_fields,
)
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
        one_by_one: Whether layers get all edges even where they are regular, for those who look at
            messages.
    """

    nodes: Nodes
    clip: Tensor
    num_clips: int
    num_persons: int
    graph: SkeletonGraph
    given: tuple[TypedEdges, TypedEdges | None] | None
    one_by_one: bool = False

    @classmethod
    def of(cls, data: SkeletonData, graph: SkeletonGraph, *, one_by_one: bool = False) -> Level:
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
            return cls(nodes, clip, num_clips, num_persons, graph, None, one_by_one)
        edges = TypedEdges(data.edge_index, data.edge_type, data.edge_weight, data.edge_template)
        given = split_edges(edges, graph.labels)
        return cls(nodes, clip, num_clips, num_persons, graph, given, one_by_one)

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
        if self.given is not None:
            return whole_frames(self.spatial, self.num_nodes, self.graph)
        if self.graph.labels.temporal == "product":
            return None
        whole = frames_of(self.nodes, self.graph.num_joints) is not None
        return one_frame(self.graph) if whole else None

    @cached_property
    def runs(self) -> Tensor | None:
        """First frame and number of frames of each body, long ``[R, 2]`` on the CPU.

        ``None`` unless every body is there with all joints in consecutive frames, in order, and
        its edges in time are what the builder makes.
        """
        if self.one_by_one or self.graph.labels.temporal != "factorized":
            return None
        found = bodies_of(self.nodes, self.graph.num_joints)
        if found is None:
            return None
        if self.given is not None:
            temporal = self.given[1]
            made = _temporal(self.nodes, self.graph.labels)
            if temporal is None or not temporal.are_unweighted(made):
                return None
        start, frames = found.T
        first = self.nodes.frame[start * self.graph.num_joints]
        return torch.stack([first, frames], dim=1).cpu()

    @property
    def _is_made(self) -> bool:
        """Whether the edges are those that the graph makes of whole bodies."""
        return self.runs is not None and self.frame_edges is not None

    @property
    def spatial_types(self) -> int:
        """How many labels spatial edges have, with the product partition all."""
        labels = self.graph.labels
        return labels.num_edge_types if labels.temporal == "product" else labels.num_subsets

    def parts(self, nodes: int) -> list[slice]:
        """Rows of the batch in parts of about so many nodes, cut between clips.

        One part of all, if clips are not one after the other or edges may lead from clip to clip.
        """
        everything = [slice(None)]
        if self.given is not None and not self._is_made:
            return everything
        if bool((self.clip[1:] < self.clip[:-1]).any()):
            return everything
        ends = torch.bincount(self.clip, minlength=self.num_clips).cumsum(0).tolist()
        cuts = [0]
        for before, end in zip([0, *ends[:-1]], ends, strict=True):
            if end - cuts[-1] > nodes and before > cuts[-1]:
                cuts.append(before)
        return [slice(*ends) for ends in pairwise([*cuts, self.num_nodes])]

    def part(self, rows: slice) -> Level:
        """The level of these rows alone, one of :meth:`parts`."""
        if rows == slice(None):
            return self
        nodes = Nodes(*(field[rows] for field in self.nodes))
        counts = (self.num_clips, self.num_persons)
        return Level(nodes, self.clip[rows], *counts, self.graph, None, self.one_by_one)

    def window(self, first: int, last: int) -> tuple[Tensor, Level]:
        """The nodes of frames ``first..last-1`` of every clip, and the level of these alone."""
        keep = (self.nodes.frame >= first) & (self.nodes.frame < last)
        rows = keep.nonzero().squeeze(1)
        nodes = Nodes(*(field[rows] for field in self.nodes))
        given = None
        if self.given is not None and not self._is_made:
            number = torch.full_like(self.clip, -1)
            number[rows] = torch.arange(len(rows), device=rows.device)
            spatial, temporal = self.given
            within = None if temporal is None else temporal.within(keep, number)
            given = (spatial.within(keep, number), within)
        counts = (self.num_clips, self.num_persons)
        return rows, Level(nodes, self.clip[rows], *counts, self.graph, given, self.one_by_one)

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
        coarsening = Coarsening(kept, stride, self, (keep, number))
        given = None
        if self.given is not None and not self._is_made:
            given = self._coarse_edges(keep, number, nodes)
        counts = (self.num_clips, self.num_persons)
        coarse = Level(nodes, self.clip[kept], *counts, self.graph, given, self.one_by_one)
        return coarsening, coarse

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
    stride: int
    fine: Level
    _numbered: tuple[Tensor, Tensor]

    @cached_property
    def edges(self) -> TypedEdges:
        """The fine level's last edges into the kept nodes."""
        return self.fine.last.into(*self._numbered)

    @cached_property
    def dilated(self) -> tuple[TypedEdges, ...]:
        """As :attr:`Level.dilated`, into the kept nodes."""
        return dilate(self.edges, self.fine.graph.labels.reach)


def _temporal(nodes: Nodes, labels: EdgeLabels) -> TypedEdges:
    made = TypedEdges(**temporal_fields(nodes, labels))
    return made._replace(edge_type=made.edge_type - labels.num_subsets, edge_weight=None)


def _check_clips(data: SkeletonData, graph: SkeletonGraph) -> None:
    for facts in data.clips:
        if facts.graph != graph.identity:
            raise ValueError(
                f"Clip {facts.name or '(no name)'} was built with another graph ({facts.graph}, "
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
