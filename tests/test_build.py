"""Nodes and edges of clips against loops written from the definition of the labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from stgraph import layouts, normalization, partition
from stgraph.build import build_clip, to_keypoints
from stgraph.edges import Nodes, connect
from stgraph.graph import SkeletonGraph, Temporal

from .draws import clips, edges_by_definition, edges_of, layout_of, skeletons

LIMB = layout_of([(1, 0), (2, 1), (3, 1)], joints=4)
TEMPORAL: tuple[Temporal, ...] = ("factorized", "product", None)


def graph_of(layout=LIMB, kernel: int = 3, temporal: Temporal = "factorized") -> SkeletonGraph:
    return SkeletonGraph.from_layout(
        layout, partition.distance, temporal_kernel=kernel, temporal=temporal
    )


@st.composite
def built(draw: st.DrawFn) -> tuple[Tensor, Tensor, SkeletonGraph]:
    """A random graph and a clip on it: keypoints, visible, graph."""
    layout = draw(skeletons(most=5))
    norm = draw(st.sampled_from([normalization.per_target, normalization.symmetric]))
    graph = SkeletonGraph.from_layout(
        layout,
        partition.distance,
        normalization=norm,
        edge_index=partition.neighborhood(layout, draw(st.integers(1, 2))),
        temporal_kernel=draw(st.sampled_from([1, 3, 5, 9, 15])),
        temporal=draw(st.sampled_from(TEMPORAL)),
    )
    return *draw(clips(layout.num_joints)), graph


def test_two_frames_of_two_joints_have_the_edges_that_one_can_count():
    graph = SkeletonGraph.from_layout(layout_of([(1, 0)], joints=2), temporal_kernel=3)
    data = build_clip(torch.zeros(1, 2, 2, 3), graph)
    assert data.edge_type.bincount().tolist() == [4, 2, 2, 2, 4, 2]
    before = data.edge_type == 3  # τ = 0: the source is one frame earlier
    assert data.edge_index[:, before].tolist() == [[0, 1], [2, 3]]


def test_nodes_are_in_the_order_person_frame_joint():
    keypoints = torch.arange(2 * 3 * 4).reshape(2, 3, 4, 1).float()
    data = build_clip(keypoints, graph_of())
    assert data.x.flatten().tolist() == list(range(24))
    assert data.joint.tolist() == [0, 1, 2, 3] * 6
    assert data.frame.tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [0] * 4 + [1] * 4 + [2] * 4
    assert data.person.tolist() == [0] * 12 + [1] * 12


@pytest.mark.parametrize("temporal", TEMPORAL)
@pytest.mark.parametrize("kernel", [1, 3, 9, 41])
def test_a_whole_clip_has_as_many_edges_as_the_formula_says(kernel: int, temporal: Temporal):
    persons, frames = 2, 12
    graph = SkeletonGraph.from_layout(layouts.NTU25, temporal_kernel=kernel, temporal=temporal)
    data = build_clip(torch.zeros(persons, frames, 25, 3), graph)
    pairs = sum(max(0, frames - abs(d)) for d in range(-(kernel // 2), kernel // 2 + 1))
    expected = {
        "factorized": persons * (frames * 73 + pairs * 25),
        "product": persons * pairs * 73,
        None: persons * frames * 73,
    }
    assert data.num_edges == expected[temporal]
    assert int(data.edge_type.max()) < graph.num_edge_types


@settings(deadline=None)
@given(built())
def test_edges_are_those_of_the_definition(drawn):
    keypoints, visible, graph = drawn
    data = build_clip(keypoints, graph, visible=visible)
    assert edges_of(data) == edges_by_definition(visible, graph)
    assert data.validate()


@settings(deadline=None)
@given(built())
def test_to_keypoints_is_the_exact_inverse_with_nan_where_joints_were_dropped(drawn):
    keypoints, visible, graph = drawn
    data = build_clip(keypoints.where(visible[..., None], torch.inf), graph, visible=visible)
    assert data.num_nodes == int(visible.sum())
    back = to_keypoints(data)
    assert torch.equal(back[visible], keypoints[visible]) and back[~visible].isnan().all()
    assert torch.equal(to_keypoints(data, fill=7.0)[~visible], back[~visible].fill_(7.0))
    assert back.shape == keypoints.shape


@settings(deadline=None)
@given(st.data())
def test_connect_finds_the_same_edges_in_any_order_of_nodes(drawn):
    joints, reach = drawn.draw(st.integers(1, 4)), drawn.draw(st.integers(0, 3))
    pair = st.tuples(st.integers(0, joints - 1), st.integers(0, joints - 1))
    template = drawn.draw(st.lists(pair, unique=True, max_size=8))
    triple = st.tuples(st.integers(0, 3), st.integers(0, joints - 1), st.integers(0, 6))
    nodes = drawn.draw(st.lists(triple, unique=True, min_size=1, max_size=30))
    offsets = torch.arange(-reach, reach + 1)
    edges = connect(
        Nodes(*torch.tensor(nodes).T), torch.tensor(template).reshape(-1, 2).T.long(), offsets
    )
    found = list(zip(*(column.tolist() for column in edges), strict=True))
    expected = {
        (nodes.index((body, source, frame + offset)), at, number, offset)
        for at, (body, joint, frame) in enumerate(nodes)
        for number, (source, target) in enumerate(template)
        for offset in offsets.tolist()
        if target == joint and (body, source, frame + offset) in nodes
    }
    assert set(found) == expected and len(found) == len(expected)
    assert edges.target.tolist() == sorted(edges.target.tolist())


def test_connect_takes_offsets_that_are_not_next_to_each_other():
    nodes = Nodes(torch.zeros(5).long(), torch.zeros(5).long(), torch.tensor([4, 0, 3, 8, 1]))
    edges = connect(nodes, torch.zeros(2, 1).long(), torch.tensor([-4, 0, 3]))
    found = {(nodes.frame[s].item(), nodes.frame[t].item()) for s, t in zip(*edges[:2])}
    assert found == {(0, 0), (1, 1), (3, 3), (4, 4), (8, 8), (0, 4), (4, 8), (3, 0), (4, 1)}


class Operators(TorchDispatchMode):
    """How many tensor operators were called."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += 1
        return func(*args, **(kwargs or {}))


def operators(build: Callable[[], object]) -> int:
    with Operators() as mode:
        build()
    return mode.count


@pytest.mark.parametrize("missing", [0, 1])
@pytest.mark.parametrize("temporal", TEMPORAL)
def test_long_clips_of_many_persons_take_as_many_operators_as_short_ones(
    temporal: Temporal, missing: int
):
    def build(persons: int, frames: int, layout=LIMB, kernel: int = 9) -> int:
        keypoints = torch.zeros(persons, frames, layout.num_joints, 2)
        visible = torch.ones(keypoints.shape[:3], dtype=torch.bool)
        visible[0, 0, :missing] = False
        graph = graph_of(layout, kernel, temporal)
        return operators(lambda: build_clip(keypoints, graph, visible=visible))

    assert 10 < build(1, 10) == build(1, 200) == build(5, 50)
    assert build(1, 10) == build(1, 10, layouts.NTU25) == build(1, 10, kernel=31)


def test_padding_puts_zeros_back_as_nodes_up_to_frames_and_persons():
    keypoints, visible = torch.ones(1, 2, 4, 3), torch.ones(1, 2, 4, dtype=torch.bool)
    visible[0, 1, 3] = False
    keypoints[0, 1, 3] = torch.nan
    data = build_clip(keypoints, graph_of(), visible=visible, pad=(5, 2))
    padded = torch.zeros(2, 5, 4, 3)
    padded[0, :2] = 1.0
    padded[0, 1, 3] = 0.0
    assert torch.equal(to_keypoints(data), padded)
    assert edges_of(data) == edges_of(build_clip(padded, graph_of()))
    assert (data.clips[0].persons, data.clips[0].frames) == (1, 2)


def test_padding_makes_a_clip_of_zeros_even_where_nothing_was_seen():
    unseen = torch.full((1, 2, 4, 3), torch.nan)
    data = build_clip(unseen, graph_of(), visible=unseen[..., 0] > 0, pad=(2, 1))
    assert data.num_nodes == 8 and not data.x.any()


@pytest.mark.parametrize("pad", [(2, 2), (3, 1)])
def test_padding_cannot_shrink_a_clip(pad: tuple[int, int]):
    with pytest.raises(ValueError, match=r"3 frames and 2 persons, more than pad=.*cut or re"):
        build_clip(torch.zeros(2, 3, 4, 3), graph_of(), pad=pad)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 5, 17, 3), r"17 joints, layout 'drawn' has 4; 17 joints are layouts.COCO17 or"),
        ((5, 4, 3), r"\[persons, frames, joints, channels\], not \[5, 4, 3\].*keypoints\[None\]"),
        ((1, 5, 4, 0), r"not \[1, 5, 4, 0\]"),
        ((0, 5, 4, 3), r"\[0, 5, 4, 3\] hold no persons or no frames"),
        ((1, 0, 4, 3), r"\[1, 0, 4, 3\] hold no persons or no frames"),
    ],
)
def test_keypoints_of_a_wrong_shape_are_refused_with_the_shape_that_is_needed(shape, message):
    with pytest.raises(ValueError, match=message):
        build_clip(torch.zeros(shape), graph_of())


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_a_joint_that_is_no_number_is_refused_by_its_place(bad: float):
    keypoints = torch.zeros(2, 3, 4, 3)
    keypoints[1, 2, 3, 0] = bad
    with pytest.raises(ValueError, match=r"in 1 of 24 joints, first at .* = \[1, 2, 3\]"):
        build_clip(keypoints, graph_of())
    with pytest.raises(ValueError, match=r"visible=keypoints\.isfinite\(\)\.all\(-1\)"):
        build_clip(keypoints, graph_of(), visible=torch.ones(2, 3, 4), pad=(3, 2))


def test_visible_must_fit_and_show_something():
    keypoints = torch.zeros(1, 3, 4, 2)
    with pytest.raises(ValueError, match=r"visible has the shape \[1, 3\].*need \[1, 3, 4\]"):
        build_clip(keypoints, graph_of(), visible=torch.ones(1, 3))
    with pytest.raises(ValueError, match="No joint of the clip is visible"):
        build_clip(keypoints, graph_of(), visible=torch.zeros(1, 3, 4))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_floats_keep_their_precision(dtype: torch.dtype):
    data = build_clip(torch.randn(1, 2, 4, 3).to(dtype), graph_of())
    assert data.x.dtype == data.edge_weight.dtype == to_keypoints(data).dtype == dtype


def test_numpy_arrays_and_whole_numbers_become_float32():
    keypoints = np.arange(24, dtype=np.int64).reshape(1, 2, 4, 3)
    data = build_clip(keypoints, graph_of(), visible=keypoints[..., 0] > 0)
    assert data.x.dtype == torch.float32 and data.num_nodes == 7
    assert data.x[0].tolist() == [3.0, 4.0, 5.0]


def test_a_clip_knows_its_class_and_name_and_does_not_share_the_keypoints_memory():
    keypoints, graph = torch.zeros(1, 2, 4, 3), graph_of()
    data = build_clip(keypoints, graph, y=3, name="wave")
    keypoints += 1
    assert data.y.tolist() == [3] and not data.x.any()
    assert data.clips[0].name == "wave" and data.clips[0].labels == graph.labels
    assert build_clip(keypoints, graph).y is None


def test_joints_without_any_edges_are_nodes_all_the_same():
    graph = SkeletonGraph.from_layout(
        LIMB, edge_index=torch.empty(2, 0, dtype=torch.long), temporal=None
    )
    data = build_clip(torch.zeros(1, 2, 4, 3), graph)
    assert data.num_nodes == 8 and data.edge_index.shape == (2, 0)


def read_openpose(folder: Path) -> tuple[Tensor, Tensor]:
    """Keypoints ``[M, T, 25, 2]`` in pixels and confidences ``[M, T, 25]`` of one camera."""
    frames = [json.loads(path.read_text())["people"] for path in sorted(folder.glob("*.json"))]
    table = torch.zeros(max(map(len, frames)), len(frames), 25, 3)
    for frame, people in enumerate(frames):
        for person, found in enumerate(people):
            values = found["pose_keypoints_2d"]
            if values:
                table[person, frame] = torch.tensor(values).reshape(25, 3)
    return table[..., :2], table[..., 2]


@pytest.mark.real
def test_unseen_joints_of_real_openpose_recordings_are_neither_nodes_nor_ends_of_edges(shared):
    folders = sorted({path.parent for path in (shared / "data/openpose_body25").rglob("*.json")})
    graph = SkeletonGraph.from_layout(layouts.BODY25, temporal_kernel=9)
    source, target = graph.edge_index
    assert len(folders) == 24
    for folder in folders:
        keypoints, confidence = read_openpose(folder)
        visible = confidence > 0
        data = build_clip(keypoints, graph, visible=visible)
        assert data.num_nodes == int(visible.sum()) < visible.numel()
        bones = visible[:, :, source] & visible[:, :, target]
        spatial = data.edge_template >= 0
        assert torch.equal(data.edge_template[spatial].bincount(minlength=73), bones.sum((0, 1)))
        back = to_keypoints(data, fill=0.0)
        assert torch.equal(back, keypoints.where(visible[..., None], 0.0))
        few = build_clip(keypoints[:, :3], graph, visible=visible[:, :3])
        assert edges_of(few) == edges_by_definition(visible[:, :3], graph)
