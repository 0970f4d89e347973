"""Changes of where joints are."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from stgraph import layouts, transforms

from .material import COCO, RANDOM_IN_PLACE, lengths, same, seeded, spotted_clips

AXES = torch.eye(3, dtype=torch.double)[None, None]
ANGLES = st.tuples(*[st.floats(-math.pi, math.pi)] * 3)
SIDED = [layouts.NTU25, layouts.COCO17, layouts.OPENPOSE18, layouts.H36M17, layouts.SMPL24]


@given(spotted_clips())
def test_mirroring_twice_changes_nothing(keypoints: Tensor) -> None:
    assert same(transforms.mirror(transforms.mirror(keypoints, COCO), COCO), keypoints)


def test_mirroring_makes_the_left_hand_a_right_hand_on_the_other_side() -> None:
    keypoints = torch.zeros(1, 1, 17, 3)
    keypoints[0, 0, COCO.index("left wrist")] = torch.tensor([1.0, 2.0, 3.0])
    mirrored = transforms.mirror(keypoints, COCO)
    assert mirrored[0, 0, COCO.index("right wrist")].tolist() == [-1.0, 2.0, 3.0]
    assert not mirrored[0, 0, COCO.index("left wrist")].any()


@pytest.mark.parametrize("layout", SIDED, ids=lambda layout: layout.name)
def test_bones_of_a_mirrored_clip_are_its_bones_mirrored(layout) -> None:
    keypoints = torch.randn(2, 4, layout.num_joints, 3)
    mirrored = transforms.mirror(keypoints, layout)
    bones = transforms.bones(mirrored, layout)
    assert same(bones, transforms.mirror(transforms.bones(keypoints, layout), layout))


@given(spotted_clips())
def test_mirroring_keeps_the_lengths_of_bones(keypoints: Tensor) -> None:
    mirrored = lengths(transforms.mirror(keypoints, COCO))
    assert same(mirrored, lengths(keypoints)[:, :, list(COCO.mirrored)])


@given(spotted_clips(), ANGLES)
def test_turning_keeps_distances(keypoints: Tensor, angles) -> None:
    keypoints = keypoints.double()
    for turned in (
        transforms.rotate(keypoints, angles),
        transforms.rotate(keypoints[..., :2], angles[:1]),
    ):
        before = keypoints[..., : turned.shape[-1]].flatten(0, 2).nan_to_num()
        after = turned.flatten(0, 2).nan_to_num()
        assert same(torch.cdist(after, after), torch.cdist(before, before), 1e-6)


@given(spotted_clips())
def test_turning_at_random_keeps_the_lengths_of_bones(keypoints: Tensor) -> None:
    turned = transforms.random_rotation(keypoints, 0.3, generator=seeded(1))
    assert same(lengths(turned), lengths(keypoints), 1e-5)


@given(spotted_clips(), ANGLES)
def test_turning_back_about_z_y_and_x_is_the_way_back(keypoints: Tensor, angles) -> None:
    keypoints, (x, y, z) = keypoints.double(), angles
    turned = transforms.rotate(keypoints, angles)
    for back in ((0, 0, -z), (0, -y, 0), (-x, 0, 0)):
        turned = transforms.rotate(turned, back)
    assert same(turned, keypoints, 1e-12)
    plane = transforms.rotate(keypoints[..., :2], [z])
    assert same(transforms.rotate(plane, [-z]), keypoints[..., :2], 1e-12)


@pytest.mark.parametrize(
    "angles, images",
    [
        ((math.pi / 2, 0, 0), [[1, 0, 0], [0, 0, 1], [0, -1, 0]]),
        ((0, math.pi / 2, 0), [[0, 0, -1], [0, 1, 0], [1, 0, 0]]),
        ((0, 0, math.pi / 2), [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]),
        ((math.pi / 2, 0, math.pi / 2), [[0, 1, 0], [0, 0, 1], [1, 0, 0]]),
    ],
)
def test_a_quarter_turn_takes_axes_to_axes_about_x_first(angles, images) -> None:
    assert same(transforms.rotate(AXES, angles)[0, 0], torch.tensor(images).double(), 1e-12)


def test_in_the_plane_a_positive_angle_turns_x_to_y() -> None:
    turned = transforms.rotate(torch.tensor([[[[1.0, 0.0]]]]), torch.tensor(math.pi / 2))
    assert same(turned, torch.tensor([[[[0.0, 1.0]]]]), 1e-6)


def test_angles_have_gradients() -> None:
    keypoints = torch.randn(1, 2, 3, 3, dtype=torch.double)
    angles = torch.randn(3, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a: transforms.rotate(keypoints, a), angles)


@pytest.mark.parametrize("name", ["rotate", "random_rotation"])
@pytest.mark.parametrize("channels", [1, 4])
def test_turning_needs_two_or_three_channels(name: str, channels: int) -> None:
    message = rf"{name} turns points .* need 2 or 3 channels, these have {channels}; leave"
    with pytest.raises(ValueError, match=message):
        getattr(transforms, name)(torch.zeros(1, 2, 17, channels), 0.1)


def test_turning_needs_an_angle_for_each_axis() -> None:
    with pytest.raises(ValueError, match="Expected 3 angles for 3 channels, found 1; points in"):
        transforms.rotate(AXES, 0.1)
    with pytest.raises(ValueError, match="Expected 1 angles for 2 channels, found 3; points in"):
        transforms.rotate(AXES[..., :2], (0.1, 0.2, 0.3))


@given(st.integers(0, 99))
def test_random_changes_stay_within_their_bounds(seed: int) -> None:
    ones = torch.ones(1, 1, 1, 3)
    factors = transforms.random_scale(ones, 0.2, generator=seeded(seed))
    assert (factors >= 0.8 - 1e-6).all() and (factors <= 1.2 + 1e-6).all()
    turned = transforms.random_rotation(AXES, 0.1, generator=seeded(seed))[0, 0]
    assert float(torch.linalg.det(turned)) == pytest.approx(1.0)
    angle = math.acos(min(1.0, (float(turned.trace()) - 1) / 2))
    assert angle <= 3**0.5 * 0.1 + 1e-3
    shift = transforms.random_translation(ones, 0.5, generator=seeded(seed)) - 1
    assert shift.abs().max() <= 0.5 + 1e-6
    sheared = transforms.random_shear(AXES, 0.5, generator=seeded(seed))[0, 0]
    assert sheared.diagonal().tolist() == [1, 1, 1]
    assert sheared.fill_diagonal_(0).abs().max() <= 0.5


@pytest.mark.parametrize("name", RANDOM_IN_PLACE)
def test_changes_of_no_extent_change_nothing(name: str) -> None:
    extents = dict.fromkeys(RANDOM_IN_PLACE[name].keywords, 0.0)
    keypoints = torch.randn(2, 5, 17, 3)
    assert same(RANDOM_IN_PLACE[name](keypoints, **extents), keypoints)


@pytest.mark.parametrize("name", RANDOM_IN_PLACE)
@pytest.mark.parametrize("extent", [-0.1, math.nan, math.inf])
def test_changes_of_impossible_extent_are_refused(name: str, extent: float) -> None:
    for keyword in RANDOM_IN_PLACE[name].keywords:
        with pytest.raises(ValueError, match=f"to be a finite number .* found {extent}; 0 changes"):
            RANDOM_IN_PLACE[name](torch.zeros(1, 2, 17, 3), **{keyword: extent})


@given(st.integers(0, 99))
def test_draws_reach_all_of_their_range(seed: int) -> None:
    shifts = transforms.random_translation(torch.zeros(1, 1, 1, 400), 2.0, generator=seeded(seed))
    # Uniform within ±2: mean 0, deviation 2 / sqrt(3); the mean of 400 deviates by 0.058.
    assert abs(float(shifts.mean())) < 5 * 0.058
    assert float(shifts.std()) == pytest.approx(2 / 3**0.5, rel=0.15)


def test_scaling_changes_lengths_along_an_axis_by_one_ratio() -> None:
    keypoints = torch.randn(2, 5, 17, 3, dtype=torch.double)
    ratio = transforms.random_scale(keypoints, 0.3, generator=seeded(3)) / keypoints
    assert same(ratio, ratio[:1, :1, :1].expand_as(ratio), 1e-12)
    assert len(set(ratio[0, 0, 0].tolist())) == 3


@given(spotted_clips(), st.integers(0, 99))
def test_shearing_is_linear(keypoints: Tensor, seed: int) -> None:
    keypoints = keypoints.double()

    def shear(points: Tensor) -> Tensor:
        return transforms.random_shear(points, 0.5, generator=seeded(seed))

    images = shear(AXES)[0, 0]
    assert same(shear(keypoints), keypoints @ images, 1e-12)
    bones = transforms.bones(shear(keypoints), COCO)
    assert same(bones, shear(transforms.bones(keypoints, COCO)), 1e-12)


@given(spotted_clips(), st.integers(0, 99))
def test_a_shift_leaves_bones_and_motion_as_they_are(keypoints: Tensor, seed: int) -> None:
    keypoints = keypoints.double()
    moved = transforms.random_translation(keypoints, 0.5, generator=seeded(seed))
    assert same(transforms.bones(moved, COCO), transforms.bones(keypoints, COCO), 1e-12)
    assert same(transforms.motion(moved), transforms.motion(keypoints), 1e-12)


def moved_axes(seed: int, **extents: float) -> Tensor:
    """Where the origin, x and y go in each of five frames, ``[5, 3, 3]``; z is 7."""
    points = torch.tensor([[0.0, 0, 7], [1, 0, 7], [0, 1, 7]], dtype=torch.double)
    clip = points.expand(1, 5, 3, 3).clone()
    return transforms.random_move(clip, **extents, generator=seeded(seed))[0]


@given(st.integers(0, 99))
def test_a_move_changes_angle_factor_and_shift_evenly_within_their_bounds(seed: int) -> None:
    moved = moved_axes(seed, angle=0.2, scale=0.1, shift=0.3)
    assert (moved[..., 2] == 7).all()
    shift = moved[:, 0, :2]
    way = moved[:, 1, :2] - shift
    angle, factor = torch.atan2(way[:, 1], way[:, 0]), way.norm(dim=1)
    for values, most in ((angle, 0.2), (factor - 1, 0.1), (shift[:, 0], 0.3), (shift[:, 1], 0.3)):
        assert same(values.diff(n=2), torch.zeros(3).double(), 1e-9)
        assert values.abs().max() <= most + 1e-6
        assert values[0] != values[-1]
    across = moved[:, 2, :2] - shift
    assert same(across, torch.stack([-way[:, 1], way[:, 0]], dim=1), 1e-12)


def test_a_move_needs_a_plane() -> None:
    with pytest.raises(ValueError, match="at least 2 channels, x and y, found 1; random_move"):
        transforms.random_move(torch.zeros(1, 2, 3, 1), angle=0.1, scale=0.1, shift=0.1)


def test_noise_has_mean_zero_and_the_wanted_share_of_the_size_as_deviation() -> None:
    clip = torch.zeros(2, 400, 25, 3, dtype=torch.double)
    clip[0, :, 0] = torch.tensor([2.0, 3.0, 6.0])  # a box with a diagonal of 7
    clip[1, :, 0, 0] = 0.5
    noise = transforms.random_noise(clip, 0.1, generator=seeded(0)) - clip
    for person, sigma in zip(noise, (0.7, 0.05)):
        # 30,000 draws: the mean deviates by sigma / 173, the deviation by sigma / 245.
        assert abs(float(person.mean())) < 5 * sigma / 173
        assert float(person.std()) == pytest.approx(sigma, abs=5 * sigma / 245)
        assert float(person.flatten(1).T.corrcoef().fill_diagonal_(0).abs().max()) < 6 / 400**0.5


def test_noise_grows_with_the_body_seen_in_the_frame() -> None:
    clip = torch.randn(1, 3, 17, 2, dtype=torch.double)
    clip[0, 1, 4:] = torch.nan
    clip[0, 2] = torch.nan
    noise = transforms.random_noise(clip, 0.1, generator=seeded(1)) - clip
    larger = transforms.random_noise(3 * clip + 5, 0.1, generator=seeded(1)) - (3 * clip + 5)
    assert same(larger, 3 * noise, 1e-12) and noise[0, :2, :4].abs().min() > 0
    lonely = clip.clone()
    lonely[0, 1, 1:] = torch.nan
    assert same(transforms.random_noise(lonely, 0.1)[0, 1], lonely[0, 1])


def test_the_gradient_of_a_noisy_clip_is_that_of_the_clip() -> None:
    keypoints = torch.randn(2, 3, 17, 3, requires_grad=True)
    transforms.random_noise(keypoints, 0.5).sum().backward()
    assert keypoints.grad is not None and (keypoints.grad == 1).all()
