"""What CTR-GCN makes of NTU clips, by hand and on recorded people."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stgraph.presets import ctrgcn

from .material import body, clip_of, numbered, seeded

SEEDS = range(60)


def ramp(frames: int, padding: int = 0) -> Tensor:
    """A person ``[1, T, 1, 1]`` whose coordinate is 1, 2, 3, ... by frame, and then zero."""
    return numbered(*range(1, frames + 1), *[0] * padding)[None]


def resized(begin: int, end: int, frames: int = 64) -> Tensor:
    """Frames ``begin + 1 ... end`` of a ramp read at the middles of equal parts."""
    at = (torch.arange(frames, dtype=torch.double) + 0.5) * (end - begin) / frames - 0.5
    return begin + 1 + at.clamp(0, end - begin - 1)


def span(window: Tensor) -> tuple[int, int]:
    """Which frames of a ramp a resized crop of at least 64 frames was made of."""
    values = window.flatten().double()
    length = round(float(values[-1] - values[0]) * 64 / 63)
    begin = round(float(values[0]) - 0.5 - length / 128)
    torch.testing.assert_close(resized(begin, begin + length), values, atol=1e-3, rtol=0)
    return begin, begin + length


# The stored clip


def test_the_only_body_is_taken_as_it_is_without_the_frames_before_it() -> None:
    points = body(8)
    clip = clip_of(20, (3, points)).nan_to_num()
    assert torch.equal(ctrgcn.denoise(clip), points[None])


def test_one_body_too_short_is_kept_where_it_is_alone_and_dropped_among_others() -> None:
    person, short = body(30), body(11, seed=1)
    assert torch.equal(ctrgcn.denoise(clip_of(11, (0, short)).nan_to_num()), short[None])
    kept = ctrgcn.denoise(clip_of(30, (0, person), (10, short)).nan_to_num())
    assert torch.equal(kept, person[None])


def test_a_clip_of_short_bodies_only_is_refused() -> None:
    clip = clip_of(30, (0, body(11)), (12, body(10, seed=1)))
    with pytest.raises(ValueError, match=r"found 2 bodies of 11, 10 frames\. Leave the clip out"):
        ctrgcn.ntu60(clip)


def test_a_ghost_that_moves_more_than_the_person_is_dropped() -> None:
    person, ghost = body(30), body(30, seed=1, width=4.0, stir=0.5)
    assert torch.equal(ctrgcn.denoise(clip_of(30, (0, ghost), (0, person)).nan_to_num())[0], person)


def test_the_body_that_moves_most_is_the_first_actor() -> None:
    calm, lively = body(30, stir=0.001), body(30, seed=1, stir=0.2)
    actors = ctrgcn.denoise(clip_of(30, (0, calm), (0, lively)).nan_to_num())
    assert torch.equal(actors, torch.stack([lively, calm]))


def test_bodies_that_share_one_frame_are_one_actor_and_the_later_has_the_frame() -> None:
    before, after = body(20, stir=0.2), body(20, seed=1, stir=0.01)
    actors = ctrgcn.denoise(clip_of(39, (0, before), (19, after)).nan_to_num())
    assert actors.shape == (2, 39, 25, 3) and not actors[1].any()
    assert torch.equal(actors[0], torch.cat([before[:19], after]))


def test_bodies_that_share_two_frames_are_two_actors() -> None:
    before, after = body(20, stir=0.2), body(20, seed=1, stir=0.01)
    actors = ctrgcn.denoise(clip_of(38, (0, before), (18, after)).nan_to_num())
    assert torch.equal(actors[0, :20], before) and torch.equal(actors[1, 18:], after)


def test_of_ghosts_only_the_one_that_appeared_last_is_spared() -> None:
    ghosts = [body(20, seed=seed, width=4.0, stir=0.1 * (3 - seed)) for seed in range(3)]
    clip = clip_of(25, (4, ghosts[0]), (0, ghosts[1]), (2, ghosts[2])).nan_to_num()
    assert torch.equal(ctrgcn.denoise(clip), ghosts[0][None])


def test_frames_that_are_left_without_an_actor_are_removed() -> None:
    long, late, dropped = body(20, stir=0.2), body(15, seed=1, stir=0.05), body(11, seed=2)
    clip = clip_of(50, (0, long), (20, dropped), (31, late)).nan_to_num()
    assert torch.equal(ctrgcn.denoise(clip)[0], torch.cat([long, late]))


def test_the_clip_starts_with_the_spine_of_the_first_actor_at_the_origin() -> None:
    actors = torch.zeros(2, 4, 2, 3)
    actors[0, 1:] = torch.rand(3, 2, 3) + 1
    actors[1, :2] = torch.rand(2, 2, 3) + 1
    moved = ctrgcn.move_to_origin(actors)
    torch.testing.assert_close(moved[0, 1:], actors[0, 1:] - actors[0, 1, 1])
    torch.testing.assert_close(moved[1, :2], actors[1, :2] - actors[0, 1, 1])
    assert not moved[0, 0].any() and not moved[1, 2:].any() and not moved[0, 1, 1].any()


def test_a_lost_joint_is_moved_like_the_others() -> None:
    actors = torch.ones(1, 2, 3, 3)
    actors[0, 1, 2] = 0.0
    assert ctrgcn.move_to_origin(actors)[0, 1, 2].tolist() == [-1.0, -1.0, -1.0]


# Cropping and resizing


@pytest.mark.parametrize(
    ("frames", "begin"), [(1, 0), (39, 0), (40, 1), (64, 1), (79, 1), (80, 2), (100, 2), (300, 7)]
)
def test_testing_takes_the_middle_95_percent(frames: int, begin: int) -> None:
    given = ctrgcn.crop_resize(ramp(frames, padding=5)).flatten()
    torch.testing.assert_close(given.double(), resized(begin, frames - begin), atol=1e-4, rtol=0)


def test_resizing_is_linear_between_the_middles_of_frames() -> None:
    two = ctrgcn.crop_resize(ramp(2), 4).flatten()
    torch.testing.assert_close(two, torch.tensor([1.0, 1.25, 1.75, 2.0]))


def test_resizing_keeps_persons_joints_and_channels_apart() -> None:
    clip = torch.rand(2, 90, 5, 3) + 1
    whole = ctrgcn.crop_resize(clip)
    assert whole.shape == (2, 64, 5, 3) and whole.is_contiguous()
    # no frame adds up to 0, so each track can be resized alone
    alone = ctrgcn.crop_resize(clip[1:, :, 3:4, 2:])
    torch.testing.assert_close(whole[1:, :, 3:4, 2:], alone)


def test_a_clip_without_frames_that_count_is_refused() -> None:
    with pytest.raises(ValueError, match="do not add up to 0, found none in 7; leave"):
        ctrgcn.crop_resize(torch.zeros(2, 7, 3, 3))


def test_training_takes_at_least_half_of_the_frames_from_anywhere() -> None:
    clip = ramp(200, padding=100)
    spans = [span(ctrgcn.crop_resize(clip, generator=seeded(seed))) for seed in SEEDS]
    lengths = [end - begin for begin, end in spans]
    assert min(lengths) >= 100 and max(lengths) <= 200
    assert min(lengths) < 110 and max(lengths) > 190
    assert min(begin for begin, _ in spans) < 5 and max(end for _, end in spans) > 195
    assert max(begin for begin, _ in spans) > 40


def test_training_takes_at_least_64_frames_or_all() -> None:
    lengths = [
        end - begin
        for begin, end in (
            span(ctrgcn.crop_resize(ramp(80), generator=seeded(seed))) for seed in SEEDS
        )
    ]
    assert min(lengths) == 64 and lengths.count(64) > len(lengths) / 3
    short = ramp(30)
    whole = resized(0, 30).float()
    for seed in range(5):
        given = ctrgcn.crop_resize(short, generator=seeded(seed)).flatten()
        torch.testing.assert_close(given, whole)


# The whole


def test_a_missing_second_person_is_zero_in_60_and_the_first_again_in_120() -> None:
    clip = clip_of(90, (0, body(90)))
    sixty, more = ctrgcn.ntu60(clip), ctrgcn.ntu120(clip)
    assert sixty.shape == more.shape == (2, 64, 25, 3)
    assert not sixty[1].any() and torch.equal(sixty[0], more[0])
    assert torch.equal(more[0], more[1])


def test_two_persons_are_the_same_in_60_and_120() -> None:
    clip = clip_of(90, (0, body(90)), (20, body(60, seed=1)))
    assert torch.equal(ctrgcn.ntu60(clip), ctrgcn.ntu120(clip))
    assert ctrgcn.ntu60(clip)[1].any()


def test_one_body_continued_by_another_is_not_copied_in_120() -> None:
    clip = clip_of(60, (0, body(30)), (30, body(30, seed=1)))
    assert not ctrgcn.ntu120(clip)[1].any()


def test_testing_is_not_turned_and_training_is_turned_as_a_whole() -> None:
    clip = clip_of(60, (0, body(60)))
    points = clip[0] - clip[0, 0, 1]
    torch.testing.assert_close(
        ctrgcn.ntu60(clip), ctrgcn.crop_resize(torch.stack([points, 0 * points]))
    )
    seen = []
    for seed in range(20):
        turned = ctrgcn.ntu60(clip, generator=seeded(seed))[0]
        # of 60 frames training takes all, so only the rotation differs
        plain = ctrgcn.crop_resize(points[None], generator=seeded(seed))[0]
        rotation = torch.linalg.lstsq(plain.flatten(0, 1), turned.flatten(0, 1)).solution
        torch.testing.assert_close(rotation @ rotation.T, torch.eye(3), atol=1e-4, rtol=0)
        seen.append(float(torch.linalg.matrix_norm(rotation - torch.eye(3))))
    # three angles of at most 0.3 turn by at most about 0.52, which moves the axes by 0.74
    assert 0.2 < max(seen) < 0.74


def test_clips_of_more_than_300_frames_are_welcome() -> None:
    assert ctrgcn.ntu60(clip_of(400, (0, body(400)))).shape == (2, 64, 25, 3)


@settings(deadline=None, max_examples=20)
@given(st.integers(12, 90), st.integers(0, 40), st.integers(0, 99))
def test_where_a_clip_stands_does_not_matter(frames: int, late: int, seed: int) -> None:
    first, second = body(frames, seed=seed), body(frames, seed=seed + 1)
    clip = clip_of(frames + late, (0, first), (late, second)).double()
    shift = torch.tensor([1.0, -2.0, 3.0]).double()
    torch.testing.assert_close(ctrgcn.ntu60(clip), ctrgcn.ntu60(clip + shift), atol=1e-6, rtol=0)


@pytest.mark.real
def test_a_recorded_person_starts_at_the_origin_and_walks_as_recorded(bandai: list[Tensor]) -> None:
    for clip in bandai:
        given = ctrgcn.ntu60(clip)
        assert not given[1].any()
        begin = int((1 - 0.95) * clip.shape[1] / 2)
        first = clip[0, begin] - clip[0, 0, 1]
        torch.testing.assert_close(given[0, 0], first, atol=0.1, rtol=0)
        upper_arm = (given[0, :, 4] - given[0, :, 5]).norm(dim=-1)
        recorded = (clip[0, 0, 4] - clip[0, 0, 5]).norm()
        assert (upper_arm / recorded - 1).abs().max() < 0.15, "arms shrink a little when resized"
