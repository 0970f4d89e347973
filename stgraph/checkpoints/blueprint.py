"""The architecture that the names and shapes in a released file tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from stgraph import normalization, partition
from stgraph.checkpoints.adjacency import (
    PYSKL_LAYOUTS,
    ST_GCN_LAYOUTS,
    check_joints,
    graph_of,
    layout_for,
)
from stgraph.checkpoints.families import ADJACENCY, Family
from stgraph.graph import EdgeLabels, SkeletonGraph
from stgraph.nn import SkeletonNetwork, STGCNPlusPlus, STGCNv010
from stgraph.skeleton import SkeletonLayout

MOST = 64  # blocks and subsets that are looked for in a file
KERNEL = 9  # Γ of all released networks; ST-GCN++ does not say it in its weights


class Blueprint:
    """What the names and shapes of a file say about its network."""

    def __init__(self, family: Family, weights: Mapping[str, Tensor], path: str | Path) -> None:
        self.family, self.weights, self.path = family, weights, path
        self.their_names: dict[str, list[str]] = {}  # those in the file, by ours
        for entry in family.entries(MOST, MOST):
            if entry.theirs in weights:
                self.their_names.setdefault(entry.ours, []).append(entry.theirs)
        norms = [i for i in range(MOST) if f"blocks.{i}.spatial_norm.weight" in self.their_names]
        self.num_blocks = max(norms, default=0) + 1

    def build(
        self,
        layout: SkeletonLayout | None,
        graph: SkeletonGraph | None,
        strides: Sequence[int] | None,
    ) -> SkeletonNetwork:
        """A new network of that architecture."""
        blocks = range(self.num_blocks)
        channels = self.shape("blocks.0.spatial.weight", 4)[1]
        classes = self.shape("classifier.weight", 2 + self.family.form.extra)[0]
        widths = [self.shape(f"blocks.{i}.spatial_norm.weight", 1)[0] for i in blocks]
        if strides is None:  # the published blocks have a convolution beside them to halve time
            strides = [1 + (f"blocks.{i}.residual.0.weight" in self.their_names) for i in blocks]
        if len(strides) != len(widths):
            raise ValueError(
                f"{self.path} has {len(widths)} blocks, strides has {len(strides)} numbers."
            )
        if any(stride < 1 or stride != int(stride) for stride in strides):
            raise ValueError(f"strides are whole numbers of at least 1, found {list(strides)}.")
        graph = self.graph(layout, graph, channels)
        statistics = self.shape("data_norm.weight", 1)[0]
        persons, rest = divmod(statistics, channels * graph.num_joints)
        network = self.family.program.network
        apart = not rest and (persons > 1 or network is STGCNv010)
        return network(
            channels,
            classes,
            graph,
            blocks=list(zip(widths, strides, strict=True)),
            persons=persons if apart else None,
        )

    def graph(
        self, layout: SkeletonLayout | None, graph: SkeletonGraph | None, channels: int
    ) -> SkeletonGraph:
        """The labelled frame: as the file has it, or else as given or as the program makes it."""
        if graph is not None:
            if ADJACENCY in self.their_names:
                raise ValueError(
                    f"{self.path} holds its own adjacency; leave graph out, or give the layout."
                )
            return graph
        kernel = KERNEL
        if "blocks.0.temporal.weight" in self.their_names:
            kernel = self.shape("blocks.0.temporal.weight", 4)[2]
        if ADJACENCY in self.their_names:
            _, sources, targets = self.shape(ADJACENCY, 3)
            if sources != targets:
                raise ValueError(
                    f"{self.path} holds an adjacency of {sources} sources and {targets} targets; "
                    "expected as many of both."
                )
            adjacency = self.weights[self.their_names[ADJACENCY][0]]
            return graph_of(adjacency, layout, kernel, self.path)
        if self.family.program.network is STGCNPlusPlus:
            return self.learnt_graph(layout, kernel)
        return self.rebuilt_graph(layout, kernel, channels)

    def learnt_graph(self, layout: SkeletonLayout | None, kernel: int) -> SkeletonGraph:
        """No edges of its own: the weights of all are in the blocks."""
        subsets, joints, _ = self.shape("blocks.0.adjacency.weight", 3)
        layout = layout or layout_for(joints, PYSKL_LAYOUTS, self.path)
        check_joints(layout, joints, self.path)
        names: tuple[str, ...] = partition.SPATIAL_SUBSETS
        if subsets != len(names):
            names = tuple(f"subset {k}" for k in range(subsets))
        none, labels = torch.empty(2, 0, dtype=torch.long), EdgeLabels(subsets, kernel)
        return SkeletonGraph(layout, none, none[0], torch.empty(0), names, labels)

    def rebuilt_graph(
        self, layout: SkeletonLayout | None, kernel: int, channels: int
    ) -> SkeletonGraph:
        """What v0.1.0 computes anew at every start."""
        if "blocks.0.importance.weight" in self.their_names:
            joints = self.shape("blocks.0.importance.weight", 3)[1]
        else:
            joints = self.shape("data_norm.weight", 1)[0] // (2 * channels)
        layout = layout or layout_for(joints, ST_GCN_LAYOUTS, self.path)
        check_joints(layout, joints, self.path)
        subsets = len(self.their_names["blocks.0.spatial.weight"])
        strategies = {1: partition.uniform, 2: partition.distance, 3: partition.spatial}
        if subsets not in strategies:
            raise ValueError(
                f"{self.path} has {subsets} subsets and no adjacency; pass the graph it was "
                "trained with: load_checkpoint(path, graph=...)."
            )
        return SkeletonGraph.from_layout(
            layout,
            strategies[subsets],
            normalization=normalization.per_subset,
            temporal_kernel=kernel,
        )

    def shape(self, ours: str, dimensions: int | None = None) -> tuple[int, ...]:
        """The shape of the tensor that the file has for one of ours, if it has so many axes."""
        names = self.their_names.get(ours)
        if names is None:
            wanted = (entry for entry in self.family.entries(MOST, 1) if entry.ours == ours)
            raise ValueError(
                f"{self.path} is an incomplete check point of {self.family.name}: "
                f"{next(wanted).theirs} is missing."
            )
        shape = tuple(self.weights[names[0]].shape)
        if dimensions is not None and (len(shape) != dimensions or 0 in shape):
            raise ValueError(
                f"{self.path} is no check point of {self.family.name}: {names[0]} has the shape "
                f"{shape}, expected {dimensions} axes."
            )
        return shape
