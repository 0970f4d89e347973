"""SkeletonGraph is a value: it checks itself, survives JSON, and says what it is."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from stgraph import layouts, normalization
from stgraph.graph import EdgeLabels, SkeletonGraph

from .draws import layout_of, skeletons

GRAPH = SkeletonGraph.from_layout(layout_of([(1, 0), (2, 1)], joints=3), temporal_kernel=3)


def test_edge_labels_count_the_matrices_that_a_layer_needs():
    assert EdgeLabels(3, 9, "factorized").num_edge_types == 12
    assert EdgeLabels(3, 9, "product").num_edge_types == 27
    assert EdgeLabels(3, 9, None).num_edge_types == 3
    assert EdgeLabels(3, 9).reach == 4


@pytest.mark.parametrize("kernel", [0, 2, -1])
def test_a_temporal_kernel_is_odd(kernel: int):
    with pytest.raises(ValueError, match=rf"odd \(1, 3, 9 \.\.\.\), not {kernel}\."):
        SkeletonGraph.from_layout(layouts.NTU25, temporal_kernel=kernel)


def test_an_unknown_temporal_mode_is_answered_with_those_there_are():
    with pytest.raises(ValueError, match="'factorized', 'product' or None, not 'both'"):
        SkeletonGraph.from_layout(layouts.NTU25, temporal="both")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        (torch.zeros(5, dtype=torch.long), ("a",), r"shape \(5,\).* to 7 edges; give each edge"),
        (torch.zeros(7), ("a",), r"float32 to 7 edges; .* whole number"),
        (torch.full((7,), 2), ("a", "b"), "labels 2 to 2, but named 2 subsets: a, b"),
        (torch.full((7,), -1), ("a",), "labels -1 to -1, but named 1 subsets"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: Tensor, names: tuple[str, ...], message: str):
    with pytest.raises(ValueError, match=message):
        SkeletonGraph.from_layout(GRAPH.layout, lambda layout, edges: (labels, names))


def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"weights of shape \(3,\) to 7 edges"):
        SkeletonGraph.from_layout(GRAPH.layout, normalization=lambda *_: torch.ones(3))


@given(skeletons(), st.sampled_from([1, 9]), st.sampled_from(["factorized", "product", None]))
def test_a_graph_survives_json_whatever_function_labelled_it(layout, kernel, temporal):
    graph = SkeletonGraph.from_layout(
        layout,
        lambda _, edges: (edges[0] % 2, ("even", "odd")),
        normalization=normalization.symmetric,
        temporal_kernel=kernel,
        temporal=temporal,
    )
    back = SkeletonGraph.from_dict(json.loads(json.dumps(graph.to_dict())))
    assert (back.layout, back.subset_names, back.labels) == (
        graph.layout, graph.subset_names, graph.labels,
    )  # fmt: skip
    for name in ("edge_index", "edge_type", "edge_weight"):
        ours, theirs = getattr(back, name), getattr(graph, name)
        assert torch.equal(ours, theirs) and ours.dtype == theirs.dtype


def test_the_adjacency_has_sources_in_rows_and_targets_in_columns():
    adjacency = GRAPH.adjacency
    assert adjacency.shape == (3, 3, 3)
    assert adjacency[1, 0, 1] == pytest.approx(1 / 3)  # towards joint 1, which has three sources
    assert adjacency[1, 1, 0] == 0 and adjacency[2, 1, 0] == 0.5


def test_a_graph_says_what_it_is_and_moves_to_a_device():
    assert repr(GRAPH) == (
        "SkeletonGraph(drawn, root: 3, centripetal: 2, centrifugal: 2; EdgeLabels(num_subsets=3, "
        "temporal_kernel=3, temporal='factorized'))"
    )
    moved = GRAPH.to("cpu")
    assert torch.equal(moved.adjacency, GRAPH.adjacency) and moved.labels == GRAPH.labels
    assert GRAPH.to("meta").edge_weight.is_meta and not GRAPH.edge_weight.is_meta
    assert (GRAPH.num_edges, GRAPH.num_joints, GRAPH.num_edge_types) == (7, 3, 6)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        (torch.tensor([[0, 40], [1, 2]]), r"joints 0 to 40, layout 'NTU25' has 0 to 24"),
        (torch.tensor([[0, 1, 2]]), r"shape \[2, E\].*found torch.int64 of shape \[1, 3\]"),
        (torch.tensor([[0.0], [1.0]]), r"found torch.float32 of shape \[2, 1\]"),
    ],
)
def test_edges_that_are_no_edges_of_the_layout_are_named(edges, message):
    with pytest.raises(ValueError, match=message):
        SkeletonGraph.from_layout(layouts.NTU25, edge_index=edges)


def test_a_completed_graph_joins_all_joints_in_every_subset_with_weight_one():
    graph = SkeletonGraph.from_layout(layouts.HAND21)
    complete = graph.completed()
    assert torch.equal(complete.adjacency, torch.ones(3, 21, 21))
    assert complete.num_edges == 3 * 21 * 21
    assert (complete.layout, complete.labels) == (graph.layout, graph.labels)
    assert complete.completed().identity == complete.identity != graph.identity


def test_a_partition_by_name_is_refused():
    with pytest.raises(ValueError, match="is a function: partition.spatial, not 'spatial'"):
        SkeletonGraph.from_layout(layouts.NTU25, "spatial")
