"""The two central nouns: one labelled frame (SkeletonGraph) and one clip (SkeletonData)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal

import networkx as nx
import torch
from torch import Tensor
from torch_geometric.data import Data

from stgraph import normalization as norms
from stgraph import partition as partitions
from stgraph.skeleton import SkeletonLayout

Temporal = Literal["factorized", "product"] | None


@dataclass(frozen=True)
class EdgeLabels:
    """What the numbers in ``edge_type`` mean.

    With K = ``num_subsets``, Γ = ``temporal_kernel`` and
    τ = frame of source - frame of target + ⌊Γ/2⌋:

    * ``temporal="factorized"``: spatial edges carry k in 0..K-1, temporal edges K + τ;
    * ``temporal="product"``: every edge carries k + K τ (the paper's equation 9);
    * ``temporal=None``: spatial edges only.
    """

    num_subsets: int
    temporal_kernel: int = 9
    temporal: Temporal = "factorized"

    def __post_init__(self) -> None:
        if self.temporal_kernel < 1 or self.temporal_kernel % 2 == 0:
            raise ValueError(
                f"The temporal kernel counts frames around and including a frame, so it is odd "
                f"(1, 3, 9 ...), not {self.temporal_kernel}."
            )
        if self.temporal not in ("factorized", "product", None):
            raise ValueError(f"temporal is 'factorized', 'product' or None, not {self.temporal!r}.")

    @property
    def num_edge_types(self) -> int:
        if self.temporal == "factorized":
            return self.num_subsets + self.temporal_kernel
        return self.num_subsets * (self.temporal_kernel if self.temporal else 1)

    @property
    def reach(self) -> int:
        """⌊Γ/2⌋, the number of frames that an edge can span."""
        return self.temporal_kernel // 2


@dataclass(frozen=True, eq=False)
class SkeletonGraph:
    """One labelled frame: layout, partition, normalisation and temporal kernel, built once.

    Edges point from ``source`` to ``target``; ``edge_index[:, e]`` carries the label
    ``edge_type[e]`` and the weight ``edge_weight[e]``. Fields on the CPU; :meth:`to` moves them.

    Shapes:
        - **edge_index:** long ``[2, E]``
        - **edge_type:** long ``[E]``, **edge_weight:** float ``[E]``
    """

    layout: SkeletonLayout
    edge_index: Tensor
    edge_type: Tensor
    edge_weight: Tensor
    subset_names: tuple[str, ...]
    labels: EdgeLabels

    @classmethod
    def from_layout(
        cls,
        layout: SkeletonLayout,
        partition: partitions.Strategy = partitions.spatial,
        *,
        normalization: norms.Normalization = norms.per_target,
        edge_index: Tensor | None = None,
        temporal_kernel: int = 9,
        temporal: Temporal = "factorized",
    ) -> SkeletonGraph:
        """Label and weigh the neighbourhoods of a layout.

        Args:
            layout: The joints and bones.
            partition: A strategy of :mod:`stgraph.partition`, or your own function.
            normalization: A function of :mod:`stgraph.normalization`, or your own.
            edge_index: The edges ``[2, E]`` of a frame, self-loops included; by default joints that
                share a bone. Wider ones: ``partition.neighborhood(layout, max_hop, dilation)``.
            temporal_kernel: Γ, odd: the number of frames that a node looks at. 3 is the plain
                construction of the paper's section 3.2, its networks use 9.
            temporal: How frames are joined, see :class:`EdgeLabels`.

        Raises:
            ValueError: If labels do not fit the edges or their names, or weights the edges.
        """
        if edge_index is None:
            edge_index = partitions.neighborhood(layout)
        partitions.check_edges(edge_index, layout)
        edge_type, subset_names = partition(layout, edge_index)
        _check_labels(edge_index, edge_type, subset_names)
        edge_weight = normalization(edge_index, edge_type, layout.num_joints)
        if edge_weight.shape != edge_type.shape:
            raise ValueError(
                f"The normalisation gave weights of shape {tuple(edge_weight.shape)} to "
                f"{len(edge_type)} edges; give each edge one weight."
            )
        labels = EdgeLabels(len(subset_names), temporal_kernel, temporal)
        return cls(layout, edge_index, edge_type, edge_weight, tuple(subset_names), labels)

    @property
    def identity(self) -> str:
        """Layout and digest, as clips carry them."""
        return f"{self.layout.name} {self.digest}"

    @property
    def num_subsets(self) -> int:
        return self.labels.num_subsets

    @property
    def num_edge_types(self) -> int:
        return self.labels.num_edge_types

    @property
    def num_joints(self) -> int:
        return self.layout.num_joints

    @property
    def num_edges(self) -> int:
        return self.edge_index.shape[1]

    @property
    def adjacency(self) -> Tensor:
        """Dense ``[K, V, V]``; entry ``[k, v, w]`` is the weight of the edge v -> w in subset k."""
        source, target = self.edge_index
        dense = self.edge_weight.new_zeros(self.num_subsets, self.num_joints, self.num_joints)
        dense[self.edge_type, source, target] = self.edge_weight
        return dense

    def completed(self) -> SkeletonGraph:
        """Every joint joined to every joint in every subset, with weight one: K V V edges.

        The edges over which a network learns its adjacency freely, as ST-GCN++ does; it starts
        from the :attr:`adjacency` of this graph.
        """
        subset, source, target = torch.ones_like(self.adjacency).nonzero().T
        edge_weight = torch.ones_like(subset, dtype=self.edge_weight.dtype)
        edge_index = torch.stack([source, target])
        return replace(self, edge_index=edge_index, edge_type=subset, edge_weight=edge_weight)

    def to(self, device: torch.device | str) -> SkeletonGraph:
        """The same graph with its tensors on ``device``."""
        moved = {
            field.name: getattr(self, field.name).to(device)
            for field in fields(self)
            if isinstance(getattr(self, field.name), Tensor)
        }
        return replace(self, **moved)

    @cached_property
    def digest(self) -> str:
        """A short name of all that the graph is: equal graphs have equal digests."""
        return hashlib.sha256(json.dumps(self.to_dict()).encode()).hexdigest()[:12]

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, fit for JSON and for check points that are safe to load."""
        return {
            "layout": self.layout.to_dict(),
            "edge_index": self.edge_index.tolist(),
            "edge_type": self.edge_type.tolist(),
            "edge_weight": self.edge_weight.tolist(),
            "subset_names": list(self.subset_names),
            "labels": asdict(self.labels),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SkeletonGraph:
        """The graph that :meth:`to_dict` wrote, whatever function labelled it then."""
        return cls(
            SkeletonLayout.from_dict(values["layout"]),
            torch.tensor(values["edge_index"], dtype=torch.long).reshape(2, -1),
            torch.tensor(values["edge_type"], dtype=torch.long),
            torch.tensor(values["edge_weight"], dtype=torch.float),
            tuple(values["subset_names"]),
            EdgeLabels(**values["labels"]),
        )

    def __repr__(self) -> str:
        counts = torch.bincount(self.edge_type, minlength=self.num_subsets).tolist()
        subsets = ", ".join(
            f"{name}: {count}" for name, count in zip(self.subset_names, counts, strict=True)
        )
        return f"SkeletonGraph({self.layout.name}, {subsets}; {self.labels})"


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


def _check_labels(edge_index: Tensor, edge_type: Tensor, names: tuple[str, ...]) -> None:
    if edge_type.dtype != torch.long or edge_type.shape != edge_index.shape[1:]:
        raise ValueError(
            f"The partition gave labels of shape {tuple(edge_type.shape)} and type "
            f"{edge_type.dtype} to {edge_index.shape[1]} edges; give each edge one label, "
            "a whole number (torch.long)."
        )
    if edge_type.numel() and not (0 <= int(edge_type.min()) <= int(edge_type.max()) < len(names)):
        raise ValueError(
            f"The partition gave labels {int(edge_type.min())} to {int(edge_type.max())}, "
            f"but named {len(names)} subsets: {', '.join(names)}."
        )
