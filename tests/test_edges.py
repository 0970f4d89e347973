"""Edges of whole frames, which are written without a search, against those that are searched."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric.data import Batch

from stgraph import SkeletonGraph, layouts, partition
from stgraph.build import add_edges, clip_nodes
from stgraph.copies import find_copies, write_out
from stgraph.edges import Nodes, bodies_of, connect, spatial_fields, temporal_fields, typed_edges

from .draws import skeletons

FIELDS = ("edge_index", "edge_type", "edge_weight", "edge_template")


def some_bodies(lengths: list[int], joints: int, first: int = 0) -> Nodes:
    """Whole frames ``first``, ``first + 1`` ... of bodies that are so long."""
    frames = torch.cat([torch.arange(first, first + length) for length in lengths])
    body = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))
    columns = (body[:, None], torch.arange(joints), frames[:, None])
    return Nodes(*(column.expand(len(frames), joints).flatten() for column in columns))


def taken(nodes: Nodes, order: Tensor) -> Nodes:
    return Nodes(*(field[order] for field in nodes))


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert list(ours) == list(theirs)
    for key in ours:
        assert ours[key].dtype == theirs[key].dtype and torch.equal(ours[key], theirs[key]), key


LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=5)


@st.composite
def graphs(draw: st.DrawFn) -> SkeletonGraph:
    layout = draw(st.one_of(skeletons(most=5), st.sampled_from([layouts.NTU25, layouts.COCO17])))
    return SkeletonGraph.from_layout(
        layout,
        partition.distance,
        edge_index=partition.neighborhood(layout, draw(st.integers(1, 2))),
        temporal_kernel=draw(st.sampled_from([1, 3, 9, 25])),
        temporal=draw(st.sampled_from(["factorized", "product", None])),
    )


@settings(deadline=None)
@given(LENGTHS, graphs(), st.integers(0, 3))
def test_edges_of_whole_frames_are_those_that_a_search_finds(lengths, graph, first):
    nodes = some_bodies(lengths, graph.num_joints, first)
    assert bodies_of(nodes, graph.num_joints) is not None

    def made() -> list[dict[str, Tensor]]:
        parts = [spatial_fields(nodes, graph), temporal_fields(nodes, graph.labels)]
        return [*parts, typed_edges(nodes, graph)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stgraph.edges.bodies_of", lambda nodes, joints: None)
        searched = made()
    for ours, theirs in zip(made(), searched, strict=True):
        assert_same(ours, theirs)


@settings(deadline=None)
@given(st.data())
def test_the_same_holds_for_any_template_and_any_offsets(drawn):
    joints = drawn.draw(st.integers(1, 4))
    pair = st.tuples(st.integers(0, joints - 1), st.integers(0, joints - 1))
    template = torch.tensor(drawn.draw(st.lists(pair, max_size=8))).reshape(-1, 2).T.long()
    offsets = torch.tensor(sorted(drawn.draw(st.sets(st.integers(-6, 6), max_size=6)))).long()
    nodes = some_bodies(drawn.draw(LENGTHS), joints)
    searched = write_out([find_copies(nodes, template, offsets, bodies=None)])
    found = connect(nodes, template, offsets)
    ours = {"edge_index": torch.stack(found[:2]), "template": found[2], "offset": found[3]}
    assert_same(ours, searched)


@st.composite
def clips_of(draw: st.DrawFn, graph: SkeletonGraph, missing: float) -> list[tuple[Tensor, Tensor]]:
    """Keypoints and what is seen of up to four clips."""
    clips = []
    for _ in range(draw(st.integers(1, 4))):
        shape = (draw(st.integers(1, 3)), draw(st.integers(1, 12)), graph.num_joints)
        generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
        seen = torch.rand(shape, generator=generator) >= missing
        seen[0, 0, 0] = True
        clips.append((torch.randn(*shape, 2, generator=generator), seen))
    return clips


@settings(deadline=None)
@given(st.data(), graphs(), st.sampled_from([0.0, 0.3]))
def test_edges_added_to_a_batch_are_those_of_its_clips(drawn, graph, missing):
    drawn_clips = drawn.draw(clips_of(graph, missing))

    def bare():
        return [clip_nodes(points, graph, visible=seen) for points, seen in drawn_clips]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stgraph.edges.bodies_of", lambda nodes, joints: None)
        clips = [add_edges(clip, graph) for clip in bare()]
    ours, theirs = add_edges(Batch.from_data_list(bare()), graph), Batch.from_data_list(clips)
    assert_same({key: ours[key] for key in FIELDS}, {key: theirs[key] for key in FIELDS})
    for number, clip in enumerate(clips):
        assert_same({k: ours[number][k] for k in FIELDS}, {k: clip[k] for k in FIELDS})


def test_a_clip_without_nodes_in_a_batch_has_no_edges():
    graph = SkeletonGraph.from_layout(layouts.NTU25)
    clips = [clip_nodes(torch.zeros(1, frames, 25, 3), graph) for frames in (2, 3, 4)]
    clips[1] = clips[1].subgraph(torch.zeros(75, dtype=torch.bool))
    batch = add_edges(Batch.from_data_list(clips), graph)
    counts = [batch[number].num_edges for number in range(3)]
    assert counts == [add_edges(clips[0], graph).num_edges, 0, add_edges(clips[2], graph).num_edges]


def test_bodies_are_first_frame_and_length_of_each_body():
    nodes = some_bodies([3, 1, 5], joints=4, first=7)
    assert bodies_of(nodes, 4).tolist() == [[0, 3], [3, 1], [4, 5]]
    backwards = nodes._replace(body=5 - nodes.body)
    assert bodies_of(backwards, 4).tolist() == [[0, 3], [3, 1], [4, 5]]
    assert bodies_of(some_bodies([6], joints=1), 1).tolist() == [[0, 6]]


def test_frames_of_other_length_are_no_whole_frames():
    nodes = some_bodies([4, 4], joints=3)
    assert bodies_of(nodes, 4) is None and bodies_of(nodes, 6) is None
    assert bodies_of(taken(nodes, torch.arange(0)), 3) is None


IRREGULAR = {
    "a missing joint": [*range(10), *range(11, 36)],
    "a missing frame's worth of joints": [*range(10), *range(13, 36)],
    "two joints changed": [1, 0, *range(2, 36)],
    "a gap in time": [*range(6), *range(9, 36)],
    "frames out of order": [*range(3, 6), *range(3), *range(6, 36)],
    "a body in two pieces": [*range(6), *range(18, 36), *range(6, 18)],
}


@pytest.mark.parametrize("order", IRREGULAR.values(), ids=IRREGULAR)
def test_the_edges_of_other_nodes_are_searched(order: list[int]):
    """And found: as many as two nodes in reach of each other, whatever lies between them."""
    nodes = taken(some_bodies([6, 6], joints=3), torch.tensor(order))
    assert bodies_of(nodes, 3) is None
    places = list(zip(*(field.tolist() for field in nodes)))
    edges = connect(nodes, torch.tensor([[0, 1], [1, 1]]), torch.arange(-2, 3))
    expected = [
        (at, number, offset, places.index((body, joint, frame + offset)))
        for at, (body, target, frame) in enumerate(places)
        for number, joint in enumerate((0, 1))
        for offset in range(-2, 3)
        if target == 1 and (body, joint, frame + offset) in places
    ]
    columns = (edges.target, edges.template, edges.offset, edges.source)
    assert list(zip(*(column.tolist() for column in columns))) == expected


def test_a_whole_frame_that_is_there_twice_is_refused():
    nodes = taken(some_bodies([6], joints=3), torch.tensor([*range(6), *range(3, 18)]))
    with pytest.raises(ValueError, match="same person, joint and frame.*number of their own"):
        connect(nodes, torch.tensor([[0], [1]]), torch.tensor([0]))


def test_a_search_in_pieces_finds_the_same(monkeypatch):
    graph = SkeletonGraph.from_layout(layouts.NTU25)
    nodes = taken(some_bodies([9, 4], joints=25), torch.arange(300).roll(1))
    whole = typed_edges(nodes, graph)
    monkeypatch.setattr("stgraph.copies._CANDIDATES", 100)
    assert_same(typed_edges(nodes, graph), whole)


def test_bodies_and_frames_may_have_any_numbers_however_far_apart():
    nodes = some_bodies([3, 2], joints=2)
    far = nodes._replace(body=nodes.body - 7, frame=nodes.frame + 10**9 * (1 + nodes.body))
    template, offsets = torch.tensor([[0, 1], [1, 1]]), torch.arange(-1, 2)
    for one, other in zip(connect(nodes, template, offsets), connect(far, template, offsets)):
        assert torch.equal(one, other)
    turned = [taken(each, torch.arange(10).flip(0)) for each in (nodes, far)]
    for one, other in zip(*(connect(each, template, offsets) for each in turned)):
        assert torch.equal(one, other)


@pytest.mark.parametrize("whole", [True, False])
def test_weights_can_be_differentiated(whole: bool):
    graph = SkeletonGraph.from_layout(layouts.NTU25, temporal_kernel=3)
    graph = replace(graph, edge_weight=graph.edge_weight.clone().requires_grad_())
    nodes = some_bodies([4, 2], joints=25)
    nodes = nodes if whole else taken(nodes, torch.arange(149, -1, -1))
    typed_edges(nodes, graph)["edge_weight"].sum().backward()
    assert graph.edge_weight.grad.tolist() == [6.0] * 73
