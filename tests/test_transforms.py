"""What each transform keeps and what it changes; a joint that was not seen stays NaN."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stgraph import layouts, transforms

from .draws import clips, layout_of, trees

TAIL = layout_of([(1, 0), (2, 1), (3, 1)], joints=4)
COCO = layouts.COCO17


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@st.composite
def spotted_clips(draw: st.DrawFn, channels: int = 3) -> Tensor:
    """Clips ``[M, T, 17, channels]`` with NaN where a joint was not seen."""
    visible = draw(clips(17))[1]
    keypoints = torch.randn(*visible.shape, channels, generator=seeded(draw(st.integers(0, 99))))
    return keypoints.where(visible[..., None], torch.nan)


def same(ours: Tensor, theirs: Tensor, tolerance: float = 0.0) -> bool:
    return torch.allclose(ours, theirs, rtol=0, atol=tolerance, equal_nan=True)


def lengths(keypoints: Tensor) -> Tensor:
    return transforms.bones(keypoints, COCO).norm(dim=-1)


JOINTWISE: dict[str, Callable[[Tensor], Tensor]] = {
    "center": lambda k: transforms.center(k, 0),
    "align": lambda k: transforms.align(k, up=(11, 5), across=(5, 6)),
    "mirror": lambda k: transforms.mirror(k, layout_of([], joints=17)),
    "random_rotation": lambda k: transforms.random_rotation(k, 0.3, generator=seeded(1)),
    "random_scale": lambda k: transforms.random_scale(k, 0.2, generator=seeded(1)),
}
OTHERS: dict[str, Callable[[Tensor], Tensor]] = {
    "bones": lambda k: transforms.bones(k, COCO),
    "motion": transforms.motion,
    "mirror with partners": lambda k: transforms.mirror(k, COCO),
    "resample": lambda k: transforms.resample(k, 4),
    "resample at random": lambda k: transforms.resample(k, 4, generator=seeded(1)),
    "keep_persons": lambda k: transforms.keep_persons(k, 2),
}
EVERY = {**JOINTWISE, **OTHERS}


@pytest.mark.parametrize("name", EVERY)
@settings(deadline=None, max_examples=20)
@given(keypoints=spotted_clips())
def test_a_transform_leaves_its_input_alone(name: str, keypoints: Tensor):
    before = keypoints.clone()
    result = EVERY[name](keypoints)
    assert same(keypoints, before)
    result.zero_()
    assert same(keypoints, before), "the result shares the input's memory"


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_transform_keeps_the_precision(name: str, dtype: torch.dtype):
    assert EVERY[name](torch.randn(2, 5, 17, 3, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("name", JOINTWISE)
@settings(deadline=None, max_examples=20)
@given(keypoints=spotted_clips())
def test_unseen_joints_stay_unseen_and_no_others_become_so(name: str, keypoints: Tensor):
    assert torch.equal(
        transforms.visible(JOINTWISE[name](keypoints)), transforms.visible(keypoints)
    )


def test_a_joint_is_visible_when_no_channel_is_nan():
    keypoints = torch.tensor([[[[1.0, 2.0], [torch.nan, 2.0], [torch.nan, torch.nan]]]])
    assert transforms.visible(keypoints).tolist() == [[[True, False, False]]]


@given(spotted_clips())
def test_centring_is_one_shift_and_puts_the_joint_of_the_first_person_at_the_origin(keypoints):
    centered = transforms.center(keypoints, 3)
    shift = (keypoints - centered).flatten(0, 2)
    seen = shift[~shift.isnan().any(1)]
    assert same(seen, seen[:1].expand_as(seen), 1e-6)
    path = centered[:, :, 3].flatten(0, 1)
    path = path[~path.isnan().any(1)]
    assert len(path) == 0 or path[0].tolist() == [0.0, 0.0, 0.0]


def test_centring_takes_the_first_frame_that_shows_the_joint_and_then_the_next_person():
    keypoints = torch.arange(12.0).reshape(2, 3, 1, 2)
    keypoints[0, 0] = torch.nan
    assert transforms.center(keypoints, 0)[0, 1, 0].tolist() == [0.0, 0.0]
    keypoints[0] = torch.nan
    assert transforms.center(keypoints, 0)[1, :, 0].tolist() == [[0, 0], [2, 2], [4, 4]]


def test_aligning_turns_the_spine_up_and_the_shoulders_along_x():
    keypoints = torch.randn(2, 6, 17, 3, dtype=torch.double)
    turned = transforms.align(keypoints, up=(11, 5), across=(5, 6))
    up = turned[0, 0, 5] - turned[0, 0, 11]
    across = turned[0, 0, 6] - turned[0, 0, 5]
    torch.testing.assert_close(up, torch.tensor([0.0, 0.0, 1.0]).double() * up.norm())
    assert across[0] > 0 and abs(across[1]) < 1e-12


@given(spotted_clips())
def test_aligning_and_turning_keep_the_lengths_of_bones(keypoints: Tensor):
    for name in ("align", "random_rotation"):
        assert same(lengths(JOINTWISE[name](keypoints)), lengths(keypoints), 1e-5)


def test_aligning_keeps_left_and_right_as_they_are():
    keypoints = torch.randn(1, 3, 17, 3, dtype=torch.double)
    turned = transforms.align(keypoints, up=(11, 5), across=(5, 6))
    assert same(turned[0, 0, :3].det(), keypoints[0, 0, :3].det(), 1e-9)


def test_aligning_uses_the_first_frame_that_shows_all_four_joints():
    keypoints = torch.randn(1, 4, 17, 3)
    keypoints[0, :2, 6] = torch.nan
    turned = transforms.align(keypoints, up=(11, 5), across=(5, 6))
    assert same(turned[:, 2:], transforms.align(keypoints[:, 2:], up=(11, 5), across=(5, 6)), 1e-6)
    keypoints[..., 6, :] = torch.nan
    assert same(transforms.align(keypoints, up=(11, 5), across=(5, 6)), keypoints)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("pairs", [((0, 0), (1, 2)), ((0, 1), (0, 1)), ((0, 1), (1, 0))])
def test_aligning_leaves_a_clip_alone_whose_four_joints_span_no_plane(pairs, seed: int):
    keypoints = torch.randn(1, 3, 17, 3, generator=seeded(seed))
    assert same(transforms.align(keypoints, up=pairs[0], across=pairs[1]), keypoints)


@pytest.mark.parametrize("name", ["align", "random_rotation"])
def test_turning_needs_three_channels(name: str):
    with pytest.raises(ValueError, match=rf"{name} turns points .* need 3 channels, these have 2"):
        JOINTWISE[name](torch.zeros(1, 2, 17, 2))


@given(trees(), st.integers(0, 99))
def test_bones_add_up_to_the_way_from_the_root(layout, seed: int):
    keypoints = torch.randn(2, 3, layout.num_joints, 3, generator=seeded(seed), dtype=torch.double)
    stream = transforms.bones(keypoints, layout)
    parent = dict(layout.bones)
    for joint in range(layout.num_joints):
        way, at = torch.zeros_like(stream[:, :, 0]), joint
        while at in parent:
            way, at = way + stream[:, :, at], parent[at]
        assert same(way, keypoints[:, :, joint] - keypoints[:, :, at], 1e-9)
        assert joint in parent or not stream[:, :, joint].any()


def test_a_bone_is_unseen_when_either_end_is():
    keypoints = torch.ones(1, 1, 4, 2)
    keypoints[0, 0, 1] = torch.nan
    assert transforms.visible(transforms.bones(keypoints, TAIL)).tolist() == [
        [[True] + [False] * 3]
    ]
    keypoints = torch.full((1, 1, 4, 2), torch.nan)
    assert transforms.bones(keypoints, TAIL).isnan().all()


def test_a_skeleton_whose_joints_have_two_parents_has_no_bone_stream():
    with pytest.raises(ValueError, match="'COCO17_CYCLIC' has joints with two parents"):
        transforms.bones(torch.zeros(1, 1, 17, 3), layouts.COCO17_CYCLIC)


def test_motion_adds_up_to_the_last_frame_minus_the_first():
    keypoints = torch.randn(2, 7, 4, 3, dtype=torch.double)
    stream = transforms.motion(keypoints)
    assert same(stream.sum(1), keypoints[:, -1] - keypoints[:, 0], 1e-12)
    assert not stream[:, -1].any() and not transforms.motion(keypoints[:, :1]).any()


def test_motion_is_unseen_when_either_frame_is():
    keypoints = torch.ones(1, 4, 1, 1)
    keypoints[0, 1] = torch.nan
    assert transforms.motion(keypoints).isnan().flatten().tolist() == [True, True, False, False]


@given(spotted_clips())
def test_mirroring_twice_changes_nothing(keypoints: Tensor):
    assert same(transforms.mirror(transforms.mirror(keypoints, COCO), COCO), keypoints)


def test_mirroring_makes_the_left_hand_a_right_hand_on_the_other_side():
    keypoints = torch.zeros(1, 1, 17, 3)
    keypoints[0, 0, COCO.index("left wrist")] = torch.tensor([1.0, 2.0, 3.0])
    mirrored = transforms.mirror(keypoints, COCO)
    assert mirrored[0, 0, COCO.index("right wrist")].tolist() == [-1.0, 2.0, 3.0]
    assert not mirrored[0, 0, COCO.index("left wrist")].any()


@given(st.integers(1, 50), st.integers(1, 60), st.none() | st.integers(0, 99))
def test_resampling_picks_one_existing_frame_from_each_equal_segment(length, frames, seed):
    clip = torch.arange(length)[None, :, None, None].expand(2, -1, 3, 1)
    generator = None if seed is None else seeded(seed)
    picked = transforms.resample(clip, frames, generator=generator)
    assert picked.shape == (2, frames, 3, 1)
    for segment, frame in enumerate(picked[0, :, 0, 0].tolist()):
        assert segment * length // frames <= frame <= (segment + 1) * length / frames
        assert 0 <= frame < length


def test_resampling_to_the_same_length_without_chance_changes_nothing():
    keypoints = torch.randn(1, 9, 2, 3)
    assert same(transforms.resample(keypoints, 9), keypoints)
    assert transforms.resample(torch.arange(9.0)[None, :, None, None], 3).flatten().tolist() == [
        1.0,
        4.0,
        7.0,
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda k, g: transforms.random_rotation(k, 0.5, generator=g),
        lambda k, g: transforms.random_scale(k, 0.5, generator=g),
        lambda k, g: transforms.resample(k, 5, generator=g),
    ],
)
def test_chance_is_repeated_by_its_generator_alone(change):
    keypoints = torch.randn(1, 100, 4, 3)
    first = change(keypoints, seeded(1))
    torch.rand(7)
    assert same(change(keypoints, seeded(1)), first)
    assert not same(change(keypoints, seeded(2)), first)


@given(st.integers(0, 99))
def test_random_changes_stay_within_their_bounds(seed: int):
    ones, axes = torch.ones(1, 1, 1, 3), torch.eye(3)[None, None]
    factors = transforms.random_scale(ones, 0.2, generator=seeded(seed))
    assert (factors >= 0.8 - 1e-6).all() and (factors <= 1.2 + 1e-6).all()
    turned = transforms.random_rotation(axes, 0.1, generator=seeded(seed))[0, 0]
    assert torch.linalg.det(turned) == pytest.approx(1.0)
    angle = np.arccos(min(1.0, (float(turned.trace()) - 1) / 2))
    assert angle <= 3**0.5 * 0.1 + 1e-3
    assert same(transforms.random_rotation(axes, 0.0, generator=seeded(seed)), axes)


def test_the_persons_that_move_most_come_first():
    speed = torch.tensor([1.0, 3.0, 0.0, 2.0])
    time = torch.arange(5.0)
    keypoints = (speed[:, None] * time)[:, :, None, None].expand(-1, -1, 4, 3).clone()
    keypoints[3, 2] = torch.nan
    kept = transforms.keep_persons(keypoints, 3)
    assert same(kept, keypoints[[1, 3, 0]])
    assert same(transforms.keep_persons(keypoints, 9), keypoints[[1, 3, 0, 2]])


def test_an_unseen_person_moves_least_and_equal_ones_keep_their_order():
    still = torch.zeros(3, 4, 2, 3)
    still[0] = torch.nan
    still[2, :, 0] = torch.arange(4.0)[:, None]
    assert same(transforms.keep_persons(still, 2), still[[2, 0]])
    assert same(transforms.keep_persons(still[:2], 2), still[:2])


def test_thinning_keeps_every_so_many_th_frame_from_the_first():
    keypoints = torch.arange(7.0).view(1, 7, 1, 1)
    assert transforms.thin(keypoints, 3).flatten().tolist() == [0, 3, 6]
    assert torch.equal(transforms.thin(keypoints, 1), keypoints)


def test_thinning_at_random_starts_at_each_of_the_first_frames_and_keeps_short_clips():
    keypoints = torch.arange(7.0).view(1, 7, 1, 1)
    generator = torch.Generator().manual_seed(0)
    draws = [transforms.thin(keypoints, 3, generator=generator).flatten() for _ in range(50)]
    assert {int(draw[0]) for draw in draws} == {0, 1, 2}
    assert all(bool((draw.diff() == 3).all()) for draw in draws)
    assert transforms.thin(keypoints[:, :1], 3, generator=generator).shape[1] == 1
