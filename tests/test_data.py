"""SkeletonData is a guest of PyG and networkx."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader

from stgraph.build import build_clip, clip_nodes, to_keypoints
from stgraph.data import ClipFacts, SkeletonData
from stgraph.graph import SkeletonGraph
from stgraph.nn import Level, STGCNConv

from .draws import clips, edges_of, layout_of

GRAPH = SkeletonGraph.from_layout(layout_of([(1, 0), (2, 1)], joints=3), temporal_kernel=3)
NODE_FIELDS = {"x", "frame", "joint", "person"}
FIELDS = {"edge_index", "edge_type", "edge_weight", "edge_template"} | NODE_FIELDS


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


def test_edges_are_added_behind_those_that_are_there():
    clip = clip_of(4, persons=2)
    pairs = torch.tensor([[0, 12], [12, 0]])
    joined = clip.with_edges(pairs, 2, edge_weight=0.5)
    assert joined.num_edges == clip.num_edges + 2 and joined.clips == clip.clips
    for key, last in (
        ("edge_type", [2, 2]),
        ("edge_weight", [0.5, 0.5]),
        ("edge_template", [-1] * 2),
    ):
        assert torch.equal(joined[key][:-2], clip[key]) and joined[key][-2:].tolist() == last
    assert torch.equal(joined.edge_index[:, -2:], pairs)
    exact = clip.clone()
    exact.edge_weight = exact.edge_weight.double()
    weights = torch.tensor([0.1, 3.0], dtype=torch.double)
    each = exact.with_edges(pairs, torch.tensor([0, 1]), edge_weight=weights)
    assert each.edge_type[-2:].tolist() == [0, 1] and torch.equal(each.edge_weight[-2:], weights)
    assert same(clip.with_edges(torch.empty(2, 0, dtype=torch.long), 0), clip)


def test_what_is_added_counts_in_a_batch_for_its_clip_alone():
    clip = clip_of(4, persons=2)
    joined = clip.with_edges(torch.tensor([[0], [12]]), 2)
    batch = Batch.from_data_list([clip, joined])
    conv = STGCNConv(2, 3, GRAPH.num_subsets + 3)
    with torch.no_grad():
        apart = conv(batch.x, batch.edge_index, batch.edge_type, batch.edge_weight)
        alone = conv(clip.x, clip.edge_index, clip.edge_type, clip.edge_weight)
        told = conv.weight[2].T @ clip.x[0]
    torch.testing.assert_close(apart[:24], alone)
    torch.testing.assert_close(apart[24 + 12] - alone[12], told)


def test_the_label_of_what_is_added_follows_from_subset_and_frames():
    product = SkeletonGraph.from_layout(GRAPH.layout, temporal_kernel=3, temporal="product")
    clip = build_clip(torch.randn(2, 4, 3, 2), product)
    pairs = torch.tensor([[0, 3, 12], [12, 0, 3]])  # frames 0 to 0, 1 to 0, 0 to 1
    assert clip.with_edges(pairs, 2).edge_type[-3:].tolist() == [2 + 3, 2 + 6, 2]
    assert product.labels.in_time(torch.tensor([2 + 3, 2 + 6, 2])).tolist() == [False, True, True]
    with pytest.raises(ValueError, match="reach 1 frames with a temporal kernel of 3, found 2"):
        clip.with_edges(torch.tensor([[6], [0]]), 2)
    factorized = clip_of(4, persons=2).with_edges(pairs, 2)
    assert factorized.edge_type[-3:].tolist() == [2, 2, 2]
    assert GRAPH.labels.in_time(torch.arange(6)).tolist() == [False] * 3 + [True] * 3


@pytest.mark.parametrize("temporal", ["factorized", "product"])
def test_what_is_added_within_a_frame_lives_while_the_frame_is_kept(temporal):
    graph = SkeletonGraph.from_layout(GRAPH.layout, temporal_kernel=3, temporal=temporal)
    clip = build_clip(torch.randn(2, 4, 3, 2), graph)
    joined = clip.with_edges(torch.tensor([[0, 3], [12, 15]]), 2)  # in frames 0 and 1
    _, coarse = Level.of(Batch.from_data_list([joined]), graph).coarsen(2)
    assert coarse.num_nodes == 12
    assert coarse.spatial.edge_index[:, coarse.spatial.edge_template < 0].tolist() == [[0], [6]]


@pytest.mark.parametrize(
    ("edges", "subset", "words"),
    [
        (torch.tensor([[0], [24]]), 0, "nodes 0 to 23, the edges name 0 to 24"),
        (torch.tensor([[0], [-1]]), 0, "the edges name -1 to 0"),
        (torch.tensor([[0], [1]]), 3, "subsets 0 to 2, found 3 to 3; .* partition one more"),
        (torch.tensor([[0], [1]]), -1, "subsets 0 to 2, found -1"),
        (torch.tensor([[0], [1]]), 1.5, "whole ones for subsets; found torch.float32"),
        (torch.tensor([[0], [1]]), torch.tensor([0, 1]), r"each of 1 edges.* found .*\[2\]"),
        (torch.tensor([[0.0], [1.0]]), 0, "torch.long"),
        ([[0], [1]], 0, "not list"),
        (torch.tensor([0, 1]), 0, r"not \[2\]"),
    ],
)
def test_edges_that_name_what_is_not_there_are_refused(edges, subset, words):
    with pytest.raises(ValueError, match=words):
        clip_of(4, persons=2).with_edges(edges, subset)


def test_edges_are_added_to_one_clip_that_has_some():
    pairs = torch.tensor([[0], [1]])
    with pytest.raises(ValueError, match="before batching"):
        Batch.from_data_list([clip_of(2)]).with_edges(pairs, 0)
    with pytest.raises(ValueError, match="what build_clip gives"):
        clip_nodes(torch.randn(1, 2, 3, 2), GRAPH).with_edges(pairs, 0)


@settings(max_examples=50)
@given(clips(3))
def test_pairs_are_all_of_two_groups_in_a_frame_there_and_back(drawn):
    keypoints, visible = drawn
    clip = build_clip(keypoints, GRAPH, visible=visible)
    first, second = torch.rand(clip.num_nodes) < 0.5, torch.rand(clip.num_nodes) < 0.5
    found = clip.pairs(first, second).T.tolist()
    met = [
        [a, b]
        for a in first.nonzero()[:, 0].tolist()
        for b in second.nonzero()[:, 0].tolist()
        if clip.frame[a] == clip.frame[b]
    ]
    assert sorted(found) == sorted(met + [[b, a] for a, b in met])


def test_a_clip_knows_its_size_without_its_tensors():
    facts = ClipFacts(2, 5, 3, GRAPH.labels, GRAPH.identity, "clip of 5")
    assert clip_of(5, persons=2).clips == [facts]


def test_a_clip_made_by_hand_without_facts_has_none():
    assert SkeletonData(x=torch.zeros(1, 3)).clips == []
