"""Which frames are taken."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from stgraph import transforms
from stgraph.presets import ctrgcn

from .material import same, seeded, spotted_clips, track

NAN = torch.nan


def numbered(length: int) -> Tensor:
    """A clip whose frames hold their number."""
    return torch.arange(length, dtype=torch.double).view(1, -1, 1, 1)


@given(st.integers(1, 50), st.integers(1, 60), st.none() | st.integers(0, 99))
def test_resampling_picks_one_existing_frame_from_each_equal_segment(length, frames, seed) -> None:
    clip = torch.arange(length)[None, :, None, None].expand(2, -1, 3, 1)
    generator = None if seed is None else seeded(seed)
    picked = transforms.resample(clip, frames, generator=generator)
    assert picked.shape == (2, frames, 3, 1)
    for segment, frame in enumerate(picked[0, :, 0, 0].tolist()):
        assert segment * length // frames <= frame <= (segment + 1) * length / frames
        assert 0 <= frame < length


def test_resampling_to_the_same_length_without_chance_changes_nothing() -> None:
    keypoints = torch.randn(1, 9, 2, 3)
    assert same(transforms.resample(keypoints, 9), keypoints)
    assert transforms.resample(track(*range(9)), 3).flatten().tolist() == [1, 4, 7]


@given(st.integers(1, 30), st.integers(1, 70), st.integers(0, 99))
def test_sampled_frames_are_in_order_and_equally_often_there(length, frames, seed) -> None:
    chosen = transforms.sample_frames(numbered(length), frames, generator=seeded(seed)).flatten()
    assert len(chosen) == frames and (chosen.diff() >= 0).all()
    often = torch.bincount(chosen.long(), minlength=length)
    assert often.min() >= frames // length and often.max() <= -(-frames // length)


def test_each_choice_of_frames_is_as_likely() -> None:
    generator, clip = seeded(0), numbered(4)
    draws = [transforms.sample_frames(clip, 2, generator=generator) for _ in range(6000)]
    often = torch.unique(torch.cat(draws).flatten(1), dim=0, return_counts=True)[1]
    # Six pairs, 1000 each; the deviation of a count is 29.
    assert len(often) == 6 and (often - 1000).abs().max() < 5 * 29


def test_thinning_keeps_every_so_many_th_frame_from_the_first() -> None:
    keypoints = track(*range(7))
    assert transforms.thin(keypoints, 3).flatten().tolist() == [0, 3, 6]
    assert torch.equal(transforms.thin(keypoints, 1), keypoints)


def test_thinning_at_random_starts_at_each_of_the_first_frames_and_keeps_short_clips() -> None:
    keypoints, generator = track(*range(7)), seeded(0)
    draws = [transforms.thin(keypoints, 3, generator=generator).flatten() for _ in range(50)]
    assert {int(draw[0]) for draw in draws} == {0, 1, 2}
    assert all(bool((draw.diff() == 3).all()) for draw in draws)
    assert transforms.thin(keypoints[:, :1], 3, generator=generator).shape[1] == 1


def test_a_window_is_consecutive_from_every_place_and_a_short_clip_stays() -> None:
    generator = seeded(0)
    draws = [transforms.random_window(numbered(7), 5, generator=generator) for _ in range(50)]
    assert all((draw.flatten().diff() == 1).all() and draw.shape[1] == 5 for draw in draws)
    assert {int(draw[0, 0]) for draw in draws} == {0, 1, 2}
    assert same(transforms.random_window(numbered(3), 5), numbered(3))


@given(spotted_clips())
def test_reversing_puts_the_last_frame_first_and_twice_changes_nothing(keypoints: Tensor) -> None:
    back = transforms.reverse(keypoints)
    assert same(back[:, 0], keypoints[:, -1])
    assert same(transforms.reverse(back), keypoints)


@given(spotted_clips(), st.integers(0, 99))
def test_resizing_a_clip_to_its_own_length_changes_nothing(keypoints: Tensor, seed: int) -> None:
    frames = keypoints.shape[1]
    assert same(transforms.crop_resize(keypoints, frames), keypoints)
    assert same(transforms.crop_resize(keypoints, frames, generator=seeded(seed)), keypoints)


@given(st.integers(1, 300), st.integers(1, 99), st.integers(0, 99), st.floats(0.1, 1.0))
def test_crops_are_those_of_ctr_gcn(length: int, frames: int, seed: int, value: float) -> None:
    clip = torch.randn(2, length, 3, 3, generator=seeded(seed)) + value
    ours = transforms.crop_resize(clip, frames, share=(0.95, 0.95))
    assert same(ours, ctrgcn.crop_resize(clip, frames), 1e-5)
    ours = transforms.crop_resize(clip, ctrgcn.FRAMES, generator=seeded(seed))
    theirs = ctrgcn.crop_resize(clip, ctrgcn.FRAMES, generator=seeded(seed))
    assert same(ours, theirs, 1e-5)


@given(st.integers(1, 50), st.integers(1, 60), st.integers(0, 99))
def test_what_moves_evenly_does_so_at_another_speed(length: int, frames: int, seed: int) -> None:
    resized = transforms.crop_resize(numbered(length), frames, generator=seeded(seed)).flatten()
    assert resized.min() >= 0 and resized.max() <= length - 1
    # Before the middle of the first frame and after that of the last it stands still.
    inner = resized[(resized > resized.min()) & (resized < resized.max())]
    steps = inner.diff()
    assert same(steps, steps[:1].expand_as(steps), 1e-9)


@given(st.integers(1, 50), st.integers(1, 60), st.integers(0, 99))
def test_what_stands_still_does_so_at_any_length(length: int, frames: int, seed: int) -> None:
    person = torch.randn(1, 1, 17, 3, generator=seeded(seed))
    clip, still = person.expand(1, length, -1, -1), person.expand(1, frames, -1, -1)
    generator = seeded(seed)
    assert same(transforms.crop_resize(clip, frames, generator=generator), still)
    assert same(transforms.resample(clip, frames, generator=generator), still)
    assert same(transforms.sample_frames(clip, frames, generator=generator), still)


def test_a_joint_that_one_of_two_frames_lacks_is_where_the_other_has_it() -> None:
    # At twice the length results stand at 1/4 and 3/4 between two frames.
    clip = track(0, NAN, 8, 4, NAN, NAN)
    expected = track(0, 0, 0, 8, 8, 7, 5, 4, 4, NAN, NAN, NAN)
    assert same(transforms.crop_resize(clip, 12), expected)
    # At a third of it they stand on frames, and what these lack is lacking.
    assert same(transforms.crop_resize(clip, 2), track(NAN, NAN))
    assert same(transforms.crop_resize(track(NAN, 1, NAN, 2, NAN, 3), 2), track(1, NAN))


def test_a_random_part_is_of_every_allowed_length_and_at_every_place() -> None:
    generator, clip = seeded(0), numbered(10)
    begins, kept = set(), set()
    for _ in range(300):
        part = transforms.crop_resize(clip, 2, share=(0.4, 0.8), generator=generator).flatten()
        width = round(float(part[1] - part[0]) * 2)
        begins.add(round(float(part[0]) + 0.5 - width / 4))
        kept.add(width)
    assert kept == {4, 5, 6, 7} and begins == set(range(7))


def test_the_middle_is_kept_without_a_generator() -> None:
    part = transforms.crop_resize(numbered(10), 6, share=(0.1, 0.6))
    assert part.flatten().tolist() == [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("share", [(0.0, 1.0), (0.8, 0.5), (0.5, 1.1), (NAN, 1.0), (-1, 0.5)])
def test_shares_out_of_order_are_refused(share: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"least and the greatest share.* found .*; \(0.5, 1.0\)"):
        transforms.crop_resize(numbered(5), 4, share=share)


@pytest.mark.parametrize(
    "name", ["resample", "sample_frames", "thin", "random_window", "crop_resize"]
)
def test_no_frames_are_refused(name: str) -> None:
    for length, wanted in ((0, 3), (3, 0), (3, -1)):
        message = f"at least 1 frame .* found {length} and {wanted}; leave empty clips out"
        with pytest.raises(ValueError, match=message):
            getattr(transforms, name)(numbered(length), wanted)
