"""Where clips stand and who is in them."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from stgraph import transforms

from .material import IN_PLACE, lengths, same, seeded, spotted_clips


def test_a_joint_is_visible_when_no_channel_is_nan() -> None:
    keypoints = torch.tensor([[[[1.0, 2.0], [torch.nan, 2.0], [torch.nan, torch.nan]]]])
    assert transforms.visible(keypoints).tolist() == [[[True, False, False]]]


@given(spotted_clips())
def test_centring_is_one_shift_and_puts_the_joint_of_the_first_person_at_the_origin(
    keypoints: Tensor,
) -> None:
    centered = transforms.center(keypoints, 3)
    shift = (keypoints - centered).flatten(0, 2)
    seen = shift[~shift.isnan().any(1)]
    assert same(seen, seen[:1].expand_as(seen), 1e-6)
    path = centered[:, :, 3].flatten(0, 1)
    path = path[~path.isnan().any(1)]
    assert len(path) == 0 or path[0].tolist() == [0.0, 0.0, 0.0]


def test_centring_takes_the_first_frame_that_shows_the_joint_and_then_the_next_person() -> None:
    keypoints = torch.arange(12.0).reshape(2, 3, 1, 2)
    keypoints[0, 0] = torch.nan
    assert transforms.center(keypoints, 0)[0, 1, 0].tolist() == [0.0, 0.0]
    keypoints[0] = torch.nan
    assert transforms.center(keypoints, 0)[1, :, 0].tolist() == [[0, 0], [2, 2], [4, 4]]


def test_aligning_turns_the_spine_up_and_the_shoulders_along_x() -> None:
    keypoints = torch.randn(2, 6, 17, 3, dtype=torch.double)
    turned = transforms.align(keypoints, up=(11, 5), across=(5, 6))
    up = turned[0, 0, 5] - turned[0, 0, 11]
    across = turned[0, 0, 6] - turned[0, 0, 5]
    torch.testing.assert_close(up, torch.tensor([0.0, 0.0, 1.0]).double() * up.norm())
    assert across[0] > 0 and abs(across[1]) < 1e-12


@given(spotted_clips())
def test_aligning_keeps_the_lengths_of_bones(keypoints: Tensor) -> None:
    assert same(lengths(IN_PLACE["align"](keypoints)), lengths(keypoints), 1e-5)


def test_aligning_keeps_left_and_right_as_they_are() -> None:
    keypoints = torch.randn(1, 3, 17, 3, dtype=torch.double)
    turned = transforms.align(keypoints, up=(11, 5), across=(5, 6))
    assert same(turned[0, 0, :3].det(), keypoints[0, 0, :3].det(), 1e-9)


def test_aligning_uses_the_first_frame_that_shows_all_four_joints() -> None:
    keypoints = torch.randn(1, 4, 17, 3)
    keypoints[0, :2, 6] = torch.nan
    turned = transforms.align(keypoints, up=(11, 5), across=(5, 6))
    assert same(turned[:, 2:], transforms.align(keypoints[:, 2:], up=(11, 5), across=(5, 6)), 1e-6)
    keypoints[..., 6, :] = torch.nan
    assert same(transforms.align(keypoints, up=(11, 5), across=(5, 6)), keypoints)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("pairs", [((0, 0), (1, 2)), ((0, 1), (0, 1)), ((0, 1), (1, 0))])
def test_aligning_leaves_a_clip_alone_whose_four_joints_span_no_plane(pairs, seed: int) -> None:
    keypoints = torch.randn(1, 3, 17, 3, generator=seeded(seed))
    assert same(transforms.align(keypoints, up=pairs[0], across=pairs[1]), keypoints)


def test_aligning_needs_three_channels() -> None:
    with pytest.raises(ValueError, match=r"align turns points .* need 3 channels, these have 2"):
        IN_PLACE["align"](torch.zeros(1, 2, 17, 2))


@pytest.mark.parametrize("joint", [-1, 17])
def test_joints_that_are_not_there_are_refused(joint: int) -> None:
    message = rf"Expected a joint from 0 to 16, found {joint}; layout.index gives"
    with pytest.raises(ValueError, match=message):
        transforms.center(torch.zeros(1, 2, 17, 3), joint)
    with pytest.raises(ValueError, match=message):
        transforms.align(torch.zeros(1, 2, 17, 3), up=(0, 1), across=(2, joint))


def test_the_persons_that_move_most_come_first() -> None:
    speed = torch.tensor([1.0, 3.0, 0.0, 2.0])
    time = torch.arange(5.0)
    keypoints = (speed[:, None] * time)[:, :, None, None].expand(-1, -1, 4, 3).clone()
    keypoints[3, 2] = torch.nan
    kept = transforms.keep_persons(keypoints, 3)
    assert same(kept, keypoints[[1, 3, 0]])
    assert same(transforms.keep_persons(keypoints, 9), keypoints[[1, 3, 0, 2]])


def test_an_unseen_person_moves_least_and_equal_ones_keep_their_order() -> None:
    still = torch.zeros(3, 4, 2, 3)
    still[0] = torch.nan
    still[2, :, 0] = torch.arange(4.0)[:, None]
    assert same(transforms.keep_persons(still, 2), still[[2, 0]])
    assert same(transforms.keep_persons(still[:2], 2), still[:2])


@given(spotted_clips(), st.integers(1, 4))
def test_the_energy_of_a_person_is_the_deviation_over_the_joints_seen(
    keypoints: Tensor, most: int
) -> None:
    def energy(person: Tensor) -> float:
        points = person[~person.isnan().any(-1)].double()
        return float(points.std(dim=0, correction=0).sum()) if len(points) else 0.0

    ranked = sorted(keypoints, key=energy, reverse=True)
    energies = [energy(person) for person in ranked]
    if all(a - b > 1e-5 for a, b in pairwise(energies)):
        assert same(transforms.keep_persons(keypoints, most), torch.stack(ranked[:most]))


@pytest.mark.parametrize("frames", [1, 7, 40, 333])
def test_a_person_seen_twice_stays_in_the_order_of_the_rows(frames: int) -> None:
    keypoints = torch.randn(1, frames, 25, 3).repeat(7, 1, 1, 1)
    order = transforms.places._energy(keypoints)
    assert (order == order[0]).all()


def test_keeping_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected to keep at least 1 person, found 0; ask for 1"):
        transforms.keep_persons(torch.zeros(1, 2, 17, 3), 0)
