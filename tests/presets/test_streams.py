"""Bones and motion: the published pairs, and what becomes of scores."""

from __future__ import annotations

import pytest
import torch

from stgraph import layouts, transforms
from stgraph.presets import (
    BONES_COCO,
    BONES_NTU,
    BONES_OPENPOSE,
    BONES_UCLA,
    bone_stream,
    motion_stream,
)

from .material import numbered

PAIRS = {25: BONES_NTU, 18: BONES_OPENPOSE, 17: BONES_COCO, 20: BONES_UCLA}
ROOTS = {25: 20, 18: 0, 17: 0, 20: 2}


@pytest.mark.parametrize("joints", PAIRS)
def test_each_joint_has_one_parent_and_all_hang_on_the_root(joints: int) -> None:
    parent = dict(PAIRS[joints])
    assert sorted(child for child, _ in PAIRS[joints]) == list(range(joints))
    for joint in range(joints):
        for _ in range(joints):
            joint = parent[joint]
        assert joint == ROOTS[joints]


def test_the_bones_of_ntu_and_ucla_are_those_of_their_graphs() -> None:
    assert set(BONES_NTU) == {*layouts.NTU25.bones, (20, 20)}
    assert set(BONES_UCLA) == {*layouts.UCLA20.bones, (2, 2)}


def test_the_hips_hang_on_the_nose_in_bones_of_coco_and_on_the_shoulders_in_its_graph() -> None:
    graph = {frozenset(bone) for bone in layouts.COCO17.bones}
    bones = {frozenset(pair) for pair in BONES_COCO if len(set(pair)) == 2}
    assert bones - graph == {frozenset((11, 0)), frozenset((12, 0))}
    assert graph - bones == {frozenset((11, 5)), frozenset((12, 6))}


def test_openpose_bones_join_what_its_graph_joins_except_at_the_hips() -> None:
    graph = {frozenset(bone) for bone in layouts.OPENPOSE18.bones}
    bones = {frozenset(pair) for pair in BONES_OPENPOSE if len(set(pair)) == 2}
    assert bones == graph


@pytest.mark.parametrize("joints", PAIRS)
def test_a_bone_is_the_way_from_the_parent(joints: int) -> None:
    clip = torch.randn(2, 4, joints, 3)
    stream = bone_stream(clip, PAIRS[joints])
    for child, parent in PAIRS[joints]:
        assert torch.equal(stream[:, :, child], clip[:, :, child] - clip[:, :, parent])
    assert not stream[:, :, ROOTS[joints]].any()


def test_the_score_of_a_bone_is_the_mean_of_two_and_a_root_keeps_its_own() -> None:
    clip = torch.tensor([[[[1.0, 2.0, 0.2], [4.0, 8.0, 0.6], [0.0, 0.0, 0.9]]]])
    stream = bone_stream(clip, [(0, 0), (1, 0)], score=True)
    expected = torch.tensor([[0.0, 0.0, 0.2], [3.0, 6.0, 0.4], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(stream[0, 0], expected)


def test_motion_is_the_next_frame_less_this_one() -> None:
    assert motion_stream(numbered(1, 4, 9)[None]).flatten().tolist() == [3.0, 5.0, 0.0]
    clip = torch.randn(2, 5, 3, 3)
    assert torch.equal(motion_stream(clip), transforms.motion(clip))


def test_the_score_of_a_motion_is_the_mean_of_two_frames_and_zero_in_the_last() -> None:
    clip = torch.tensor([[[[1.0, 2.0, 0.2]], [[4.0, 8.0, 0.6]], [[4.0, 8.0, 0.4]]]])
    stream = motion_stream(clip, score=True)
    expected = torch.tensor([[3.0, 6.0, 0.4], [0.0, 0.0, 0.5], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(stream[0, :, 0], expected)


def test_padding_stays_zero() -> None:
    clip = torch.zeros(2, 6, 25, 3)
    assert not bone_stream(clip, BONES_NTU).any() and not motion_stream(clip).any()


def test_streams_leave_their_input_alone() -> None:
    clip = torch.rand(1, 4, 17, 3)
    before = clip.clone()
    bone_stream(clip, BONES_COCO, score=True).zero_()
    motion_stream(clip, score=True).zero_()
    assert torch.equal(clip, before)


def test_pairs_of_another_skeleton_and_missing_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="has joints 0 to 16, but bone"):
        bone_stream(torch.zeros(1, 1, 17, 3), BONES_NTU)
    with pytest.raises(ValueError, match="joints with two parents"):
        bone_stream(torch.zeros(1, 1, 3, 3), [(2, 0), (2, 1)])
    for stream in (
        lambda k: bone_stream(k, BONES_COCO, score=True),
        lambda k: motion_stream(k, score=True),
    ):
        with pytest.raises(ValueError, match="third of three channels, these keypoints have 2"):
            stream(torch.zeros(1, 2, 17, 2))
