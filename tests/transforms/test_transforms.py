"""What holds for every transform."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from stgraph import transforms

from .material import EVERY, JOINTWISE, RANDOM, same, seeded, spotted_clips

WITH_OTHERS = {"center", "align", "keep_persons", "drop_frames", "drop_persons"}
LENGTHENING = {"resample", "sample_frames", "crop_resize"}
BY_VALUES = {"center", "align", "keep_persons"}  # they look at a number, which meta tensors lack


def test_every_transform_is_in_the_tables() -> None:
    names = {name.split()[0] for name in EVERY}
    assert names == set(transforms.__all__) - {"STREAMS", "visible"}


@pytest.mark.parametrize("name", EVERY)
@settings(deadline=None, max_examples=20)
@given(keypoints=spotted_clips())
def test_a_transform_leaves_its_input_alone(name: str, keypoints: Tensor) -> None:
    before = keypoints.clone()
    result = EVERY[name](keypoints)
    assert same(keypoints, before)
    result.zero_()
    assert same(keypoints, before), "the result shares the input's memory"


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_a_transform_keeps_the_precision(name: str, dtype: torch.dtype) -> None:
    keypoints = torch.randn(2, 5, 17, 3, dtype=torch.double)
    result = EVERY[name](keypoints.to(dtype))
    assert result.dtype == dtype
    tolerance = {torch.float16: 0.1, torch.float32: 1e-4, torch.float64: 0.0}[dtype]
    assert same(result.double(), EVERY[name](keypoints), tolerance)


@pytest.mark.parametrize("name", sorted(set(EVERY) - BY_VALUES))
def test_a_transform_stays_on_the_device(name: str) -> None:
    keypoints = torch.empty(2, 5, 17, 3, device="meta")
    assert EVERY[name](keypoints).device.type == "meta"


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("persons", [0, 2])
def test_where_nobody_is_nobody_appears(name: str, persons: int) -> None:
    result = EVERY[name](torch.full((persons, 5, 17, 3), torch.nan))
    assert result.shape[0] == persons and result.shape[2:] == (17, 4 if name == "clock" else 3)
    assert result.isnan().all()


@pytest.mark.parametrize("name", EVERY)
def test_a_clip_of_one_frame_is_a_clip(name: str) -> None:
    result = EVERY[name](torch.randn(2, 1, 17, 3))
    assert result.shape[1] == (4 if name.split()[0] in LENGTHENING else 1)
    assert transforms.visible(result).any()


@pytest.mark.parametrize("name", sorted(set(EVERY) - {"from_motion", "from_bones"}))
def test_a_clip_without_the_axis_of_persons_is_refused(name: str) -> None:
    message = r"Expected keypoints \[persons, .* found \[5, 17, 3\]; add the missing axes"
    with pytest.raises(ValueError, match=message):
        EVERY[name](torch.zeros(5, 17, 3))


@pytest.mark.parametrize("name", sorted(set(EVERY) - WITH_OTHERS))
def test_what_becomes_of_a_person_does_not_depend_on_others(name: str) -> None:
    keypoints = torch.randn(3, 6, 17, 3)
    others = keypoints.clone()
    others[1] = torch.nan
    others[2] *= 100
    assert same(EVERY[name](keypoints)[0], EVERY[name](others)[0])


@pytest.mark.parametrize("name", JOINTWISE)
@settings(deadline=None, max_examples=20)
@given(keypoints=spotted_clips())
def test_unseen_joints_stay_unseen_and_no_others_become_so(name: str, keypoints: Tensor) -> None:
    seen = transforms.visible(JOINTWISE[name](keypoints))
    assert torch.equal(seen, transforms.visible(keypoints))


@pytest.mark.parametrize("name", RANDOM)
def test_chance_is_repeated_by_its_generator_alone(name: str) -> None:
    keypoints = torch.randn(8, 100, 17, 3)
    before = torch.get_rng_state()
    first = RANDOM[name](keypoints, generator=seeded(1))
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(7)
    assert same(RANDOM[name](keypoints, generator=seeded(1)), first)
    others = [RANDOM[name](keypoints, generator=seeded(seed)) for seed in range(2, 9)]
    assert not all(same(other, first) for other in others if other.shape == first.shape)


@pytest.mark.parametrize("name", sorted(set(RANDOM) - {"resample", "thin", "crop_resize"}))
def test_without_a_generator_chance_is_that_of_torch(name: str) -> None:
    keypoints = torch.randn(8, 100, 17, 3)
    draws = []
    for seed in (1, 1, 2, 3, 4):
        torch.manual_seed(seed)
        draws.append(RANDOM[name](keypoints))
    assert same(draws[0], draws[1])
    assert not all(same(draw, draws[0]) for draw in draws)


@pytest.mark.parametrize("name", ["resample", "thin", "crop_resize"])
def test_these_are_left_to_no_chance_without_a_generator(name: str) -> None:
    keypoints = torch.randn(2, 100, 17, 3)
    before = torch.get_rng_state()
    assert same(RANDOM[name](keypoints), RANDOM[name](keypoints))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", sorted(set(EVERY) - {"keep_persons"}))
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    keypoints = torch.randn(1, 4, 17, 3, dtype=torch.double, requires_grad=True)
    # Noise is as large as the body, but not learnt from: its gradient is that of a shift.
    change = {**EVERY, "random_noise": lambda k: RANDOM["random_noise"](k, sigma=0.0)}[name]
    assert torch.autograd.gradcheck(lambda k: change(k).nan_to_num(0.0), keypoints)
