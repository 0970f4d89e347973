"""Bones, motion, and the way back."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from stgraph import layouts, transforms
from stgraph.presets import BONES_NTU, bone_stream, motion_stream

from ..draws import layout_of, trees
from .material import COCO, TAIL, same, seeded, spotted_clips, track

SINGLE_PARENTS = [layouts.NTU25, layouts.COCO17, layouts.OPENPOSE18, layouts.BODY25, layouts.SMPL24]


@given(trees(), st.integers(0, 99))
def test_bones_add_up_to_the_way_from_the_root(layout, seed: int) -> None:
    keypoints = torch.randn(2, 3, layout.num_joints, 3, generator=seeded(seed), dtype=torch.double)
    stream = transforms.bones(keypoints, layout)
    parent = dict(layout.bones)
    for joint in range(layout.num_joints):
        way, at = torch.zeros_like(stream[:, :, 0]), joint
        while at in parent:
            way, at = way + stream[:, :, at], parent[at]
        assert same(way, keypoints[:, :, joint] - keypoints[:, :, at], 1e-9)
        assert joint in parent or not stream[:, :, joint].any()


def test_a_bone_is_unseen_when_either_end_is() -> None:
    keypoints = torch.ones(1, 1, 4, 2)
    keypoints[0, 0, 1] = torch.nan
    assert transforms.visible(transforms.bones(keypoints, TAIL)).tolist() == [
        [[True] + [False] * 3]
    ]
    keypoints = torch.full((1, 1, 4, 2), torch.nan)
    assert transforms.bones(keypoints, TAIL).isnan().all()


def test_a_skeleton_whose_joints_have_two_parents_has_no_bone_stream() -> None:
    with pytest.raises(ValueError, match="'COCO17_CYCLIC' has joints with two parents"):
        transforms.bones(torch.zeros(1, 1, 17, 3), layouts.COCO17_CYCLIC)


@pytest.mark.parametrize("joints", [16, 18])
def test_a_layout_with_other_joints_is_refused(joints: int) -> None:
    message = f"Keypoints have {joints} joints, layout 'COCO17' has 17; use the layout"
    keypoints = torch.zeros(1, 2, joints, 3)
    for change in (transforms.bones, transforms.mirror):
        with pytest.raises(ValueError, match=message):
            change(keypoints, COCO)
    with pytest.raises(ValueError, match=message):
        transforms.from_bones(keypoints, keypoints[:, :, 0], COCO)


def test_motion_adds_up_to_the_last_frame_minus_the_first() -> None:
    keypoints = torch.randn(2, 7, 4, 3, dtype=torch.double)
    stream = transforms.motion(keypoints)
    assert same(stream.sum(1), keypoints[:, -1] - keypoints[:, 0], 1e-12)
    assert not stream[:, -1].any() and not transforms.motion(keypoints[:, :1]).any()


def test_motion_is_unseen_when_either_frame_is() -> None:
    stream = transforms.motion(track(1, torch.nan, 1, 1))
    assert stream.isnan().flatten().tolist() == [True, True, False, False]
    assert transforms.motion(track(1, torch.nan)).isnan().all()


@given(trees(), st.integers(0, 99))
def test_joints_come_back_from_bones_and_the_path_of_the_root(layout, seed: int) -> None:
    # Whole numbers: sums of them are exact, so that going back is.
    shape = (2, 3, layout.num_joints, 3)
    keypoints = torch.randint(-999, 999, shape, generator=seeded(seed)).float()
    stream = transforms.bones(keypoints, layout)
    assert same(transforms.from_bones(stream, keypoints[:, :, 0], layout), keypoints)


@pytest.mark.parametrize("layout", SINGLE_PARENTS, ids=lambda layout: layout.name)
def test_joints_of_published_skeletons_come_back_from_their_bones(layout) -> None:
    keypoints = torch.randn(2, 5, layout.num_joints, 3, dtype=torch.double)
    (root,) = set(range(layout.num_joints)) - {child for child, _ in layout.bones}
    back = transforms.from_bones(transforms.bones(keypoints, layout), keypoints[:, :, root], layout)
    assert same(back, keypoints, 1e-12)


def test_a_chain_numbered_from_its_end_comes_back() -> None:
    chain = layout_of([(joint, joint + 1) for joint in range(8)], joints=9)
    keypoints = torch.arange(27.0).square().view(1, 1, 9, 3)
    stream = transforms.bones(keypoints, chain)
    assert same(transforms.from_bones(stream, keypoints[:, :, 8], chain), keypoints)


def test_neither_the_entry_of_the_root_nor_the_last_motion_is_looked_at() -> None:
    keypoints = torch.arange(24.0).view(1, 3, 4, 2)
    stream = transforms.bones(keypoints, TAIL)
    stream[:, :, 0] = 5.0
    assert same(transforms.from_bones(stream, keypoints[:, :, 0], TAIL), keypoints)
    stream = transforms.motion(keypoints)
    stream[:, -1] = 5.0
    assert same(transforms.from_motion(stream, keypoints[:, 0]), keypoints)


def test_what_hangs_on_an_unseen_bone_does_not_come_back_and_the_rest_does() -> None:
    keypoints = torch.arange(8.0).view(1, 1, 4, 2)
    keypoints[0, 0, 2] = torch.nan
    stream = transforms.bones(keypoints, TAIL)
    assert same(transforms.from_bones(stream, keypoints[:, :, 0], TAIL), keypoints)
    keypoints[0, 0, 1] = torch.nan
    stream = transforms.bones(keypoints, TAIL)
    back = transforms.from_bones(stream, keypoints[:, :, 0], TAIL)
    assert transforms.visible(back).tolist() == [[[True, False, False, False]]]


@pytest.mark.parametrize(
    "bones", [[(1, 0)], [(0, 1), (1, 2), (2, 0)], [(1, 0), (2, 3), (3, 4), (4, 2)]]
)
def test_bones_that_make_no_tree_do_not_say_where_joints_are(bones) -> None:
    layout = layout_of(bones, joints=max(3, max(map(max, bones)) + 1))
    stream = torch.zeros(1, 1, layout.num_joints, 3)
    with pytest.raises(ValueError, match="'drawn' is no tree in which all joints hang on one"):
        transforms.from_bones(stream, stream[:, :, 0], layout)


def test_a_root_and_a_first_frame_of_another_clip_are_refused() -> None:
    stream = torch.zeros(2, 5, 17, 3)
    message = r"The path of the root belongs .* expected the shape \[2, 5, 3\], found \[2, 4, 3\]"
    with pytest.raises(ValueError, match=message):
        transforms.from_bones(stream, torch.zeros(2, 4, 3), COCO)
    message = r"The first frame belongs .* expected the shape \[2, 17, 3\], found \[1, 17, 3\]"
    with pytest.raises(ValueError, match=message):
        transforms.from_motion(stream, torch.zeros(1, 17, 3))


@given(st.integers(1, 9), st.integers(0, 99))
def test_keypoints_come_back_from_motion_and_the_first_frame(frames: int, seed: int) -> None:
    keypoints = torch.randint(-999, 999, (2, frames, 4, 3), generator=seeded(seed)).float()
    back = transforms.from_motion(transforms.motion(keypoints), keypoints[:, 0])
    assert same(back, keypoints)


def test_after_a_gap_a_joint_does_not_come_back_from_its_motion() -> None:
    keypoints = track(1, 2, torch.nan, 4, 5)
    back = transforms.from_motion(transforms.motion(keypoints), keypoints[:, 0])
    assert same(back, track(1, 2, torch.nan, torch.nan, torch.nan))


@given(spotted_clips())
def test_the_four_streams_are_joints_bones_and_the_motion_of_either(keypoints: Tensor) -> None:
    bones = transforms.bones(keypoints, COCO)
    expected = (keypoints, bones, transforms.motion(keypoints), transforms.motion(bones))
    for name, stream in zip(transforms.STREAMS, expected):
        assert same(transforms.stream(keypoints, name, COCO), stream)


def test_scores_are_averaged_along_bones_and_motions() -> None:
    pair = layout_of([(1, 0)], joints=2)
    clip = torch.tensor([[[[1.0, 0.25], [3.0, 0.75]], [[5.0, 0.5], [9.0, 1.0]]]])
    expected = {
        "joint": [[[1.0, 0.25], [3.0, 0.75]], [[5.0, 0.5], [9.0, 1.0]]],
        "bone": [[[0.0, 0.25], [2.0, 0.5]], [[0.0, 0.5], [4.0, 0.75]]],
        "joint_motion": [[[4.0, 0.375], [6.0, 0.875]], [[0.0, 0.0], [0.0, 0.0]]],
        "bone_motion": [[[0.0, 0.375], [2.0, 0.625]], [[0.0, 0.0], [0.0, 0.0]]],
    }
    for name, values in expected.items():
        assert transforms.stream(clip, name, pair, coordinates=1)[0].tolist() == values


def test_streams_of_whole_clips_are_those_of_pyskl() -> None:
    clip, layout = torch.rand(2, 6, 25, 3), layouts.NTU25
    bones = bone_stream(clip, BONES_NTU, score=True)
    expected = (clip, bones, motion_stream(clip, score=True), motion_stream(bones, score=True))
    for name, stream in zip(transforms.STREAMS, expected):
        assert same(transforms.stream(clip, name, layout, coordinates=2), stream)


@given(spotted_clips())
def test_an_unseen_bone_or_motion_has_no_score(keypoints: Tensor) -> None:
    for name in transforms.STREAMS:
        unseen = transforms.stream(keypoints, name, COCO, coordinates=2).isnan()
        assert torch.equal(unseen.any(-1), unseen.all(-1))


def test_a_stream_that_does_not_exist_and_too_many_coordinates_are_refused() -> None:
    clip = torch.zeros(1, 2, 17, 3)
    with pytest.raises(ValueError, match="one of the streams joint, bone, .* found 'bones'"):
        transforms.stream(clip, "bones", COCO)
    for coordinates in (0, 4):
        message = f"Expected 1 to 3 coordinates in 3 channels, found {coordinates}"
        with pytest.raises(ValueError, match=message):
            transforms.stream(clip, "joint", COCO, coordinates=coordinates)


@given(spotted_clips())
def test_the_motion_of_a_reversed_clip_is_minus_its_motion_reversed(keypoints: Tensor) -> None:
    motion = transforms.motion(keypoints)[:, :-1]
    reversed_motion = transforms.motion(transforms.reverse(keypoints))[:, :-1]
    assert same(reversed_motion, -transforms.reverse(motion))
