"""Who acts: bodies by id, the three filters, and how bodies become two persons, by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stgraph.presets.actors import (
    Body,
    bodies_by_id,
    by_motion,
    motion_of,
    two_actors,
    wide_frames,
    without_ghosts,
    without_short,
)

from .material import body, clip_of, numbered


def boxes(*widths: float, moving: float = 0.0) -> Tensor:
    """A body ``[T, 2, 3]`` of height 1 and a width per frame; the first joint moves along z."""
    points = torch.zeros(len(widths), 2, 3)
    points[:, 1, 0] = torch.tensor(widths)
    points[:, 1, 1] = 1.0
    points[:, 0, 2] = moving * torch.arange(len(widths))
    return points


def named(points: Tensor, start: int = 0) -> Body:
    return Body(points, start, motion_of(points))


def spell(start: int, end: int, value: float) -> Body:
    return named(numbered(*[value] * (end - start)), start)


def actors_of(*bodies: Body, overlap: int, frames: int = 10) -> list[list[float]]:
    return two_actors(list(bodies), frames, overlap=overlap)[..., 0, 0].tolist()


# Bodies by id


def test_motion_is_the_sum_of_the_variances_of_x_y_and_z_over_joints_and_frames() -> None:
    points = torch.tensor([[[1.0, 5.0, 2.0], [3.0, 5.0, 2.0]], [[1.0, 5.0, 8.0], [3.0, 5.0, 8.0]]])
    assert motion_of(points) == pytest.approx(1.0 + 0.0 + 9.0)


def test_frames_are_counted_without_those_that_show_nobody() -> None:
    clip = torch.zeros(2, 7, 1, 1)
    clip[0, 2:4], clip[1, 5:] = numbered(1, 2), numbered(3, 4)
    bodies, frames = bodies_by_id(clip)
    assert frames == 4
    assert [(found.start, found.end, found.points.flatten().tolist()) for found in bodies] == [
        (0, 2, [1, 2]),
        (2, 4, [3, 4]),
    ]


def test_a_body_that_vanishes_and_returns_is_stored_without_the_gap() -> None:
    clip = torch.zeros(2, 6, 1, 1)
    clip[0], clip[1] = numbered(*[9] * 6), numbered(0, 1, 0, 0, 4, 5)
    late = bodies_by_id(clip)[0][1]
    assert (late.start, late.end) == (1, 4) and late.points.flatten().tolist() == [1, 4, 5]


def test_bodies_come_in_order_of_appearance_whatever_their_rows() -> None:
    clip = torch.zeros(3, 3, 1, 1)
    clip[0, 2], clip[1], clip[2, 0] = 7.0, 8.0, 9.0
    assert [float(found.points[0]) for found in bodies_by_id(clip)[0]] == [8.0, 9.0, 7.0]


def test_rows_of_nobody_are_no_bodies_and_a_clip_of_nobody_is_refused() -> None:
    clip = torch.zeros(3, 4, 1, 1)
    clip[1, 1] = 1.0
    assert len(bodies_by_id(clip)[0]) == 1
    with pytest.raises(ValueError, match=r"shows somebody, found none in 4\. Leave the clip out"):
        bodies_by_id(torch.zeros(3, 4, 1, 1))


# Filters


def test_most_motion_comes_first_and_equals_keep_their_order() -> None:
    bodies = [Body(torch.zeros(1, 1, 3), start, motion) for start, motion in enumerate((1, 3, 1))]
    assert [found.start for found in by_motion(bodies)] == [1, 0, 2]


def test_a_body_of_11_frames_is_too_short_and_one_of_12_is_not() -> None:
    bodies = [spell(0, 11, 1.0), spell(0, 12, 2.0)]
    assert without_short(bodies) == bodies[1:]
    with pytest.raises(ValueError, match="more than 11 frames, found 2 bodies of 11, 3 frames"):
        without_short([spell(0, 11, 1.0), spell(4, 7, 1.0)])


def test_a_frame_is_wide_above_0_8_of_its_height() -> None:
    assert wide_frames(boxes(0.1, 0.8, 0.81, 3.0)).tolist() == [False, False, True, True]


def test_a_body_that_is_wide_too_often_is_a_ghost() -> None:
    person = named(boxes(*[0.5] * 20))
    for wide, kept in ((13, True), (14, False)):  # 13 / 20 < 0.69754 <= 14 / 20
        ghost = named(boxes(*[2.0] * wide, *[0.5] * (20 - wide)))
        for spare_last in (True, False):
            assert len(without_ghosts([person, ghost], spare_last=spare_last)) == 1 + kept


def test_the_share_of_wide_frames_that_makes_a_ghost_is_0_69754() -> None:
    person = named(boxes(0.5))
    for wide, kept in ((30, True), (31, False)):  # 30 / 43 = 0.69767 but 30 / 44 = 0.68182
        frames = 44 if kept else 43
        ghost = named(boxes(*[2.0] * wide, *[0.5] * (frames - wide)))
        assert len(without_ghosts([person, ghost], spare_last=True)) == 1 + kept
    ghost = named(boxes(*[2.0] * 30, *[0.5] * 13))
    assert without_ghosts([person, ghost], spare_last=True) == [person]


def test_the_motion_of_a_body_that_is_wide_at_times_is_that_of_its_other_frames_if_less() -> None:
    person, other = named(boxes(*[0.5] * 12)), named(boxes(20.0, *[0.5] * 11, moving=1.0))
    kept = without_ghosts([person, other], spare_last=True)
    assert kept[0] is person
    assert kept[1].motion == motion_of(other.points[1:]) < other.motion
    assert kept[1].points is other.points, "its wide frames stay"
    still = named(torch.cat([boxes(0.9), boxes(*[0.1, 0.7] * 6, moving=1.0)]))
    still = still._replace(motion=0.01)
    assert without_ghosts([person, still], spare_last=True)[1].motion == 0.01


def test_ctr_gcn_spares_the_last_ghost_in_order_of_appearance_and_pyskl_none() -> None:
    ghosts = [named(boxes(*[2.0] * 12, moving=moving)) for moving in (9.0, 1.0, 3.0)]
    assert without_ghosts(ghosts, spare_last=True) == ghosts[2:]
    with pytest.raises(ValueError, match="taller than wide, found 3 bodies"):
        without_ghosts(ghosts, spare_last=False)


def test_no_ghost_is_spared_where_a_person_is_left() -> None:
    person, ghost = named(boxes(*[0.5] * 12)), named(boxes(*[2.0] * 12))
    assert without_ghosts([ghost, person], spare_last=True) == [person]
    assert without_ghosts([person, ghost], spare_last=True) == [person]


# Two actors


def test_a_body_that_comes_after_the_first_continues_it() -> None:
    bodies = [spell(0, 4, 1.0), spell(4, 8, 2.0)]
    for overlap in (0, 1):
        first, second = actors_of(*bodies, overlap=overlap)
        assert first == [1, 1, 1, 1, 2, 2, 2, 2, 0, 0] and not any(second)


def test_one_shared_frame_is_overwritten_in_ctr_gcn_and_makes_a_second_actor_in_pyskl() -> None:
    bodies = [spell(0, 5, 1.0), spell(4, 8, 2.0)]
    first, second = actors_of(*bodies, overlap=1)
    assert first == [1, 1, 1, 1, 2, 2, 2, 2, 0, 0] and not any(second)
    first, second = actors_of(*bodies, overlap=0)
    assert first == [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert second == [0, 0, 0, 0, 2, 2, 2, 2, 0, 0]


def test_two_shared_frames_make_a_second_actor_in_both() -> None:
    for overlap in (0, 1):
        first, second = actors_of(spell(2, 6, 1.0), spell(4, 8, 2.0), overlap=overlap)
        assert first == [0, 0, 1, 1, 1, 1, 0, 0, 0, 0]
        assert second == [0, 0, 0, 0, 2, 2, 2, 2, 0, 0]


def test_the_span_of_an_actor_has_no_gaps() -> None:
    first, second = actors_of(spell(0, 2, 1.0), spell(8, 10, 2.0), spell(4, 6, 3.0), overlap=0)
    assert first == [1, 1, 0, 0, 0, 0, 0, 0, 2, 2]
    assert second == [0, 0, 0, 0, 3, 3, 0, 0, 0, 0]


def test_the_second_actor_counts_as_there_from_the_first_frame_on() -> None:
    bodies = [spell(0, 10, 1.0), spell(6, 9, 2.0), spell(2, 5, 3.0)]
    for overlap in (0, 1):
        assert actors_of(*bodies, overlap=overlap)[1] == [0, 0, 0, 0, 0, 0, 2, 2, 2, 0]


def test_a_third_person_at_the_same_time_is_dropped() -> None:
    bodies = [spell(0, 10, 1.0), spell(0, 10, 2.0), spell(0, 10, 3.0)]
    assert actors_of(*bodies, overlap=1) == [[1] * 10, [2] * 10]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 20)), min_size=1, max_size=6))
def test_every_frame_of_an_actor_is_that_frame_of_a_body(spells: list[tuple[int, int]]) -> None:
    bodies = [named(body(length, seed=row), start) for row, (start, length) in enumerate(spells)]
    frames = max(found.end for found in bodies)
    rows = clip_of(frames, *[(found.start, found.points) for found in bodies]).nan_to_num()
    for overlap in (0, 1):
        actors = two_actors(bodies, frames, overlap=overlap)
        assert torch.equal(actors[0, bodies[0].start], rows[0, bodies[0].start]) or overlap
        for actor in actors:
            same = (rows == actor).flatten(2).all(2).any(0)
            assert bool((same | ~actor.flatten(1).any(1)).all())
