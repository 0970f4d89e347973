"""The steps that presets share: filling, ordering, padding, turning."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stgraph import transforms
from stgraph.presets import pad_loop, pad_zeros, rotation_onto, slots, turn_upright, zero_fill
from stgraph.presets.steps import check_clip, nonzero_sum, there

from .material import NAN, body, clip_of, numbered, seeded

Z, X = (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)
DIRECTIONS = st.lists(st.floats(-2, 2), min_size=3, max_size=3).filter(
    lambda v: abs(v[0]) + abs(v[1]) > 1e-3
)


@st.composite
def gappy_clips(draw: st.DrawFn) -> Tensor:
    """Clips ``[M, T, 3, 2]`` in which bodies come and go and joints are lost."""
    persons, frames = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    generator = seeded(draw(st.integers(0, 999)))
    clip = torch.randn(persons, frames, 3, 2, generator=generator)
    clip[torch.rand(persons, frames, generator=generator) < 0.4] = NAN
    clip[torch.rand(persons, frames, 3, generator=generator) < 0.2] = NAN
    return clip


def test_zeros_stand_where_nan_stood_and_nothing_else_changes() -> None:
    clip = torch.tensor([[[[1.0, NAN], [-0.5, torch.inf]]]])
    assert zero_fill(clip).tolist() == [[[[1.0, 0.0], [-0.5, torch.inf]]]]
    assert clip.isnan().any()


def test_a_body_is_there_when_a_coordinate_is_neither_nan_nor_zero() -> None:
    clip = torch.zeros(3, 1, 2, 2)
    clip[1, 0, 1, 0] = -1.0
    clip[2] = NAN
    assert there(clip).flatten().tolist() == [False, True, False]


def test_coordinates_that_cancel_out_count_as_an_empty_frame_but_are_there() -> None:
    clip = torch.tensor([[[[1.0, -1.0]], [[1.0, 1.0]], [[0.0, 0.0]]]])
    assert nonzero_sum(clip).tolist() == [[False, True, False]]
    assert there(clip).tolist() == [[True, True, False]]


def test_in_each_frame_the_bodies_that_are_there_move_to_the_first_rows() -> None:
    rows = torch.tensor([[0.0, 1.0, 0.0], [4.0, 5.0, 0.0], [7.0, 0.0, 9.0]])
    moved = slots(rows[:, :, None, None])
    assert moved[..., 0, 0].tolist() == [[4.0, 1.0, 9.0], [7.0, 5.0, 0.0], [0.0, 0.0, 0.0]]


def test_absent_bodies_may_be_nan_when_slots_are_asked_for() -> None:
    moved = slots(clip_of(2, (1, numbered(3.0)), (0, numbered(5.0, 6.0))))
    assert moved[0, :, 0, 0].tolist() == [5.0, 3.0]
    assert moved[1, 1, 0, 0] == 6.0 and moved[1, 0].isnan().all()


@given(gappy_clips())
def test_slots_keep_every_body_and_leave_no_gap_before_one(clip: Tensor) -> None:
    filled = zero_fill(clip)
    moved = slots(filled)
    assert torch.equal(moved.sum(0), filled.sum(0)) or torch.allclose(moved.sum(0), filled.sum(0))
    present = there(moved)
    assert torch.equal(present.sum(0), there(filled).sum(0))
    assert bool((present[:-1] >= present[1:]).all())
    assert torch.equal(slots(moved), moved)


def test_padding_adds_zeros_after_persons_and_frames() -> None:
    padded = pad_zeros(torch.ones(1, 2, 3, 2), 4, persons=2)
    assert padded.shape == (2, 4, 3, 2)
    assert padded[0, :2].eq(1).all() and padded.sum() == 12


@pytest.mark.parametrize(("persons", "frames"), [(3, 4), (2, 5)])
def test_a_clip_larger_than_the_padding_is_refused(persons: int, frames: int) -> None:
    found = f"at most 2 persons and 4 frames, found {persons} and {frames}; cut the clip"
    with pytest.raises(ValueError, match=found):
        pad_zeros(torch.zeros(persons, frames, 3, 2), 4, persons=2)


def test_looping_repeats_frames_from_the_first() -> None:
    assert pad_loop(numbered(5, 6, 7)[None], 8).flatten().tolist() == [5, 6, 7, 5, 6, 7, 5, 6]
    assert pad_loop(numbered(5, 6)[None], 2).flatten().tolist() == [5, 6]


@pytest.mark.parametrize("frames", [0, 9])
def test_a_clip_that_cannot_be_looped_is_refused(frames: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 8 frames, found {frames}; leave empty clips out"):
        pad_loop(torch.zeros(1, frames, 2, 3), 8)


def test_the_rotation_from_y_to_z_is_a_quarter_turn_about_x() -> None:
    expected = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]).double()
    torch.testing.assert_close(rotation_onto(torch.tensor([0.0, 0.3, 0.0]), Z), expected)


@given(DIRECTIONS)
def test_a_rotation_turns_its_vector_onto_the_axis_and_no_further(direction: list[float]) -> None:
    vector = torch.tensor(direction).double()
    rotation = rotation_onto(vector, Z)
    torch.testing.assert_close(rotation @ vector, vector.norm() * torch.tensor(Z).double())
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3).double())
    assert float(torch.linalg.det(rotation)) == pytest.approx(1.0)
    # the angle of a rotation is in its trace; the smallest one is that between the two
    assert float(rotation.trace()) == pytest.approx(1 + 2 * float(vector[2] / vector.norm()))


@pytest.mark.parametrize(
    "vector",
    [(0, 0, 2), (0, 0, -2), (0, 0, 0), (9e-7, 0, 0), (5e-7, 0, 1), (5e-7, 0, -1), (3e-6, 0, 10)],
)
def test_no_rotation_is_made_along_the_axis_or_from_nothing(vector: tuple[float, ...]) -> None:
    expected = torch.eye(3).double()
    if vector == (3e-6, 0, 10):  # the cross product is large enough, but the angle is not
        assert torch.linalg.cross(torch.tensor(vector), torch.tensor(Z)).abs().sum() > 1e-6
    assert torch.equal(rotation_onto(torch.tensor(vector), Z), expected)


@pytest.mark.parametrize("vector", [(2e-6, 0, 1), (2e-6, 0, -1), (2e-6, 0, 0)])
def test_a_rotation_is_made_a_little_beside_the_axis(vector: tuple[float, ...]) -> None:
    rotation = rotation_onto(torch.tensor(vector), Z)
    assert not torch.equal(rotation, torch.eye(3).double())
    assert float((rotation @ torch.tensor(vector).double())[2]) > 0


def test_an_upright_body_before_a_kinect_has_its_height_along_z_afterwards() -> None:
    clip = torch.zeros(1, 1, 9, 3)
    clip[0, 0, 1, 1] = 0.3  # the spine is along y
    clip[0, 0, 4, 0], clip[0, 0, 8, 0] = -0.2, 0.2  # the shoulders are along x
    clip[0, 0, 5] = torch.tensor([1.0, 2.0, 3.0])
    torch.testing.assert_close(turn_upright(clip)[0, 0, 5], torch.tensor([1.0, -3.0, 2.0]))


@settings(deadline=None)
@given(st.integers(0, 999))
def test_turning_upright_is_one_rotation_that_puts_the_shoulders_along_x(seed: int) -> None:
    clip = torch.randn(2, 3, 9, 3, generator=seeded(seed), dtype=torch.double)
    turned = turn_upright(clip)
    shoulders = turned[0, 0, 8] - turned[0, 0, 4]
    torch.testing.assert_close(shoulders, shoulders.norm() * torch.tensor(X).double())
    flat, before = turned.flatten(0, 2), clip.flatten(0, 2)
    torch.testing.assert_close(flat @ flat.T, before @ before.T)
    assert torch.linalg.det(flat[:3]) == pytest.approx(float(torch.linalg.det(before[:3])))


def test_turning_upright_is_aligning_when_spine_and_shoulders_are_at_right_angles() -> None:
    clip = torch.randn(2, 3, 9, 3, dtype=torch.double)
    spine, way = clip[0, 0, 1] - clip[0, 0, 0], clip[0, 0, 8] - clip[0, 0, 4]
    clip[0, 0, 8] -= (way @ spine) / (spine @ spine) * spine
    aligned = transforms.align(clip, up=(0, 1), across=(4, 8))
    torch.testing.assert_close(turn_upright(clip), aligned)
    spine = aligned[0, 0, 1] - aligned[0, 0, 0]
    torch.testing.assert_close(spine, spine.norm() * torch.tensor(Z).double())


def test_other_joints_may_tell_which_way_a_body_faces() -> None:
    clip = body(3)[None].double()
    turned = turn_upright(clip, spine=(12, 20), shoulders=(2, 3))
    across = turned[0, 0, 3] - turned[0, 0, 2]
    torch.testing.assert_close(across, across.norm() * torch.tensor(X).double())


def test_keypoints_of_another_form_are_refused_with_what_was_expected() -> None:
    check_clip(torch.zeros(1, 1, 25, 3), "agcn", channels=(3,), joints=9)
    with pytest.raises(ValueError, match=r"\[persons, frames, joints, channels\].*\[5, 25, 3\]"):
        check_clip(torch.zeros(5, 25, 3), "agcn")
    with pytest.raises(ValueError, match=r"'pyskl-2d' needs 2 or 3 channels, .* have 4"):
        check_clip(torch.zeros(1, 5, 25, 4), "pyskl-2d", channels=(2, 3))
    with pytest.raises(ValueError, match=r"'agcn' looks at joint 8, .* joints 0 to 7; choose"):
        check_clip(torch.zeros(1, 5, 8, 3), "agcn", joints=9)
