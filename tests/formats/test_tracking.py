"""Identities over frames: facts, synthetic people who cross and vanish, any order of poses."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stgraph.formats.tracking import follow

Array = NDArray[Any]

BODY = np.array([[0, 0], [0, 1], [-0.3, 0.4], [0.3, 0.4], [-0.2, 1.8], [0.2, 1.8]], dtype=float)


def at(*places: tuple[float, float]) -> Array:
    """People of 6 joints, 1.9 high, ``[P, 6, 2]``."""
    return np.array(places, dtype=float).reshape(-1, 1, 2) + BODY


def names(identities: list[NDArray[np.int64]]) -> list[list[int]]:
    return [frame.tolist() for frame in identities]


def test_a_person_keeps_the_identity_when_the_order_swaps() -> None:
    frames = [at((0, 0), (3, 0)), at((3.1, 0), (0.1, 0)), at((0.2, 0), (3.2, 0))]
    assert names(follow(frames)) == [[0, 1], [1, 0], [0, 1]]


def test_identities_are_counted_by_first_appearance() -> None:
    frames = [at((5, 0)), at((0, 0), (5, 0), (9, 0)), at((9, 0), (0, 0))]
    assert names(follow(frames)) == [[0], [1, 0, 2], [2, 1]]


def test_frames_without_people_and_no_frames_at_all_are_no_problem() -> None:
    assert names(follow([at(), at((0, 0)), at()])) == [[], [0], []]
    assert follow([]) == []
    assert follow([at()])[0].dtype == np.int64


def test_a_move_of_more_than_half_a_person_makes_somebody_else() -> None:
    size = float(np.hypot(0.6, 1.8))
    near, far = at((0.49 * size, 0)), at((0.51 * size, 0))
    assert names(follow([at((0, 0)), near])) == [[0], [0]]
    assert names(follow([at((0, 0)), far])) == [[0], [1]]
    assert names(follow([at((0, 0)), far], most_move=0.52)) == [[0], [0]]


def test_the_gate_is_relative_to_the_person() -> None:
    assert names(follow([1000 * at((0, 0)), 1000 * at((0.5, 0))])) == [[0], [0]]
    assert names(follow([0.001 * at((0, 0)), 0.001 * at((0.5, 0))])) == [[0], [0]]


@pytest.mark.parametrize(("absent", "expected"), [(3, 0), (4, 1)])
def test_a_track_goes_on_after_a_gap_up_to_the_longest(absent: int, expected: int) -> None:
    frames = [at((0, 0)), *[at()] * absent, at((0, 0))]
    assert names(follow(frames, most_gap=3))[-1] == [expected]


def test_somebody_who_vanishes_while_walking_is_expected_further_on() -> None:
    walk = [at((0.2 * t, 0)) if t < 10 or t >= 20 else at() for t in range(30)]
    assert all(frame in ([], [0]) for frame in names(follow(walk, most_gap=10)))
    assert names(follow(walk, most_gap=9))[-1] == [1]


def test_the_whole_frame_is_paired_best_not_the_nearest_pair_first() -> None:
    """The first pose is nearest to the second track, but then the first track would have none."""
    frames = [at((0, 0), (1, 0)), at((0.6, 0), (1.5, 0))]
    assert names(follow(frames)) == [[0, 1], [0, 1]]


def test_only_joints_seen_in_both_count() -> None:
    upper, lower = at((0, 0)), at((0.1, 0))
    upper[:, 3:], lower[:, :2] = np.nan, np.nan
    assert names(follow([upper, lower])) == [[0], [0]]
    lower[:, :3] = np.nan
    assert names(follow([upper, lower])) == [[0], [1]], "no joint in common"


def test_a_pose_without_joints_or_without_extent_starts_a_track() -> None:
    nothing, point = np.full((1, 6, 2), np.nan), np.zeros((1, 6, 2))
    assert names(follow([nothing, nothing])) == [[0], [1]]
    assert names(follow([point, point])) == [[0], [1]]


def test_the_largest_numbers_of_float32_overflow_nowhere() -> None:
    frames = [(1e38 * at((0, 0))).astype(np.float32)] * 2
    with np.errstate(all="raise"):
        assert names(follow(frames)) == [[0], [0]]


def test_frames_of_different_joints_are_refused() -> None:
    with pytest.raises(ValueError, match="same joints and coordinates"):
        follow([np.zeros((1, 6, 2)), np.zeros((1, 5, 2))])
    with pytest.raises(ValueError, match="same joints and coordinates"):
        follow([np.zeros((6, 2))])


def test_a_crowd_at_one_place_is_followed_within_seconds() -> None:
    rng = np.random.default_rng(0)
    places = rng.uniform(0, 3, (300, 2))
    frames = [at(*(places + rng.normal(0, 0.001, (300, 2))).tolist()) for _ in range(3)]
    start = time.perf_counter()
    identities = follow(frames)
    assert time.perf_counter() - start < 5
    assert sum(frame == list(range(300)) for frame in names(identities)) == 3


# Synthetic people


@st.composite
def walks(draw: st.DrawFn) -> tuple[list[Array], list[Array]]:
    """People who walk straight on, some towards each other, and each vanishes for a few frames.

    Gives poses per frame and who they truly are.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    people = draw(st.integers(1, 5))
    side = rng.choice([-1, 1], people)
    start = np.stack([side * rng.uniform(1, 3, people), 0.1 * np.arange(people)], axis=-1)
    speed = -side * rng.uniform(0.03, 0.08, people)
    hidden = rng.integers(15, 35, people)
    limbs = rng.normal(0, 0.05, (people, 6, 2))
    poses, truth = [], []
    for frame in range(60):
        present = np.flatnonzero((frame < hidden) | (frame >= hidden + 5))
        present = rng.permutation(present)
        moved = start + np.stack([speed * frame, np.zeros(people)], axis=-1)
        noise = rng.normal(0, 0.01, (people, 6, 2))
        poses.append((moved[:, None] + BODY + limbs + noise)[present])
        truth.append(present)
    return poses, truth


@settings(max_examples=60, deadline=None)
@given(walks())
def test_people_who_cross_and_vanish_for_a_while_keep_their_identity(
    walk: tuple[list[Array], list[Array]],
) -> None:
    poses, truth = walk
    pairs = {
        (int(identity), int(person))
        for found, true in zip(follow(poses), truth)
        for identity, person in zip(found, true)
    }
    assert len(pairs) == len({identity for identity, _ in pairs}) == len({who for _, who in pairs})


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 4), st.integers(0, 3))
def test_the_order_within_frames_does_not_matter_up_to_names(
    seed: int, most: int, most_gap: int
) -> None:
    rng = np.random.default_rng(seed)
    frames = [at(*rng.uniform(0, 2, (rng.integers(0, most + 1), 2)).tolist()) for _ in range(8)]
    for frame in frames:
        frame[rng.random(frame.shape[:2]) < 0.3] = np.nan
    orders = [rng.permutation(len(frame)) for frame in frames]
    plain = follow(frames, most_gap=most_gap)
    shuffled = follow([f[order] for f, order in zip(frames, orders)], most_gap=most_gap)
    pairs = {
        (int(a), int(b))
        for one, other, order in zip(plain, shuffled, orders)
        for a, b in zip(one[order], other)
    }
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_an_identity_is_at_most_once_in_a_frame_and_none_is_left_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = [at(*rng.uniform(0, 2, (rng.integers(0, 6), 2)).tolist()) for _ in range(8)]
    identities = follow(frames)
    assert [len(found) for found in identities] == [len(frame) for frame in frames]
    assert all(len(set(found.tolist())) == len(found) for found in identities)
    everybody = [int(name) for found in identities for name in found]
    first = list(dict.fromkeys(everybody))
    assert first == list(range(len(first)))
