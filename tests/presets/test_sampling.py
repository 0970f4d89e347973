"""Uniform sampling: its plain definition, and pyskl's own test clips made again."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import RandomState
from numpy.typing import NDArray

from stgraph.presets import sampling

from .material import numbered, seeded

LENGTHS = (1, 3, 9, 10, 57, 99, 100, 101, 150, 199, 200, 250, 300)


def sample(length: int, frames: int = 100, seed: int = 0) -> NDArray[Any]:
    return sampling.uniform_sample(length, frames, random=RandomState(seed))


def pyskl_test_indices(length: int) -> list[list[int]]:
    """The ten test clips in plain loops on NumPy's global generator, as pyskl seeds it."""
    np.random.seed(255)
    clips = []
    for number in range(10):
        np.random.rand()
        np.random.randint(1)
        if length < 100:
            start = number if length < 10 else number * length // 10
            clip = [start + place for place in range(100)]
        elif length < 200:
            gaps = set(np.random.choice(101, length - 100, replace=False).tolist())
            clip = [p + sum(gap <= p for gap in gaps) for p in range(100)]
        else:
            edges = [place * length // 100 for place in range(101)]
            sizes = np.array([end - start for start, end in pairwise(edges)])
            clip = [edges[p] + int(step) for p, step in enumerate(np.random.randint(sizes))]
        clips.append([frame % length for frame in clip])
    return clips


# The definition


@given(st.integers(1, 99), st.integers(0, 999))
def test_a_short_clip_is_run_through_again_and_again(length: int, seed: int) -> None:
    frames = sample(length, seed=seed)
    assert ((frames[:-1] + 1) % length == frames[1:]).all()


@given(st.integers(100, 199), st.integers(0, 999))
def test_a_clip_of_up_to_twice_the_frames_is_thinned_by_steps_of_one_and_two(
    length: int, seed: int
) -> None:
    frames = sample(length, seed=seed)
    assert set(np.diff(frames)) <= {1, 2} and 0 <= frames[0] <= 1
    assert length - 2 <= frames[-1] <= length - 1


@given(st.integers(200, 1000), st.integers(0, 999))
def test_one_frame_is_taken_from_each_equal_segment_of_a_long_clip(length: int, seed: int) -> None:
    for number, frame in enumerate(sample(length, seed=seed)):
        assert number * length // 100 <= frame < (number + 1) * length // 100


def test_each_frame_of_a_clip_may_be_sampled() -> None:
    for length in (5, 8, 11, 20, 23):
        seen = {int(frame) for seed in range(200) for frame in sample(length, 8, seed)}
        assert seen == set(range(length))
    starts = {int(sample(5, 8, seed)[0]) for seed in range(200)}
    assert starts == set(range(5))


def test_a_clip_without_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one frame, found 0; leave empty clips out"):
        sample(0)


# pyskl's own


@pytest.mark.parametrize("length", LENGTHS)
def test_the_ten_test_clips_are_those_of_pyskl(length: int) -> None:
    clip = torch.arange(length)[None, :, None, None].expand(2, -1, 3, 1)
    ours = sampling.clips_for_testing(clip)
    assert ours.shape == (10, 2, 100, 3, 1)
    assert ours[:, 1, :, 2, 0].tolist() == pyskl_test_indices(length)


def test_the_first_frames_that_pyskl_tests_with_are_known_numbers() -> None:
    clip = torch.arange(300)[None, :, None, None]
    known = {
        150: ([0, 2, 4, 5, 6, 7, 8, 9, 11, 12], [1, 2, 4, 5, 7, 9, 10, 11, 13, 15]),
        250: ([1, 3, 5, 8, 11, 12, 16, 18, 20, 22], [1, 3, 6, 7, 11, 12, 16, 18, 21, 22]),
    }
    for length, (first, last) in known.items():
        ours = sampling.clips_for_testing(clip[:, :length])[:, 0, :, 0, 0]
        assert ours[0, :10].tolist() == first and ours[9, :10].tolist() == last


def test_fewer_clips_are_the_first_of_more_where_chance_decides() -> None:
    clip = torch.arange(230)[None, :, None, None]
    assert torch.equal(
        sampling.clips_for_testing(clip, clips=3), sampling.clips_for_testing(clip)[:3]
    )


def test_short_test_clips_start_at_evenly_spaced_frames() -> None:
    starts = {
        length: sampling.clips_for_testing(numbered(*range(length))[None])[:, 0, 0, 0, 0].tolist()
        for length in (3, 10, 57)
    }
    assert starts[3] == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    assert starts[10] == list(range(10))
    assert starts[57] == [0, 5, 11, 17, 22, 28, 34, 39, 45, 51]


def test_test_clips_leave_numpys_and_torchs_chance_alone() -> None:
    clip = numbered(*range(250))[None]
    np.random.seed(1)
    torch.manual_seed(1)
    sampling.clips_for_testing(clip)
    drawn = np.random.rand(), float(torch.rand(()))
    np.random.seed(1)
    torch.manual_seed(1)
    assert drawn == (np.random.rand(), float(torch.rand(())))


# Training


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(0, 99))
def test_a_training_clip_is_repeated_by_its_generator_alone(length: int, seed: int) -> None:
    clip = numbered(*range(length))[None]
    first = sampling.training_clip(clip, generator=seeded(seed))
    np.random.rand()
    torch.rand(3)
    assert torch.equal(sampling.training_clip(clip, generator=seeded(seed)), first)
    assert first.shape == (1, 100, 1, 1)


def test_training_clips_differ() -> None:
    clip = numbered(*range(250))[None]
    generator = seeded(0)
    one, other = (sampling.training_clip(clip, generator=generator) for _ in range(2))
    assert not torch.equal(one, other)
