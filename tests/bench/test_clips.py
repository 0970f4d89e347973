"""Clips are as long as those of NTU RGB+D, and the same on both sides."""

from __future__ import annotations

import statistics

import pytest
import torch

from stgraph.bench import Setting
from stgraph.bench.clips import (
    DEVIATION,
    MEAN,
    ClipSize,
    full,
    keypoints_of,
    node_batch,
    padded,
    ragged,
    read_lengths,
)


def lengths(setting, count):
    return [size.frames for size in ragged(setting, count)]


def test_drawn_lengths_have_the_mean_and_the_spread_of_ntu():
    drawn = lengths(Setting(), 4000)
    assert statistics.mean(drawn) == pytest.approx(MEAN, abs=0.3)
    assert statistics.stdev(drawn) == pytest.approx(DEVIATION, abs=0.6)
    assert min(drawn) >= 32 and max(drawn) <= 300


def test_drawn_lengths_are_near_the_real_ones_everywhere(shared):
    real = sorted(read_lengths(str(shared / "data" / "ntu_metadata" / "frame_counts.txt")))
    assert statistics.mean(real) == pytest.approx(MEAN, abs=0.01)
    assert statistics.stdev(real) == pytest.approx(DEVIATION, abs=0.01)
    ours = statistics.quantiles(lengths(Setting(), 4000), n=20)
    theirs = statistics.quantiles(real, n=20)
    assert all(abs(a - b) <= 4 for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_one_batch_does_about_seven_times_less_work_than_padding(seed):
    clips = ragged(Setting(seed=seed))
    work = sum(size.frames * size.persons for size in clips)
    assert len(clips) == 16 and sum(size.persons for size in clips) == 19
    assert 6.7 < 16 * 300 * 2 / work < 7.1


def test_the_seed_decides():
    assert ragged(Setting(seed=1)) == ragged(Setting(seed=1)) != ragged(Setting(seed=2))


def test_lengths_come_from_a_file_and_long_clips_are_cut(tmp_path):
    path = tmp_path / "lengths.txt"
    path.write_text("40\n60\n900\n50\n")
    assert sorted(lengths(Setting(lengths=str(path)), 4)) == [40, 50, 60, 300]


@pytest.mark.parametrize(("text", "word"), [("", "empty"), ("12\n-3\n", "-3"), ("0", "0")])
def test_a_file_without_lengths_is_refused(text, word, tmp_path):
    path = tmp_path / "lengths.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=word):
        read_lengths(str(path))


def test_both_sides_get_the_same_numbers_and_padding_is_zero():
    keypoints = keypoints_of((ClipSize(3, 2), ClipSize(5, 1)))
    batch, array = node_batch(keypoints, "cpu"), padded(keypoints, "cpu", 7)
    assert array.shape == (2, 2, 7, 25, 3)
    place = (batch.batch, batch.person, batch.frame, batch.joint)
    assert torch.equal(array[place], batch.x)
    array[place] = 0
    assert not array.any()


def test_full_batches_need_no_padding():
    sizes = full(Setting(quick=True))
    assert set(sizes) == {ClipSize(24, 2)}
