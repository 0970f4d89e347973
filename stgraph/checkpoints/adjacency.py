"""From the adjacency in a released file to the graph, its layout and the names of its subsets."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from stgraph import layouts, partition
from stgraph import normalization as norms
from stgraph.graph import EdgeLabels, SkeletonGraph
from stgraph.skeleton import SkeletonLayout

# Layouts of released programs; of several with as many joints the first that fits is taken.
ST_GCN_LAYOUTS = (
    layouts.NTU25,
    layouts.OPENPOSE18,
    layouts.NTU_EDGE24,
    layouts.COCO17_CYCLIC,
    layouts.NTU25_PYSKL,
    layouts.COCO17,
    layouts.HAND21,
)
PYSKL_LAYOUTS = (layouts.NTU25_PYSKL, layouts.OPENPOSE18, layouts.COCO17, layouts.HAND21)

_RELEASED = (
    (partition.spatial_2018, norms.per_target),
    (partition.spatial, norms.per_subset),
    (partition.spatial, norms.per_target),
    (partition.distance, norms.per_target),
    (partition.distance, norms.per_subset),
    (partition.uniform, norms.per_target),
    (partition.uniform, norms.random_walk_laplacian),
    (partition.uniform, norms.symmetric),
    (partition.uniform, norms.symmetric_laplacian),
)


def released_graphs(layout: SkeletonLayout) -> Iterator[SkeletonGraph]:
    """The graphs that released programs make of a layout, of one hop and of two."""
    for hops, (strategy, normalization) in itertools.product((1, 2), _RELEASED):
        edges = partition.neighborhood(layout, hops)
        yield SkeletonGraph.from_layout(
            layout, strategy, normalization=normalization, edge_index=edges
        )


def same_adjacency(one: Tensor, other: Tensor) -> bool:
    """Whether two adjacencies are equal but for rounding."""
    return one.shape == other.shape and torch.allclose(one, other, rtol=0, atol=1e-6)


def graph_of(
    adjacency: Tensor, layout: SkeletonLayout | None, temporal_kernel: int, path: str | Path
) -> SkeletonGraph:
    """The graph with exactly these weights ``[K, V, V]``, entry ``[k, source, target]``.

    Args:
        adjacency: As the file holds it.
        layout: The anatomy; ``None`` looks for a known one that gives this adjacency.
        temporal_kernel: Γ.
        path: Of the file, for messages.

    Raises:
        ValueError: If no known layout gives it, or the given one has another number of joints.
    """
    known = ST_GCN_LAYOUTS if layout is None else (layout,)
    match = _find(adjacency, known)
    if match is not None and torch.equal(match.adjacency, adjacency):
        labels = EdgeLabels(len(adjacency), temporal_kernel)
        return replace(match, labels=labels)
    if match is None:
        layout, subset_names = _unnamed(adjacency, layout, path)
    else:
        layout, subset_names = match.layout, match.subset_names
    edge_type, source, target = adjacency.nonzero().T
    edge_index = torch.stack([source, target])
    edge_weight = adjacency[edge_type, source, target]
    labels = EdgeLabels(len(adjacency), temporal_kernel)
    return SkeletonGraph(layout, edge_index, edge_type, edge_weight, subset_names, labels)


def layout_for(joints: int, known: Iterable[SkeletonLayout], path: str | Path) -> SkeletonLayout:
    """The first of the ``known`` layouts with so many joints."""
    for layout in known:
        if layout.num_joints == joints:
            return layout
    raise ValueError(
        f"{path} is of a network with {joints} joints; the released programs have no such layout, "
        "so pass the one it was trained with: load_checkpoint(path, layout=...)."
    )


def check_joints(layout: SkeletonLayout, joints: int, path: str | Path) -> None:
    """Raise :class:`ValueError` unless the layout has as many joints as the file."""
    if layout.num_joints != joints:
        raise ValueError(
            f"{path} is of a network with {joints} joints, layout '{layout.name}' has "
            f"{layout.num_joints}; pass the layout it was trained with."
        )


def _find(adjacency: Tensor, known: Iterable[SkeletonLayout]) -> SkeletonGraph | None:
    """The graph of a known layout and partition with this adjacency, but for rounding."""
    for layout in known:
        if layout.num_joints != adjacency.shape[-1]:
            continue
        for graph in released_graphs(layout):
            if same_adjacency(graph.adjacency, adjacency):
                return graph
    return None


def _unnamed(
    adjacency: Tensor, layout: SkeletonLayout | None, path: str | Path
) -> tuple[SkeletonLayout, tuple[str, ...]]:
    if layout is None:
        raise ValueError(
            f"The adjacency in {path}, for {adjacency.shape[-1]} joints in {len(adjacency)} "
            "subsets, is that of no released layout and partition; pass the layout it was trained "
            "with: load_checkpoint(path, layout=...)."
        )
    check_joints(layout, adjacency.shape[-1], path)
    return layout, tuple(f"subset {k}" for k in range(len(adjacency)))
