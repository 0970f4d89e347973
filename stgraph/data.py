"""A clip as a graph (SkeletonData): the central structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import networkx as nx
import torch
from torch import Tensor
from torch_geometric.data import Data

from stgraph.graph import EdgeLabels


@dataclass(frozen=True)
class ClipFacts:
    """What is known of a clip without looking at its tensors, so that no GPU has to be waited for.

    Attributes:
        persons, frames, joints: The shape of the keypoints that the clip was built from.
        labels: What its edge labels mean.
        graph: Layout and digest of the graph it was built with.
        name: What the clip is called, if anything.
    """

    persons: int
    frames: int
    joints: int
    labels: EdgeLabels
    graph: str
    name: str | None = None


class SkeletonData(Data):
    """A clip: every (person, frame, joint) that was seen is a node, every edge is explicit.

    It is an ordinary :class:`torch_geometric.data.Data`; batches, transforms, loaders, masks and
    subgraphs of PyG work on it. **Edges are the truth**: layers compute on the edges that are here,
    whoever added or removed some.

    ============= ========== ================================================================
    field         shape      meaning
    ============= ========== ================================================================
    x             ``[N, C]`` node features, in the order person, frame, joint (joint fastest)
    edge_index    ``[2, E]`` all edges, spatial and temporal, source -> target
    edge_type     ``[E]``    subset label, see :class:`EdgeLabels`
    edge_weight   ``[E]``    normalisation of the spatial edges; 1 for temporal ones
    edge_template ``[E]``    the edge of the SkeletonGraph that this one is a copy of; -1 for
                             same-joint temporal edges and for edges added by the user
    frame         ``[N]``    frame of each node
    joint         ``[N]``    joint of each node, 0..V-1
    person        ``[N]``    person of each node within its clip, 0..M-1
    y             ``[1]``    class, if known
    clip          fact       a :class:`ClipFacts`; in a batch a list of them
    ============= ========== ================================================================

    ``edge_template`` ties learnable edge importance over frames and clips, and survives sorting,
    filtering and batching. In a batch ``person`` and ``frame`` still count from each clip's own
    start; PyG's ``batch`` tells clips apart.
    """

    @property
    def clips(self) -> list[ClipFacts]:
        """The facts of each clip, as far as known: of one, or of all in a batch."""
        facts = self.get("clip") or []
        return [facts] if isinstance(facts, ClipFacts) else facts

    def with_edges(
        self, edge_index: Tensor, edge_type: int | Tensor, edge_weight: float | Tensor = 1.0
    ) -> SkeletonData:
        """The clip with further edges: to an object, between two persons, whatever is not anatomy.

        They are copies of no edge of the graph, so learnt importance leaves them alone. Edges
        within a frame live through strides; between frames they count up to the first.

        Args:
            edge_index: Source and target nodes, long ``[2, E]``; give both ways if both count.
            edge_type: Their labels, one for all or long ``[E]``. A network has a matrix for each
                label of its graph: give the partition one subset more for edges like these.
            edge_weight: Their weights, one for all or ``[E]``.

        Raises:
            ValueError: If this is a batch, or an edge names a node or a label that is not there.
        """
        if self.get("batch") is not None:
            raise ValueError(
                "with_edges takes one clip, this is a batch; add edges before batching."
            )
        labels = torch.as_tensor(edge_type, dtype=torch.long).expand(edge_index.shape[-1:])
        self._check_added(edge_index, labels)
        weights = torch.as_tensor(edge_weight, dtype=self.edge_weight.dtype).expand(labels.shape)
        joined = self.clone()
        joined.edge_index = torch.cat([self.edge_index, edge_index.to(self.edge_index)], dim=1)
        for key, values in (
            ("edge_type", labels),
            ("edge_weight", weights),
            ("edge_template", torch.full_like(labels, -1)),
        ):
            joined[key] = torch.cat([self[key], values.to(self[key].device)])
        return joined

    def _check_added(self, edge_index: Tensor, labels: Tensor) -> None:
        if edge_index.dtype != torch.long or edge_index.ndim != 2 or len(edge_index) != 2:
            raise ValueError(
                f"Edges are node numbers (torch.long) of shape [2, E], source and target, found "
                f"{edge_index.dtype} of shape {list(edge_index.shape)}."
            )
        known = self.clips[0].labels.num_edge_types if self.clips else None
        for what, numbers, most in (
            ("nodes", edge_index, self.num_nodes),
            ("labels", labels, known),
        ):
            if not numbers.numel() or most is None:
                continue
            low, high = int(numbers.min()), int(numbers.max())
            if low < 0 or high >= most:
                raise ValueError(
                    f"The clip has {what} 0 to {most - 1}, the edges name {low} to {high}."
                )

    def to_networkx(self) -> nx.MultiDiGraph:
        """The fields above of one clip as a networkx graph; :meth:`from_networkx` undoes it.

        Nodes carry ``x`` (a list), ``frame``, ``joint``, ``person``; edges carry ``edge_type``,
        ``edge_weight`` and ``edge_template``. A multigraph, since a node is joined to itself both
        in space (the root subset) and in time (offset zero).
        """
        y = None if self.y is None else self.y.tolist()
        graph = nx.MultiDiGraph(y=y, clip=self.get("clip"), dtype=self.x.dtype)
        columns = (self.x.tolist(), *(self[key].tolist() for key in _NODE_KEYS))
        for node, (x, *place) in enumerate(zip(*columns, strict=True)):
            graph.add_node(node, x=x, **dict(zip(_NODE_KEYS, place, strict=True)))
        edges = zip(*self.edge_index.tolist(), *(self[k].tolist() for k in _EDGE_KEYS), strict=True)
        for key, (source, target, *values) in enumerate(edges):
            graph.add_edge(source, target, key, **dict(zip(_EDGE_KEYS, values, strict=True)))
        return graph

    @classmethod
    def from_networkx(cls, graph: nx.MultiDiGraph) -> SkeletonData:
        """The clip that :meth:`to_networkx` wrote, with whatever was changed since.

        Edges added without ``edge_template`` and ``edge_weight`` get -1 and 1.
        """
        number = {node: index for index, node in enumerate(graph.nodes)}
        edges = sorted(graph.edges(keys=True, data=True), key=_edge_number)
        added = {"edge_weight": 1.0, "edge_template": -1}
        columns: dict[str, Any] = {
            key: torch.tensor([value[key] for _, value in graph.nodes(data=True)], dtype=torch.long)
            for key in _NODE_KEYS
        }
        coordinates = [value["x"] for _, value in graph.nodes(data=True)]
        x = torch.tensor(coordinates, dtype=graph.graph.get("dtype", torch.float))
        for key, dtype in _EDGE_KEYS.items():
            values = [(added | edge[3])[key] for edge in edges]
            columns[key] = torch.tensor(values, dtype=dtype or x.dtype)
        ends = [(number[source], number[target]) for source, target, *_ in edges]
        y, clip = graph.graph.get("y"), graph.graph.get("clip")
        return cls(
            x=x,
            edge_index=torch.tensor(ends, dtype=torch.long).reshape(-1, 2).T.contiguous(),
            y=None if y is None else torch.tensor(y),
            clip=clip,
            **columns,
        )


_NODE_KEYS = ("frame", "joint", "person")
_EDGE_KEYS = {"edge_type": torch.long, "edge_weight": None, "edge_template": torch.long}


def _edge_number(edge: tuple[Any, Any, Any, Any]) -> float:
    """The place of an edge; those that the user added under a name of their own come last."""
    return edge[2] if isinstance(edge[2], int) else float("inf")
