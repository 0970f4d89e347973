"""What pyskl makes of NTU skeletons and of 2-D key points, by hand and on recorded people."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from stgraph.presets import agcn, ctrgcn, pyskl, sampling

from .material import NAN, body, clip_of, seeded


def denoised(frames: int, *rows: tuple[int, Tensor]) -> Tensor:
    return pyskl.denoise(clip_of(frames, *rows).nan_to_num())


# The stored clip


def test_one_body_that_is_left_keeps_only_its_own_frames() -> None:
    person, short, ghost = body(20), body(11, seed=1), body(40, seed=2, width=4.0)
    assert torch.equal(denoised(40, (5, person)), person[None])
    assert torch.equal(denoised(40, (5, person), (0, short)), person[None])
    assert torch.equal(denoised(40, (5, person), (0, ghost)), person[None])


def test_bodies_that_share_one_frame_are_two_actors() -> None:
    before, after = body(20, stir=0.2), body(20, seed=1, stir=0.01)
    actors = denoised(39, (0, before), (19, after))
    assert torch.equal(actors[0, :20], before) and torch.equal(actors[1, 19:], after)
    assert not actors[0, 20:].any() and not actors[1, :19].any()


def test_frames_without_an_actor_are_dropped_at_the_ends_and_stay_in_the_middle() -> None:
    early, late = body(20, stir=0.2), body(15, seed=1, stir=0.05)
    fill = [body(11, seed=seed) for seed in (2, 3, 4)]  # too short to act
    rows = (11, early), (40, late), (0, fill[0]), (30, fill[1]), (55, fill[2])
    actors = denoised(66, *rows)
    assert torch.equal(actors[0], torch.cat([early, torch.zeros(9, 25, 3), late]))


def test_actors_change_places_when_only_the_second_is_there_at_first() -> None:
    lively, calm = body(20, stir=0.2), body(40, seed=1, stir=0.001)
    actors = denoised(40, (20, lively), (0, calm))
    assert torch.equal(actors[0], calm) and torch.equal(actors[1, 20:], lively)
    together = denoised(40, (0, lively), (0, calm))
    assert torch.equal(together[0, :20], lively)


def test_a_clip_of_short_bodies_or_ghosts_only_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 11 frames, found 2 bodies"):
        denoised(30, (0, body(11)), (12, body(10, seed=1)))
    ghosts = [(0, body(30, seed=seed, width=4.0)) for seed in range(2)]
    with pytest.raises(ValueError, match="taller than wide, found 2 bodies"):
        denoised(30, *ghosts)
    assert len(ctrgcn.denoise(clip_of(30, *ghosts).nan_to_num())) == 1, "CTR-GCN spares one"


def test_stored_coordinates_are_those_of_float16() -> None:
    given = pyskl.ntu(clip_of(20, (0, body(20))))
    assert given.dtype == torch.float32
    stored = pyskl.pre_normalize_3d(body(20)[None].half())
    assert torch.equal(given[:1], sampling.clips_for_testing(stored, clips=1)[0])
    wider = pyskl.pre_normalize_3d(body(20)[None])
    assert 0 < (wider - stored).abs().max() < 0.05


def numpy_angle(vector: NDArray, axis: list[int]) -> float:
    unit = vector / np.linalg.norm(vector)
    return float(np.arccos(np.clip(np.dot(unit, np.array(axis)), -1.0, 1.0)))


def numpy_turn(points: NDArray, vector: NDArray, axis: list[int]) -> NDArray:
    """Points turned about the normal of vector and axis by the angle between them (Rodrigues)."""
    normal, angle = np.cross(vector, axis), numpy_angle(vector, axis)
    if np.abs(normal).sum() < 1e-6 or abs(angle) < 1e-6:
        return points.astype(np.float64)
    k = normal / np.sqrt(np.dot(normal, normal))
    along = (points @ k)[..., None] * k
    around = np.cross(np.broadcast_to(k, points.shape), points)
    return np.cos(angle) * points + np.sin(angle) * around + (1 - np.cos(angle)) * along


@given(st.integers(0, 10**6))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_float16_is_computed_with_as_numpy_does(seed: int) -> None:
    """Centre and first turn in float16 as pyskl has them stored, the rest in float64."""
    stored = (body(6, seed=seed) + torch.randn(3, generator=seeded(seed)))[None].half()
    points = stored.numpy()
    points = points - points[0, 0, 1]
    assert points.dtype == np.float16
    start = points[0, 0]
    points = numpy_turn(points, start[1] - start[0], [0, 0, 1])
    start = points[0, 0]
    points = numpy_turn(points, start[8] - start[4], [1, 0, 0])
    ours = pyskl.pre_normalize_3d(stored)
    np.testing.assert_allclose(ours.numpy(), points.astype(np.float32), atol=2e-6)


# View normalisation


def test_the_person_who_is_there_more_often_comes_first_and_sets_the_frames() -> None:
    people = torch.zeros(2, 6, 25, 3)
    people[0, 1:4], people[1, 1:5] = body(3), body(4, seed=1)
    given = pyskl.pre_normalize_3d(people)
    assert given.shape == (2, 4, 25, 3) and not given[0, 0, 1].any()
    between = (people[0, 1, 3] - people[1, 1, 3]).norm()
    torch.testing.assert_close((given[1, 0, 3] - given[0, 0, 3]).norm(), between)
    assert not given[1, 3].any()


def test_persons_who_are_there_equally_often_keep_their_places() -> None:
    people = torch.zeros(2, 6, 25, 3)
    people[0, 1:4], people[1, 3:6] = body(3), body(3, seed=1)
    given = pyskl.pre_normalize_3d(people)
    assert given.shape[1] == 3 and given[0].flatten(1).any(1).all()
    assert given[1].flatten(1).any(1).tolist() == [False, False, True]


def test_one_shift_puts_the_spine_of_the_first_frame_at_the_origin() -> None:
    points = body(5).double()
    given = pyskl.pre_normalize_3d(points[None])[0]
    assert not given[0, 1].any()
    torch.testing.assert_close(given[:, 1].norm(dim=-1), (points[:, 1] - points[0, 1]).norm(dim=-1))


def test_without_25_joints_the_last_one_is_the_origin() -> None:
    given = pyskl.pre_normalize_3d(body(5)[None, :, :20])
    assert not given[0, 0, 19].any() and given[0, 0, 1].any()


def test_joints_at_zero_stay_there_even_if_their_coordinates_cancel_in_others() -> None:
    people = body(4)[None].clone()
    people[0, 2, 5] = 0.0
    people[0, 3, 5] = torch.tensor([1.0, -1.0, 0.0])
    given = pyskl.pre_normalize_3d(people)
    assert not given[0, 2, 5].any() and given[0, 3, 5].any()


def test_a_clip_is_turned_as_2s_agcn_turns_it() -> None:
    points = body(5)[None]
    ours = pyskl.pre_normalize_3d(points)
    theirs = agcn.ntu(points)[:1, :1]
    torch.testing.assert_close(ours[:, :1], theirs, atol=1e-6, rtol=0)


def test_an_empty_clip_stays_and_three_persons_are_refused() -> None:
    assert pyskl.pre_normalize_3d(torch.zeros(2, 4, 25, 3)).shape == (2, 4, 25, 3)
    with pytest.raises(ValueError, match="at most 2 persons, found 3; choose them with"):
        pyskl.pre_normalize_3d(torch.ones(3, 4, 25, 3))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 999))
def test_where_a_body_stands_and_faces_does_not_matter(seed: int) -> None:
    points = body(4, seed=seed).double()[None]
    sin, cos = torch.tensor(0.3).double().sin(), torch.tensor(0.3).double().cos()
    about_z = torch.tensor([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]).double()
    moved = points + torch.tensor([1.0, 2.0, 3.0])
    ours, theirs = pyskl.pre_normalize_3d(points), pyskl.pre_normalize_3d(moved)
    torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=0)
    turned = pyskl.pre_normalize_3d(points @ about_z.T)
    lengths = (ours[0, :, 5] - ours[0, :, 9]).norm(dim=-1)
    torch.testing.assert_close((turned[0, :, 5] - turned[0, :, 9]).norm(dim=-1), lengths)


def test_pixels_become_places_from_minus_one_to_one() -> None:
    clip = torch.tensor([[[[0.0, 0.0, 0.9], [1920.0, 1080.0, 0.5], [960.0, 270.0, 0.02]]]])
    expected = torch.tensor([[-1.0, -1.0, 0.9], [1.0, 1.0, 0.5], [0.0, -0.5, 0.02]])
    torch.testing.assert_close(pyskl.pre_normalize_2d(clip)[0, 0], expected)
    small = pyskl.pre_normalize_2d(
        clip / 10 * torch.tensor([1.0, 1.0, 10.0]), width=192, height=108
    )
    torch.testing.assert_close(small[0, 0], expected)


def test_a_joint_with_a_score_of_at_most_0_01_is_at_zero_and_keeps_its_score() -> None:
    clip = torch.tensor([[[[10.0, 20.0, score] for score in (0.0, 0.01, 0.0101)]]])
    given = pyskl.pre_normalize_2d(clip)[0, 0]
    assert given[:2, :2].eq(0).all() and given[2, :2].ne(0).all()
    assert torch.equal(given[:, 2], clip[0, 0, :, 2])
    assert pyskl.pre_normalize_2d(clip, threshold=0.5)[..., :2].eq(0).all()


def test_without_scores_nothing_is_put_to_zero() -> None:
    assert pyskl.pre_normalize_2d(torch.zeros(1, 1, 1, 2)).flatten().tolist() == [-1.0, -1.0]


# The whole


def test_testing_takes_the_first_of_pyskls_test_clips() -> None:
    clip = clip_of(150, (0, body(150)))
    points = pyskl.pre_normalize_3d(clip.half())
    given = pyskl.ntu(clip)
    assert given.shape == (2, 100, 25, 3) and not given[1].any()
    assert torch.equal(given[0], sampling.clips_for_testing(points)[0, 0])
    trained = pyskl.ntu(clip, generator=seeded(3))
    assert torch.equal(trained[:1], sampling.training_clip(points, generator=seeded(3)))


def test_the_vanilla_preset_keeps_all_frames_and_pads_with_zeros() -> None:
    clip = clip_of(150, (0, body(150)))
    given = pyskl.vanilla(clip)
    assert given.shape == (2, 300, 25, 3) and not given[:, 150:].any()
    points = pyskl.pre_normalize_3d(clip.half())
    assert torch.equal(given[:1, :150], points)
    with pytest.raises(ValueError, match="300 frames, found 1 and 301"):
        pyskl.vanilla(clip_of(301, (0, body(301))))


def test_of_more_persons_in_an_image_the_first_two_stay() -> None:
    clip = torch.rand(4, 30, 17, 3)
    clip[0, 3] = NAN
    given = pyskl.image(clip)
    assert given.shape == (2, 100, 17, 3)
    filled = pyskl.pre_normalize_2d(clip.nan_to_num())
    assert torch.equal(given[:, :30], filled[:2]) and torch.equal(given[:, 30:60], filled[:2])
    assert pyskl.image(clip[:1, :, :, :2]).shape == (2, 100, 17, 2)


@pytest.mark.real
def test_a_recorded_person_is_upright_and_keeps_its_walk(bandai: list[Tensor]) -> None:
    for clip in bandai:
        given = pyskl.pre_normalize_3d(clip.half())[0]
        shoulders = given[0, 8] - given[0, 4]
        assert shoulders[0] > 0.15 and shoulders[1:].abs().max() < 1e-6
        walked = (clip[0, :, 1] - clip[0, :1, 1]).norm(dim=-1)
        torch.testing.assert_close(given[:, 1].norm(dim=-1), walked, atol=1e-2, rtol=0)
        assert pyskl.ntu(clip).shape == pyskl.ntu(clip, generator=seeded(0)).shape


@pytest.mark.real
def test_detected_people_stay_within_the_image(openpose: Tensor) -> None:
    given = pyskl.pre_normalize_2d(openpose.nan_to_num(), width=1088, height=1920)
    assert given[..., :2].abs().max() <= 1.1
    unseen = openpose[..., 2].isnan()
    assert unseen.any() and not given[unseen].any()
    assert pyskl.image(openpose).shape == (2, 100, 18, 3)
