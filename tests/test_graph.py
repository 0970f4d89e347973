"""SkeletonGraph as a value, SkeletonData as a guest of PyG and networkx."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader

from stgraph import layouts, normalization
from stgraph.build import build_clip, to_keypoints
from stgraph.graph import ClipFacts, EdgeLabels, SkeletonData, SkeletonGraph

from .draws import clips, edges_of, layout_of, skeletons

GRAPH = SkeletonGraph.from_layout(layout_of([(1, 0), (2, 1)], joints=3), temporal_kernel=3)
NODE_FIELDS = {"x", "frame", "joint", "person"}
FIELDS = {"edge_index", "edge_type", "edge_weight", "edge_template"} | NODE_FIELDS


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


def clip_of(frames: int, y: int = 0, persons: int = 1) -> SkeletonData:
    keypoints = torch.randn(persons, frames, 3, 2)
    return build_clip(keypoints, GRAPH, y=y, name=f"clip of {frames}")


def same(ours: SkeletonData, theirs: SkeletonData) -> bool:
    tensors = all(torch.equal(ours[key], theirs[key]) for key in FIELDS | {"y"})
    return tensors and ours.clips == theirs.clips


def test_batching_renumbers_edge_ends_and_nothing_else():
    parts = [clip_of(4, y=2), clip_of(1), clip_of(7, y=1, persons=2)]
    batch = Batch.from_data_list(parts)
    for key in FIELDS - {"edge_index"}:
        assert torch.equal(batch[key], torch.cat([part[key] for part in parts]))
    shifted = [part.edge_index + at for part, at in zip(parts, [0, 12, 15], strict=True)]
    assert torch.equal(batch.edge_index, torch.cat(shifted, dim=1))
    assert batch.y.tolist() == [2, 0, 1] and batch.ptr.tolist() == [0, 12, 15, 57]
    assert isinstance(batch, SkeletonData)
    assert batch.clips == [part.clips[0] for part in parts]
    assert all(same(batch[at], part) for at, part in enumerate(parts))


def test_a_batch_is_no_single_clip():
    batch = Batch.from_data_list([clip_of(4), clip_of(2)])
    for one_too_many in (batch, Batch.from_data_list([clip_of(4)])):
        with pytest.raises(ValueError, match=r"takes one clip, .*use batch\[i\]"):
            to_keypoints(one_too_many)
    assert to_keypoints(batch[1]).shape == (1, 2, 3, 2)


def test_loaders_with_workers_hand_over_whole_clips():
    clips = [clip_of(frames) for frames in range(1, 8)]
    loader = DataLoader(clips, batch_size=3, num_workers=2)
    found = [batch[at] for batch in loader for at in range(batch.num_graphs)]
    assert len(found) == 7 and all(map(same, found, clips))


def test_a_subgraph_is_the_clip_of_the_nodes_that_are_left():
    keypoints, keep = torch.randn(2, 4, 3, 2), torch.rand(2, 4, 3) < 0.6
    data = build_clip(keypoints, GRAPH, y=1)
    cut = data.subgraph(keep.flatten())
    seen = build_clip(keypoints, GRAPH, y=1, visible=keep)
    assert same(cut, seen) and isinstance(cut, SkeletonData)
    only_space = data.edge_subgraph(data.edge_template >= 0)
    assert only_space.edge_type.tolist() == data.edge_type[data.edge_template >= 0].tolist()


def test_a_subgraph_keeps_fields_apart_where_there_are_as_many_edges_as_nodes():
    dot = SkeletonGraph.from_layout(layout_of([], joints=1), temporal=None)
    keypoints, keep = torch.randn(1, 5, 1, 2), torch.tensor([1, 0, 1, 1, 0]).bool()
    data = build_clip(keypoints, dot, y=1)
    assert data.num_nodes == data.num_edges == 5
    assert same(data.subgraph(keep), build_clip(keypoints, dot, y=1, visible=keep[None, :, None]))


def test_a_clip_whose_nodes_are_all_removed_is_unseen_everywhere():
    data = clip_of(4)
    nothing = data.subgraph(torch.zeros(12, dtype=torch.bool))
    assert nothing.num_nodes == nothing.num_edges == 0
    assert to_keypoints(nothing).shape == (1, 4, 3, 2) and to_keypoints(nothing).isnan().all()


@settings(deadline=None)
@given(clips(3), st.sampled_from([torch.float32, torch.float64]))
def test_networkx_and_back_changes_nothing(drawn, dtype: torch.dtype):
    keypoints, visible = drawn
    data = build_clip(keypoints.to(dtype) / 3, GRAPH, y=1, visible=visible, name="wave")
    back = SkeletonData.from_networkx(data.to_networkx())
    assert same(back, data)
    assert back.x.dtype == back.edge_weight.dtype == dtype


def test_networkx_carries_every_field_of_nodes_and_edges():
    graph = clip_of(2).to_networkx()
    assert graph.number_of_nodes() == 6 and graph.number_of_edges() == 14 + 12
    assert set(graph.nodes[0]) == {"x", "frame", "joint", "person"}
    kinds = [edge["edge_type"] for edge in graph.get_edge_data(0, 0).values()]
    assert sorted(kinds) == [0, 4]  # a node is its own root in space and its own middle in time


@pytest.mark.parametrize("key", [None, "handshake", 99])
def test_an_edge_added_in_networkx_comes_back_with_weight_one_and_no_template(key):
    data = clip_of(2, persons=2)
    graph = data.to_networkx()
    graph.add_edge(2, 8, key, edge_type=1)
    back = SkeletonData.from_networkx(graph)
    hands = ((0, 0, 2), (1, 0, 2), 1, -1, 1.0)
    assert edges_of(back) == sorted([*edges_of(data), hands])
    assert torch.equal(back.x, data.x) and back.clips == data.clips


def test_a_node_removed_in_networkx_takes_its_edges_along():
    data = clip_of(3)
    graph = data.to_networkx()
    graph.remove_node(4)
    keep = torch.arange(9) != 4
    assert same(SkeletonData.from_networkx(graph), data.subgraph(keep))


def test_a_clip_knows_its_size_without_its_tensors():
    facts = ClipFacts(2, 5, 3, GRAPH.labels, GRAPH.identity, "clip of 5")
    assert clip_of(5, persons=2).clips == [facts]


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


def test_a_clip_made_by_hand_without_facts_has_none():
    assert SkeletonData(x=torch.zeros(1, 3)).clips == []
