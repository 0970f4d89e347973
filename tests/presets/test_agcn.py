"""What 2s-AGCN makes of NTU and Kinetics clips, by hand and on recorded people."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stgraph.presets import agcn, stgcn

from .material import NAN, body, clip_of, numbered, seeded


def looped(*frames: float, to: int = 8) -> list[float]:
    person = torch.zeros(to, 1, 1)
    person[: len(frames)] = numbered(*frames)
    return agcn.loop_each(person[None]).flatten().tolist()


def spread(*places: float, joints: int = 1) -> Tensor:
    """A body ``[T, joints, 3]`` that moves along x only."""
    points = torch.ones(len(places), joints, 3)
    points[..., 0] = torch.tensor(places)[:, None]
    return points


# Which bodies


def test_energy_is_the_deviation_of_all_joints_in_all_frames_summed_over_axes() -> None:
    points = torch.tensor([[[1.0, 5.0, 2.0], [3.0, 5.0, 2.0]], [[1.0, 5.0, 8.0], [3.0, 5.0, 8.0]]])
    assert agcn.energy(points) == pytest.approx(1.0 + 0.0 + 3.0)


def test_frames_that_add_up_to_zero_have_no_part_in_the_energy() -> None:
    points = spread(1.0, 3.0)
    empty = torch.zeros(5, 1, 3)
    cancelled = torch.tensor([[[4.0, -4.0, 0.0]]])
    assert agcn.energy(torch.cat([empty, points, cancelled])) == agcn.energy(points) == 1.0
    assert agcn.energy(empty) == 0.0


def test_the_two_bodies_with_the_most_energy_come_first_in_that_order() -> None:
    people = torch.stack([spread(0, way) + 1 for way in (1.0, 5.0, 2.0)])
    assert torch.equal(agcn.most_energetic(people), people[[1, 2]])


def test_of_equal_bodies_the_later_slot_comes_first() -> None:
    people = torch.stack([spread(1, 3), spread(5, 7), spread(11, 13)])
    assert torch.equal(agcn.most_energetic(people), people[[2, 1]])


def test_only_the_first_four_slots_are_looked_at() -> None:
    rows = [(0, body(20, seed=row, stir=0.01 * (row + 1))) for row in range(5)]
    whole, four = agcn.ntu(clip_of(20, *rows)), agcn.ntu(clip_of(20, *rows[:4]))
    assert torch.equal(whole, four)
    assert not torch.equal(four, agcn.ntu(clip_of(20, *rows[:3])))


# Looping


def test_a_person_is_repeated_to_the_end() -> None:
    assert looped(1, 2, 3) == [1, 2, 3, 1, 2, 3, 1, 2]
    assert looped(7) == [7] * 8
    assert looped(*range(1, 9)) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_empty_frames_in_the_middle_are_repeated_with_the_others() -> None:
    assert looped(1, 0, 3) == [1, 0, 3, 1, 0, 3, 1, 0]


def test_a_person_who_is_not_there_at_first_loses_all_empty_frames() -> None:
    assert looped(0, 0, 1, 0, 3) == [1, 3, 1, 3, 1, 3, 1, 3]


def test_each_person_is_repeated_by_its_own_length_and_nobody_stays_nobody() -> None:
    people = torch.zeros(3, 5, 1, 1)
    people[0, :2], people[1, :3] = numbered(1, 2), numbered(7, 8, 9)
    assert agcn.loop_each(people)[..., 0, 0].tolist() == [
        [1, 2, 1, 2, 1],
        [7, 8, 9, 7, 8],
        [0, 0, 0, 0, 0],
    ]


# Centring


def test_the_first_person_s_joint_1_is_taken_from_both_in_the_same_frame() -> None:
    people = torch.rand(2, 3, 4, 3) + 1
    centered = agcn.center_frames(people)
    torch.testing.assert_close(centered, people - people[0, :, 1][:, None])
    assert not centered[0, :, 1].any()


def test_a_joint_that_adds_up_to_zero_is_zero_and_a_second_person_alone_stays() -> None:
    people = torch.rand(2, 2, 3, 3) + 1
    people[1, 0, 2] = torch.tensor([3.0, -3.0, 0.0])
    people[0, 1] = 0.0
    centered = agcn.center_frames(people)
    assert not centered[1, 0, 2].any()
    assert torch.equal(centered[:, 1], people[:, 1])


# The whole


def test_an_ntu_clip_is_looped_centred_and_turned() -> None:
    clip = clip_of(50, (0, body(50)), (10, body(30, seed=1, stir=0.001)))
    given = agcn.ntu(clip)
    assert given.shape == (2, 300, 25, 3)
    torch.testing.assert_close(given[0, :50], given[0, 50:100])
    joined = given[0, :50] - given[1, :50]  # same frames, whoever is there in both
    assert joined.shape == (50, 25, 3)
    lengths = (clip[0, :, 5] - clip[0, :, 9]).norm(dim=-1)
    torch.testing.assert_close((given[0, :50, 5] - given[0, :50, 9]).norm(dim=-1), lengths)


def test_a_second_person_who_comes_later_starts_at_once_beside_the_first() -> None:
    first, second = body(50), body(30, seed=1, stir=0.001)
    given = agcn.ntu(clip_of(50, (0, first), (10, second)))
    between = (first[:30, 1] - second[:, 1]).norm(dim=-1)
    torch.testing.assert_close((given[0, :30, 1] - given[1, :30, 1]).norm(dim=-1), between)


def test_an_empty_clip_stays_empty() -> None:
    assert not agcn.ntu(torch.full((2, 5, 25, 3), NAN)).any()


@pytest.mark.parametrize("shape", [(1, 5, 25, 2), (1, 5, 8, 3)])
def test_a_clip_that_cannot_be_turned_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="'agcn'"):
        agcn.ntu(torch.zeros(shape))


def test_kinetics_is_that_of_st_gcn_with_y_upwards() -> None:
    clip = torch.rand(3, 20, 18, 3)
    clip[torch.rand(3, 20, 18) < 0.3] = NAN
    theirs, ours = stgcn.kinetics(clip), agcn.kinetics(clip)
    assert torch.equal(ours, theirs * torch.tensor([1.0, -1.0, 1.0]))
    assert agcn.kinetics(clip, generator=seeded(0)).shape == (2, 150, 18, 3)


def test_y_is_turned_round_before_the_clip_is_moved() -> None:
    clip = torch.rand(1, 300, 18, 3)
    changes = [
        agcn.kinetics(clip, generator=seeded(seed))
        - stgcn.kinetics(clip, generator=seeded(seed)) * torch.tensor([1.0, -1.0, 1.0])
        for seed in range(5)
    ]
    assert max(float(change.abs().max()) for change in changes) > 0.05


@pytest.mark.real
def test_a_recorded_person_stands_at_the_origin_and_faces_one_way(bandai: list[Tensor]) -> None:
    for clip in bandai:
        given = agcn.ntu(clip[:, :300])
        assert not given[1].any() and not given[0, :, 1].any()
        shoulders = given[0, 0, 8] - given[0, 0, 4]
        assert shoulders[0] > 0.15 and shoulders[1:].abs().max() < 1e-6
        spine = given[0, 0, 1] - given[0, 0, 0]
        assert spine[2] > 0.98 * spine.norm(), "up, but for what the shoulders tilted it"
        assert 0.5 < float(given.abs().max()) < 1.3, "a person is not larger than that"
        head, foot = given[0, 0, 3], given[0, 0, 15]
        assert head[2] > 0.1 and foot[2] < -0.5


@pytest.mark.real
def test_detected_people_fit_into_half_an_image_each_way(openpose: Tensor) -> None:
    clip = openpose / torch.tensor([1088.0, 1920.0, 1.0])
    given = agcn.kinetics(clip)
    assert given[..., :2].abs().max() <= 0.6 and given[..., 2].max() > 0.8
    neck, ankle = given[:, :, 1], given[:, :, 10]
    both = (neck[..., 2] > 0.3) & (ankle[..., 2] > 0.3)
    assert both.sum() > 50 and bool((neck[both][:, 1] > ankle[both][:, 1]).all())
    score = given[..., 2].sum(-1)
    assert bool((score[0] >= score[1]).all())
