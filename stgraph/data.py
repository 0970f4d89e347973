"""A clip as a graph (SkeletonData): the central structure."""

from __future__ import annotations

from copy import copy
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

    def pairs(self, first: Tensor, second: Tensor) -> Tensor:
        """All pairs of a ``first`` and a ``second`` node of the same frame, there and back.

        Args:
            first: Which nodes, bool ``[N]``: ``(clip.joint == hand) & (clip.person == 0)``.
            second: The others.

        Returns:
            long ``[2, E]``, for :meth:`with_edges`.
        """
        here, there = first.nonzero()[:, 0], second.nonzero()[:, 0]
        there = there[self.frame[there].argsort(stable=True)]
        starts = torch.searchsorted(self.frame[there], self.frame[here])
        counts = torch.searchsorted(self.frame[there], self.frame[here], right=True) - starts
        which = torch.arange(int(counts.sum()), device=counts.device)
        which += (starts - counts.cumsum(0) + counts).repeat_interleave(counts)
        met = torch.stack([here.repeat_interleave(counts), there[which]])
        return torch.cat([met, met.flip(0)], dim=1)

    def with_edges(
        self, edge_index: Tensor, subset: int | Tensor, *, edge_weight: float | Tensor = 1.0
    ) -> SkeletonData:
        """The clip with further edges: to an object, between two persons, whatever is not anatomy.

        They are copies of no edge of the graph, so learnt importance leaves them alone. Through
        strides they live on while both ends are kept; those of product labels across frames do not.

        Args:
            edge_index: Source and target nodes, long ``[2, E]``; give both ways if both count.
            subset: Which of the graph's subsets they are in, one for all or long ``[E]``:
                ``graph.subset_names.index("touch")``. Give the partition one subset more for them.
            edge_weight: Their weights, one for all or ``[E]``.

        Raises:
            ValueError: If this is a batch or has no edges, or an edge names a node or a subset that
                is not there.
        """
        if self.get("batch") is not None or "edge_index" not in self:
            raise ValueError(
                "Edges are added to one clip that has some; add them before batching, and to what "
                "build_clip gives."
            )
        self._check_ends(edge_index)
        subsets = _column(subset, edge_index, torch.long)
        source, target = edge_index.to(self.frame.device)
        if self.clips:
            labels = self.clips[0].labels
            subsets = labels.of_subset(subsets, self.frame[source] - self.frame[target])
        joined = copy(self)
        joined.edge_index = torch.cat([self.edge_index, torch.stack([source, target])], dim=1)
        for key, values in (
            ("edge_type", subsets),
            ("edge_weight", _column(edge_weight, edge_index, self.edge_weight.dtype)),
            ("edge_template", torch.full_like(subsets, -1)),
        ):
            joined[key] = torch.cat([self[key], values.to(self[key].device)])
        return joined

    def _check_ends(self, edge_index: Tensor) -> None:
        if getattr(edge_index, "dtype", None) != torch.long:
            found = getattr(edge_index, "dtype", type(edge_index).__name__)
            raise ValueError(f"edge_index is a tensor of whole numbers (torch.long), not {found}.")
        if edge_index.ndim != 2 or len(edge_index) != 2:
            raise ValueError(
                f"edge_index is [2, E], sources and targets, not {list(edge_index.shape)}."
            )
        if edge_index.numel() and not 0 <= edge_index.min() <= edge_index.max() < self.num_nodes:
            raise ValueError(
                f"The clip has nodes 0 to {self.num_nodes - 1}, the edges name "
                f"{int(edge_index.min())} to {int(edge_index.max())}."
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


def _column(value: float | Tensor, edge_index: Tensor, dtype: torch.dtype) -> Tensor:
    """A number for each edge, of one for all or of as many as there are."""
    column, count = torch.as_tensor(value, device=edge_index.device), edge_index.shape[1]
    whole = not (column.is_floating_point() or column.dtype == torch.bool)
    if tuple(column.shape) not in ((), (count,)) or not (whole or dtype.is_floating_point):
        raise ValueError(
            f"Expected a number for all, or one for each of {count} edges, "
            f"{'whole ones for subsets' if dtype == torch.long else 'weights'}; found "
            f"{column.dtype} {list(column.shape)}."
        )
    return column.to(dtype).expand(count)


_NODE_KEYS = ("frame", "joint", "person")
_EDGE_KEYS = {"edge_type": torch.long, "edge_weight": None, "edge_template": torch.long}


def _edge_number(edge: tuple[Any, Any, Any, Any]) -> float:
    """The place of an edge; those that the user added under a name of their own come last."""
    return edge[2] if isinstance(edge[2], int) else float("inf")
