"""The generator of labelled clips: anatomy, chance, and that motion is needed to tell actions."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stgraph.datasets.synthetic.kinematics import (
    ACTIONS,
    REVERSED_PAIRS,
    TWO_PERSON_ACTIONS,
    clip_length,
    clip_rng,
    film,
    generate_clip,
    perform,
)
from stgraph.datasets.synthetic.motions import draw_performer
from stgraph.layouts import NTU25

Array = NDArray[Any]
EVERY_ACTION = pytest.mark.parametrize("action", range(len(ACTIONS)), ids=list(ACTIONS))


def make(action: int, performer: int, take: int = 0, camera: int = 1) -> Array:
    return generate_clip(action, performer, camera, clip_rng(0, 1, camera, performer, take, action))


def clean(action: int, performer: int = 3, seed: int = 0) -> Array:
    return perform(action, performer, clip_rng(seed, performer))


# Anatomy


@EVERY_ACTION
def test_bones_keep_their_lengths(action: int) -> None:
    children, parents = np.array(NTU25.bones).T
    for performer in (1, 2, 3):
        joints = clean(action, performer)
        lengths = np.linalg.norm(joints[..., children, :] - joints[..., parents, :], axis=-1)
        assert lengths.min() > 0.01
        np.testing.assert_allclose(lengths, lengths[:, :1].repeat(lengths.shape[1], 1), atol=1e-12)


@EVERY_ACTION
def test_left_and_right_limbs_are_equally_long(action: int) -> None:
    mirror = np.arange(25)
    for left, right in NTU25.mirror_pairs:
        mirror[[left, right]] = right, left
    children, parents = np.array(NTU25.bones).T
    joints = clean(action)
    lengths = np.linalg.norm(joints[..., children, :] - joints[..., parents, :], axis=-1)
    other = np.linalg.norm(
        joints[..., mirror[children], :] - joints[..., mirror[parents], :], axis=-1
    )
    np.testing.assert_allclose(lengths, other, atol=1e-12)


@EVERY_ACTION
def test_nobody_sinks_into_the_floor_or_moves_faster_than_people_do(action: int) -> None:
    for performer in range(1, 21):
        joints = clean(action, performer)
        speed = 30 * np.linalg.norm(np.diff(joints, axis=1), axis=-1)
        assert 0 < joints[..., 1].min() < 0.1
        assert joints[..., 1].max() < 2.7
        assert speed.max() < 13


@EVERY_ACTION
def test_knees_and_elbows_bend_the_right_way(action: int) -> None:
    joints = perform(action, 5, clip_rng(0, action), frames=90)
    for person in joints:
        sideways = person[:, 16] - person[:, 12]
        ahead = np.cross([0, 1, 0], sideways)
        middle = (person[:, (12, 16)] + person[:, (14, 18)]) / 2
        bulge = ((person[:, (13, 17)] - middle) * ahead[:, None]).sum(axis=-1)
        assert (bulge > -1e-3).all()


def test_feet_stand_still_where_nobody_walks() -> None:
    for action in (0, 2, 4, 8):
        ankles = clean(action)[:, :, (14, 18)]
        assert np.ptp(ankles, axis=1).max() < 1e-9


def test_a_foot_on_the_floor_does_not_slide_in_walks_and_turns() -> None:
    for action in (6, 9):
        for person in perform(action, 4, clip_rng(0), frames=150):
            ankles = person[:, (14, 18)]
            on_floor = ankles[..., 1] < ankles[..., 1].min() + 1e-6
            both = on_floor[1:] & on_floor[:-1]
            assert both.mean() > 0.4
            assert (np.linalg.norm(np.diff(ankles, axis=0), axis=-1)[both] < 1e-6).all()


def test_the_person_faces_the_camera_with_the_right_hand_at_greater_x() -> None:
    for action in (0, 2, 4, 8):
        joints = clean(action)[0, 0]
        assert joints[8, 0] > joints[4, 0] and joints[15, 2] < joints[14, 2]


def test_actions_do_what_they_are_called() -> None:
    right_hand = 7 if draw_performer(3).left_handed else 11
    assert np.diff(clean(0)[0, [0, -1], right_hand, 1])[0] > 0.6
    assert np.diff(clean(2)[0, [0, -1], 0, 1])[0] < -0.25
    forwards, backwards = clean(4)[0, :, 11], clean(5)[0, :, 11]
    assert np.diff(forwards[:, 2])[forwards[1:, 1].argmax() - 1] < 0
    assert np.diff(backwards[:, 2])[backwards[1:, 1].argmax() - 1] > 0
    left = clean(6)[0]
    shoulders = left[:, 8] - left[:, 4]
    assert np.diff(np.unwrap(np.arctan2(-shoulders[:, 2], shoulders[:, 0]))).sum() > 1.2
    gap = np.linalg.norm(clean(9)[0, :, 0] - clean(9)[1, :, 0], axis=-1)
    assert gap[0] > 1.8 and gap[-1] < 1.1


# Chance


@EVERY_ACTION
def test_a_clip_depends_on_its_identity_alone(action: int) -> None:
    before = make(action, 7)
    make(0, 1)
    np.random.random()
    np.testing.assert_array_equal(before, make(action, 7))
    others = [make(action, 8), make(action, 7, take=1), make(action, 7, camera=2)]
    assert not any(np.array_equal(before, other, equal_nan=True) for other in others)
    assert not np.array_equal(
        before, generate_clip(action, 7, 1, clip_rng(1, 1, 1, 7, 0, action)), equal_nan=True
    )


@EVERY_ACTION
def test_clips_are_float32_metres_two_to_four_in_front_of_the_camera(action: int) -> None:
    for performer in range(1, 9):
        points = make(action, performer, camera=1 + performer % 3)
        lost = np.isnan(points)
        assert points.dtype == np.float32 and points.shape[2:] == (25, 3)
        assert points.shape[0] == (2 if action in TWO_PERSON_ACTIONS else 1)
        assert not np.isinf(points).any()
        np.testing.assert_array_equal(lost.any(axis=-1), lost.all(axis=-1))
        assert np.nanmin(points[..., 2]) > 1.0 and np.nanmax(points[..., 2]) < 5.0


def test_two_of_eleven_actions_have_two_persons() -> None:
    persons = [len(make(action, performer)) for action in range(11) for performer in (1, 2)]
    assert len(ACTIONS) == len(set(ACTIONS)) == 11
    assert persons.count(2) / len(persons) == pytest.approx(2 / 11)


def test_lengths_are_distributed_as_in_ntu() -> None:
    rng = np.random.default_rng(0)
    lengths = np.array([clip_length(float(rng.normal()), rng) for _ in range(20_000)])
    assert lengths.min() >= 32 and lengths.max() <= 225
    assert abs(lengths.mean() - 73.9) < 1.5
    np.testing.assert_allclose(np.percentile(lengths, [5, 50, 95, 99]), [46, 70, 118, 151], atol=3)


def test_lengths_agree_with_the_recorded_ones_in_every_decile(shared: Path) -> None:
    path = shared / "data" / "ntu_metadata" / "frame_counts.txt"
    if not path.is_file():
        pytest.skip(f"the recorded frame counts are not at {path}")
    recorded = np.array(path.read_text().split(), dtype=int)
    rng = np.random.default_rng(0)
    lengths = [clip_length(float(rng.normal()), rng) for _ in range(20_000)]
    deciles = np.arange(10, 100, 10)
    np.testing.assert_allclose(
        np.percentile(lengths, deciles), np.percentile(recorded, deciles), atol=3
    )


def test_noise_is_about_a_centimetre_and_lasts_more_than_a_frame() -> None:
    noise = []
    for performer in range(1, 21):
        rng, twin = clip_rng(0, performer), clip_rng(0, performer)
        noise.append(
            generate_clip(0, performer, 1, rng) - film(perform(0, performer, twin), 1, twin)
        )
    spread = np.sqrt(np.mean([np.nanvar(clip) for clip in noise]))
    lag = [np.nanmean(clip[:, 1:] * clip[:, :-1]) / np.nanmean(clip**2) for clip in noise]
    assert 0.007 < spread < 0.013
    assert 0.5 < np.mean(lag) < 0.95


def test_joints_persons_and_frames_are_lost_now_and_then() -> None:
    clips = [make(action, performer) for action in range(11) for performer in range(1, 31)]
    absent: list[Array] = [np.all(np.isnan(points), axis=(2, 3)) for points in clips]
    pairs = [gone for gone in absent if len(gone) == 2]
    joint = np.mean([np.isnan(points).any(axis=-1).mean() for points in clips])
    empty = np.mean([gone.all(axis=0).any() for gone in absent])
    alone = np.mean([(gone.sum(axis=0) == 1).any() for gone in pairs])
    assert 0.001 < joint < 0.02
    assert 0.05 < empty < 0.15
    assert 0.1 < alone < 0.5
    assert all(not gone.all(axis=1).any() for gone in absent)


def test_performers_differ_in_size_and_habits_and_stay_themselves() -> None:
    people = [draw_performer(number) for number in range(1, 41)]
    heights = [person.body.height for person in people]
    assert people == [draw_performer(number) for number in range(1, 41)]
    assert max(heights) - min(heights) > 0.3
    assert 1 < sum(person.left_handed for person in people) < 20
    assert draw_performer(1) != draw_performer(1, partner=True)


@pytest.mark.parametrize(
    ("action", "performer", "camera", "message"),
    [(11, 1, 1, "0 to 10"), (-1, 1, 1, "0 to 10"), (0, 0, 1, "from 1"), (0, 1, 4, "1, 2, 3")],
)
def test_what_does_not_exist_is_refused(
    action: int, performer: int, camera: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        generate_clip(action, performer, camera, clip_rng(0))


# Motion has to matter


@pytest.mark.parametrize("pair", REVERSED_PAIRS)
def test_the_actions_of_a_pair_are_each_other_backwards(pair: tuple[int, int]) -> None:
    for performer in (1, 2, 3):
        first, second = (clean(action, performer) for action in pair)
        np.testing.assert_array_equal(first, second[:, ::-1])


@pytest.mark.parametrize("pair", REVERSED_PAIRS)
def test_the_mean_poses_of_a_pair_are_equal_up_to_chance(pair: tuple[int, int]) -> None:
    first, second = (
        np.array([mean_pose(make(action, performer)) for performer in range(1, 201)])
        for action in pair
    )
    error = np.sqrt(first.var(axis=0) / 200 + second.var(axis=0) / 200)
    score = (first.mean(axis=0) - second.mean(axis=0)) / np.maximum(error, 1e-12)
    assert np.abs(score).max() < 4.5


def relative(points: Array) -> Array:
    """Both persons as seen from the first one's spine, ``[2, T, 25, 3]``; NaN for no second."""
    padded = np.concatenate([points, np.full_like(points, np.nan)])[:2]
    spine: Array = padded[:1, :, :1]
    return padded - spine


def mean_pose(points: Array) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        mean: Array = np.nanmean(relative(points), axis=1)
    return np.ravel(np.nan_to_num(mean))


def eight_poses(points: Array) -> Array:
    moments = np.linspace(0, points.shape[1] - 1, 8).round().astype(int)
    poses: Array = np.nan_to_num(relative(points)[:, moments])
    return poses.ravel()


def linear_accuracy(train: Array, test: Array) -> float:
    """Accuracy of ridge regression on the classes; ``[actions, clips, features]`` both."""
    classes, clips, features = train.shape
    centre, spread = train.mean(axis=(0, 1)), train.std(axis=(0, 1)) + 0.01
    inputs = ((train - centre) / spread).reshape(-1, features)
    goals = np.eye(classes).repeat(clips, axis=0) - 1 / classes
    weights = np.linalg.solve(inputs.T @ inputs + 10 * np.eye(features), inputs.T @ goals)
    found = (((test - centre) / spread) @ weights).argmax(axis=-1)
    return float((found == np.arange(classes)[:, None]).mean())


def test_a_linear_model_fails_on_mean_poses_and_succeeds_on_eight_poses_in_time() -> None:
    accuracy = {}
    for feature in (mean_pose, eight_poses):
        train, test = (
            np.array(
                [
                    [feature(make(action, who, take, camera)) for who in performers
                     for take in (0, 1) for camera in (1, 2, 3)]
                    for action in range(len(ACTIONS))
                ]
            )
            for performers in (range(1, 21), range(101, 113))
        )  # fmt: skip
        accuracy[feature.__name__] = linear_accuracy(train, test)
    print(accuracy)
    assert accuracy["mean_pose"] < 0.60
    assert accuracy["eight_poses"] > 0.85
