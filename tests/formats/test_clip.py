"""The door that all readers end in: what a clip may hold, and what is refused."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stgraph.formats import Clip
from stgraph.layouts import NTU25, OPENPOSE18


def points(persons: int = 2, frames: int = 3, joints: int = 25, channels: int = 3) -> NDArray[Any]:
    return np.ones((persons, frames, joints, channels), dtype=np.float32)


def refusal(keypoints: NDArray[Any], **fields: Any) -> str:
    with warnings.catch_warnings(), pytest.raises(ValueError, match="expected .* found") as caught:
        warnings.simplefilter("error")
        Clip("bow", keypoints, **fields)
    assert str(caught.value).endswith(".")
    return str(caught.value)


def test_a_clip_keeps_what_it_is_given() -> None:
    keypoints = points()
    clip = Clip("bow", keypoints, 3, ("train",), {"camera": 2}, NTU25, "folder/bow.json")
    assert clip.keypoints is keypoints
    assert (clip.name, clip.label, clip.splits, clip.source) == (
        *("bow", 3, ("train",)),
        "folder/bow.json",
    )
    assert clip.layout == NTU25 and clip.facts["camera"] == 2


def test_a_name_and_keypoints_are_enough() -> None:
    clip = Clip("bow", points(joints=4))
    assert (clip.label, clip.splits, clip.layout, dict(clip.facts)) == (None, (), None, {})


@pytest.mark.parametrize("kind", ["float16", "float64", "int64"])
def test_keypoints_become_float32(kind: str) -> None:
    clip = Clip("bow", (2 * points()).astype(kind))
    assert clip.keypoints.dtype == np.float32 and (clip.keypoints == 2).all()


def test_joints_and_persons_not_seen_are_nan() -> None:
    keypoints = points()
    keypoints[0, 0, 3], keypoints[1, 1:] = np.nan, np.nan
    assert np.isnan(Clip("bow", keypoints).keypoints).sum() == 3 + 2 * 25 * 3


@pytest.mark.parametrize("shape", [(3, 25, 3), (1, 2, 3, 25, 3), (2, 3, 25, 0), ()])
def test_another_number_of_axes_or_no_channels_are_refused(shape: tuple[int, ...]) -> None:
    assert f"shape {list(shape)}" in refusal(np.ones(shape, dtype=np.float32))


def test_joints_have_to_be_those_of_the_layout() -> None:
    message = refusal(points(joints=25), layout=OPENPOSE18)
    assert "expected keypoints [persons, frames, 18 joints, channels]" in message
    assert "found shape [2, 3, 25, 3]" in message


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_a_joint_is_finite_or_not_seen_at_all(value: float) -> None:
    keypoints = points()
    keypoints[1, 2, 3, 1] = value
    assert "infinite or half-missing" in refusal(keypoints)
    keypoints[1, 2, 3] = value
    if not np.isnan(value):
        assert "infinite or half-missing" in refusal(keypoints)


def test_numbers_too_large_for_float32_are_refused_without_a_warning() -> None:
    assert "infinite" in refusal(points().astype(np.float64) * 1e300)


@pytest.mark.parametrize(("persons", "frames"), [(0, 3), (2, 0), (0, 0)])
def test_a_clip_of_nobody_is_refused(persons: int, frames: int) -> None:
    assert f"found nobody in {frames} frames" in refusal(points(persons, frames))


def test_a_clip_in_which_nothing_was_seen_is_refused() -> None:
    assert "found nobody in 3 frames. Leave the clip out." in refusal(points() * np.nan)


def test_a_negative_label_is_refused() -> None:
    assert "expected a label from 0 on, or None, found -1" in refusal(points(), label=-1)
    assert Clip("bow", points(), label=0).label == 0


def test_complaints_start_with_the_source_or_else_the_name() -> None:
    assert refusal(points() * np.nan, source="a.pkl, entry 3").startswith("a.pkl, entry 3: ")
    assert refusal(points() * np.nan).startswith("Clip 'bow': ")
