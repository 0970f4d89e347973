"""What st-gcn makes of NTU and Kinetics clips, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from stgraph.presets import stgcn

from .material import NAN, body, clip_of, numbered, seeded

SEEDS = range(60)


def sure(*scores: float, x: float = 0.7, y: float = 0.9) -> Tensor:
    """A person ``[T, 1, 3]`` at one place of the image with a score for each frame."""
    return torch.tensor([[[x, y, score]] for score in scores])


def similarity(before: Tensor, after: Tensor) -> tuple[float, float, complex]:
    """Angle in degrees, scale and shift between two pictures ``[V, 2]`` of the same points."""
    old, new = (torch.view_as_complex(points.contiguous()) for points in (before, after))
    factor = (new[1] - new[0]) / (old[1] - old[0])
    shift = complex(new[0] - factor * old[0])
    return float(factor.angle().rad2deg()), float(factor.abs()), shift


# NTU RGB+D


def test_an_ntu_clip_is_its_first_two_bodies_in_300_frames_and_nothing_else() -> None:
    clip = clip_of(40, (0, body(40)), (5, body(20, seed=1)))
    clip[0, 3, 7] = NAN
    given = stgcn.ntu(clip)
    assert given.shape == (2, 300, 25, 3)
    assert torch.equal(given[:, :40], clip.nan_to_num()) and not given[:, 40:].any()


def test_the_place_in_the_frame_is_taken_for_the_person() -> None:
    rows = (0, numbered(1.0)), (0, numbered(2.0, 3.0)), (0, numbered(4.0, 5.0, 6.0))
    given = stgcn.ntu(clip_of(4, *rows))
    assert given[:, :4, 0, 0].tolist() == [[1.0, 3.0, 6.0, 0.0], [2.0, 5.0, 0.0, 0.0]]


def test_more_than_300_frames_are_refused() -> None:
    assert stgcn.ntu(torch.ones(1, 300, 25, 3)).shape[1] == 300
    with pytest.raises(ValueError, match="300 frames, found 1 and 301"):
        stgcn.ntu(torch.ones(1, 301, 25, 3))


# Kinetics


def test_the_middle_of_the_image_is_the_origin_and_a_score_of_zero_puts_a_joint_there() -> None:
    clip = torch.tensor([[[[0.75, 0.25, 0.8], [0.9, 0.9, 0.0], [NAN, NAN, NAN]]]])
    given = stgcn.kinetics(clip)
    expected = torch.tensor([[0.25, -0.25, 0.8], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(given[0, 0], expected)
    assert given.shape == (2, 300, 3, 3) and not given[1].any() and not given[0, 1:].any()


def test_the_two_surest_come_first_in_each_frame_anew() -> None:
    rows = [(0, sure(0.1, 0.9)), (0, sure(0.5, 0.2)), (0, sure(0.3, 0.4))]
    scores = stgcn.kinetics(clip_of(2, *rows))[:, :2, 0, 2]
    torch.testing.assert_close(scores, torch.tensor([[0.5, 0.9], [0.3, 0.4]]))


def test_scores_are_summed_over_joints() -> None:
    clip = torch.full((2, 1, 3, 3), 0.5)
    clip[0, 0, :, 2] = torch.tensor([0.9, 0.0, 0.0])
    clip[1, 0, :, 2] = torch.tensor([0.4, 0.4, 0.4])
    assert stgcn.kinetics(clip)[0, 0, 0, 2] == 0.4


def test_persons_of_equal_scores_keep_their_order() -> None:
    rows = [(0, sure(0.5, x=0.1 * place)) for place in range(1, 5)]
    torch.testing.assert_close(
        stgcn.kinetics(clip_of(1, *rows))[:, 0, 0, 0], torch.tensor([-0.4, -0.3])
    )


def test_only_the_first_five_bodies_of_a_frame_are_looked_at() -> None:
    rows = [(0, sure(0.1 * place)) for place in range(1, 8)]
    torch.testing.assert_close(
        stgcn.kinetics(clip_of(1, *rows))[:, 0, 0, 2], torch.tensor([0.5, 0.4])
    )
    late = [(1, row) if place < 3 else (0, row) for place, (_, row) in enumerate(rows)]
    assert float(stgcn.kinetics(clip_of(2, *late))[0, 0, 0, 2]) == pytest.approx(0.7)


def test_kinetics_clips_have_scores() -> None:
    with pytest.raises(ValueError, match="'stgcn-kinetics' needs 3 channels, .* have 2"):
        stgcn.kinetics(torch.zeros(1, 5, 18, 2))


def test_training_sees_150_frames_that_are_moved() -> None:
    clip = torch.rand(2, 200, 18, 3) + 0.1
    window = stgcn.kinetics(clip, generator=seeded(0))
    whole = stgcn.kinetics(clip)
    assert window.shape == (2, 150, 18, 3)
    starts = [t for t in range(151) if torch.equal(whole[:, t : t + 150, :, 2], window[..., 2])]
    assert len(starts) == 1, "scores are those of consecutive frames"
    assert not torch.equal(whole[:, starts[0] : starts[0] + 150], window)


# Augmentation


def test_a_window_starts_at_any_frame_from_which_it_fits() -> None:
    clip = numbered(*range(10))[None]
    windows = [stgcn.random_choose(clip, 7, generator=seeded(seed)) for seed in SEEDS]
    assert {int(window[0, 0]) for window in windows} == {0, 1, 2, 3}
    assert all(window.flatten().diff().eq(1).all() and len(window[0]) == 7 for window in windows)


def test_a_shorter_clip_is_put_anywhere_among_zeros() -> None:
    clip = numbered(1, 2, 3)[None]
    windows = [stgcn.random_choose(clip, 5, generator=seeded(seed)).flatten() for seed in SEEDS]
    assert {int(window.ne(0).int().argmax()) for window in windows} == {0, 1, 2}
    assert all(window[window != 0].tolist() == [1, 2, 3] for window in windows)
    assert torch.equal(stgcn.random_choose(clip, 3), clip)


def test_moves_are_those_of_st_gcn_at_both_ends_and_change_linearly() -> None:
    clip = torch.rand(2, 11, 4, 3, dtype=torch.double)
    angles, scales, shifts = set(), set(), set()
    for seed in SEEDS:
        moved = stgcn.random_move(clip, generator=seeded(seed))
        assert torch.equal(moved[..., 2], clip[..., 2])
        kept = [similarity(clip[1, t, :, :2], moved[1, t, :, :2]) for t in range(11)]
        angle, scale, shift = (np.array(numbers) for numbers in zip(*kept, strict=True))
        for numbers in (angle, scale, shift):
            steps = np.diff(numbers)
            np.testing.assert_allclose(steps, steps[0] * np.ones(10), atol=1e-9)
        angles |= {round(float(angle[end]), 6) + 0.0 for end in (0, -1)}
        scales |= {round(float(scale[end]), 6) for end in (0, -1)}
        shifts |= {
            round(float(part), 6) + 0.0
            for end in (0, -1)
            for part in (shift[end].real, shift[end].imag)
        }
    assert angles == {-10.0, -5.0, 0.0, 5.0, 10.0}
    assert scales == {0.9, 1.0, 1.1}
    assert shifts == {-0.2, -0.1, 0.0, 0.1, 0.2}


def test_all_persons_move_alike_and_zeros_move_too() -> None:
    clip = torch.zeros(2, 5, 1, 3)
    moved = [stgcn.random_move(clip, generator=seeded(seed)) for seed in SEEDS]
    assert any(bool(points.any()) for points in moved)
    assert all(torch.equal(points[0], points[1]) for points in moved)


def test_the_motion_of_two_streams_is_a_frame_less_the_mean_of_its_neighbours() -> None:
    motion = stgcn.two_stream_motion(numbered(0, 1, 4, 9, 20)[None])
    assert motion.flatten().tolist() == [0.0, -1.0, -1.0, -3.0, 0.0]
    assert stgcn.two_stream_motion(numbered(3)[None]).flatten().tolist() == [0.0]
