"""What is lost, how often, and that something is left."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from stgraph import transforms

from .material import DROPPING, same, seeded, spotted_clips

SHARES = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])


@pytest.mark.parametrize("name", DROPPING)
@given(keypoints=spotted_clips(), share=SHARES, seed=st.integers(0, 99))
def test_what_is_not_lost_stays_and_something_does(
    name: str, keypoints: Tensor, share: float, seed: int
) -> None:
    left = DROPPING[name](keypoints, share=share, generator=seeded(seed))
    seen = transforms.visible(left)
    assert same(left[seen], keypoints[seen])
    assert not (seen & ~transforms.visible(keypoints)).any()
    assert seen.any() and (share > 0 or same(left, keypoints))


@pytest.mark.parametrize("name", DROPPING)
@given(keypoints=spotted_clips(), seed=st.integers(0, 99))
def test_a_share_of_one_leaves_one(name: str, keypoints: Tensor, seed: int) -> None:
    left = transforms.visible(DROPPING[name](keypoints, share=1.0, generator=seeded(seed)))
    seen = transforms.visible(keypoints)
    if name == "drop_joints":
        assert torch.equal(left.any(1).sum(-1), seen.any(1).any(-1).long())
    elif name == "drop_frames":
        assert left.any(2).any(0).sum() == 1
    else:
        assert left.any(2).any(1).sum() == 1


@given(spotted_clips(), st.integers(0, 99))
def test_joints_are_lost_for_the_whole_clip(keypoints: Tensor, seed: int) -> None:
    left = transforms.drop_joints(keypoints, 0.5, generator=seeded(seed))
    lost = transforms.visible(keypoints) & ~transforms.visible(left)
    assert not (lost.any(1) & transforms.visible(left).any(1)).any()


@given(spotted_clips(), st.integers(0, 99))
def test_frames_are_lost_for_everybody(keypoints: Tensor, seed: int) -> None:
    left = transforms.drop_frames(keypoints, 0.5, generator=seeded(seed))
    lost = (transforms.visible(keypoints) & ~transforms.visible(left)).any(2).any(0)
    assert left.shape == keypoints.shape and left[:, lost].isnan().all()


@pytest.mark.parametrize("seed", range(5))
def test_the_frame_that_is_left_shows_somebody(seed: int) -> None:
    keypoints = torch.full((2, 50, 17, 3), torch.nan)
    keypoints[1, 7, 3] = 1.0
    assert same(transforms.drop_frames(keypoints, 1.0, generator=seeded(seed)), keypoints)


@given(spotted_clips(), st.integers(0, 99))
def test_persons_are_lost_altogether(keypoints: Tensor, seed: int) -> None:
    left = transforms.drop_persons(keypoints, 0.5, generator=seeded(seed))
    lost = (transforms.visible(keypoints) & ~transforms.visible(left)).flatten(1).any(1)
    assert left.shape == keypoints.shape and left[lost].isnan().all()


@pytest.mark.parametrize("name", DROPPING)
def test_as_many_are_lost_as_the_share_says(name: str) -> None:
    clip = torch.zeros(40, 40, 40, 1)
    if name == "drop_joints":
        clip = clip[:1]
    generator = seeded(0)
    lost = [DROPPING[name](clip, share=0.3, generator=generator).isnan() for _ in range(100)]
    # 4000 draws in each; the deviation of their mean is 0.0072.
    assert float(torch.stack(lost).float().mean()) == pytest.approx(0.3, abs=5 * 0.0072)


def test_each_joint_is_as_likely_to_be_the_one_that_stays() -> None:
    clip, generator = torch.zeros(1000, 1, 5, 1), seeded(0)
    clip[:, :, 4] = torch.nan
    left = transforms.visible(transforms.drop_joints(clip, 1.0, generator=generator))
    often = left.sum(dim=(0, 1)).tolist()
    # 250 each; the deviation of a count is 14.
    assert often[4] == 0 and all(abs(count - 250) < 5 * 14 for count in often[:4])


@pytest.mark.parametrize("name", DROPPING)
@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_what_is_no_share_is_refused(name: str, share: float) -> None:
    with pytest.raises(ValueError, match=f"Expected a share from 0 to 1, found {share}; 0.1 is"):
        DROPPING[name](torch.zeros(1, 2, 17, 3), share=share)
