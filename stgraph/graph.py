"""One labelled frame (SkeletonGraph), and what its labels mean (EdgeLabels)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

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

    def in_time(self, edge_type: Tensor) -> Tensor:
        """Which labels are of edges in time, or across frames: bool, as many as labels."""
        if self.temporal == "product":
            return edge_type // self.num_subsets != self.reach
        return edge_type >= self.num_subsets

    def of_subset(self, subset: Tensor, offset: Tensor) -> Tensor:
        """The labels of edges in these subsets, ``offset`` frames from target to source.

        Raises:
            ValueError: If a subset is not there, or product edges reach farther than Γ.
        """
        if subset.numel() and not 0 <= int(subset.min()) <= int(subset.max()) < self.num_subsets:
            raise ValueError(
                f"The graph has subsets 0 to {self.num_subsets - 1}, found {int(subset.min())} to "
                f"{int(subset.max())}; for edges that are not anatomy give its partition one more."
            )
        if self.temporal != "product":
            return subset
        if offset.numel() and int(offset.abs().max()) > self.reach:
            raise ValueError(
                f"Edges reach {self.reach} frames with a temporal kernel of "
                f"{self.temporal_kernel}, found {int(offset.abs().max())}."
            )
        return subset + self.num_subsets * (offset + self.reach)

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
        if not callable(partition):
            raise ValueError(f"A partition is a function: partition.spatial, not {partition!r}.")
        if edge_index is None:
            edge_index = partitions.neighborhood(layout)
        partitions.check_edges(edge_index, layout)
        edge_type, subset_names = partition(layout, edge_index)
        _check_labels(edge_index, edge_type, subset_names)
        edge_weight = normalization(edge_index, edge_type, layout.num_joints)
        _check_weights(edge_weight, edge_type)
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
        """Dense ``[K, V, V]``; entry ``[k, v, w]`` is the weight of the edge v -> w in subset k.

        Edges that are given twice add up.
        """
        source, target = self.edge_index
        dense = self.edge_weight.new_zeros(self.num_subsets, self.num_joints, self.num_joints)
        place = (self.edge_type, source, target)
        return dense.index_put(place, self.edge_weight, accumulate=True)

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
        """The graph that :meth:`to_dict` wrote, whatever function labelled it then.

        Raises:
            ValueError: If edges, labels and weights do not fit.
        """
        graph = cls(
            SkeletonLayout.from_dict(values["layout"]),
            torch.tensor(values["edge_index"], dtype=torch.long).reshape(2, -1),
            torch.tensor(values["edge_type"], dtype=torch.long),
            torch.tensor(values["edge_weight"], dtype=torch.float),
            tuple(values["subset_names"]),
            EdgeLabels(**values["labels"]),
        )
        partitions.check_edges(graph.edge_index, graph.layout)
        _check_labels(graph.edge_index, graph.edge_type, graph.subset_names)
        _check_weights(graph.edge_weight, graph.edge_type)
        return graph

    def __repr__(self) -> str:
        counts = torch.bincount(self.edge_type, minlength=self.num_subsets).tolist()
        subsets = ", ".join(
            f"{name}: {count}" for name, count in zip(self.subset_names, counts, strict=True)
        )
        return f"SkeletonGraph({self.layout.name}, {subsets}; {self.labels})"


def _check_weights(edge_weight: Tensor, edge_type: Tensor) -> None:
    if edge_weight.shape != edge_type.shape:
        raise ValueError(
            f"The normalisation gave weights of shape {tuple(edge_weight.shape)} to "
            f"{len(edge_type)} edges; give each edge one weight."
        )


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
