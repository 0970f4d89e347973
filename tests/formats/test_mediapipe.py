"""Landmarks of MediaPipe, as arrays and as objects: the same clip, or a refusal with its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stgraph import layouts
from stgraph.formats.clip import Clip
from stgraph.formats.mediapipe import mediapipe_clip
from stgraph.formats.npy import read_npy

from .fuzzing import Case
from .test_arrays import npy


@dataclass
class Landmark:
    """As mediapipe.tasks.components.containers.NormalizedLandmark."""

    x: Any
    y: Any
    z: Any
    visibility: float | None = None
    presence: float | None = None


@dataclass
class LandmarkList:
    """As the older solutions' NormalizedLandmarkList."""

    landmark: list[Landmark]


def points(frames: int = 4, joints: int = 33, channels: int = 5) -> Any:
    rng = np.random.default_rng(0)
    return rng.uniform(0.1, 1, (frames, joints, channels)).astype("f4")


def objects(array: Any) -> list[Landmark]:
    return [Landmark(*map(float, row)) for row in array]


def seeds() -> list[bytes]:
    absent = points()
    absent[1], absent[2] = 0, np.nan
    two = np.stack([points(), absent])
    return [npy(points(channels=3)), npy(absent), npy(two[..., :4]), npy(two.astype(">f8"))]


def read(path: Path) -> list[Clip]:
    return [mediapipe_clip(read_npy(path), path.stem)]


CASE = Case("MediaPipe", seeds, read, ".npy")


@pytest.mark.parametrize(("channels", "kept"), [(3, 3), (4, 4), (5, 4)])
def test_visibility_is_kept_and_presence_is_not(channels: int, kept: int) -> None:
    array = points(channels=channels)
    clip = mediapipe_clip(array, "wave", label=2)
    assert (clip.name, clip.label, clip.layout) == ("wave", 2, layouts.MEDIAPIPE33)
    assert np.array_equal(clip.keypoints[0], array[..., :kept])


def test_frames_of_zeros_or_nan_have_nobody() -> None:
    array = np.stack([points(), points()])
    array[0, 1], array[1, 2], array[1, 3, :, :3] = 0, np.nan, 0
    lost = np.isnan(mediapipe_clip(array, "wave").keypoints)
    assert lost.any(axis=(2, 3)).tolist() == [
        [False, True, False, False],
        [False, False, True, True],
    ]
    assert lost.all(axis=(2, 3)).sum() == 3


def test_joints_that_are_hardly_visible_were_not_seen() -> None:
    array = points()
    array[..., 3], array[2, 5, 3] = 0.8, 0.3
    lost = np.isnan(mediapipe_clip(array, "wave", min_visibility=0.5).keypoints)
    assert lost.sum() == 4 and lost[0, 2, 5].all()
    with pytest.raises(ValueError, match=r"Clip 'wave': .*visibility.* Leave min_visibility out"):
        mediapipe_clip(array[..., :3], "wave", min_visibility=0.5)


def test_results_of_the_tasks_are_the_array() -> None:
    array = np.stack([points(), points() + 1])
    frames: list[Any] = [[objects(one), objects(two)] for one, two in zip(*array)]
    frames[1], frames[2], frames[3] = None, [], [objects(array[0, 3])]
    keypoints = mediapipe_clip(frames, "wave").keypoints
    expected = array[..., :4].copy()
    expected[:, 1:3], expected[1, 3] = np.nan, np.nan
    assert np.array_equal(keypoints, expected, equal_nan=True)


def test_results_of_the_older_solutions_are_one_person() -> None:
    array = points()
    frames = [LandmarkList(objects(array[0])), None, objects(array[2]), LandmarkList([])]
    keypoints = mediapipe_clip(frames, "wave").keypoints
    assert keypoints.shape == (1, 4, 33, 4)
    assert np.array_equal(keypoints[0, [0, 2]], array[[0, 2], :, :4])
    assert np.isnan(keypoints[0, [1, 3]]).all()


def test_hands_have_no_visibility() -> None:
    array = points(joints=21, channels=3)
    frames = [[LandmarkList(objects(one))] for one in array]
    clip = mediapipe_clip(frames, "fist", layout=layouts.HAND21)
    assert clip.layout is layouts.HAND21 and np.array_equal(clip.keypoints[0], array)


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (np.ones((4, 33)), r"found shape \[4, 33\]"),
        (np.ones((4, 33, 6)), r"found shape \[4, 33, 6\]"),
        (np.full((4, 33, 3), "a"), "of str"),
        (np.ones((4, 21, 3)), r"33 joints, channels\], found shape \[1, 4, 21, 3\]"),
        (np.zeros((4, 33, 3)), "found nobody in 4 frames"),
        (np.ones((0, 33, 3)), "found nobody in 0 frames"),
        (np.full((4, 33, 3), np.inf), "infinite"),
        ([], "found nobody in 0 frames"),
        ([None, []], "found nobody in 2 frames"),
        ([None, 5], "frame 1: expected a list of people, found a int"),
        ([None, [5]], "frame 1, person 0: expected landmarks with x, y and z"),
        ([[[Landmark(1, 2, 3)] * 21]], "expected 33 landmarks of layout 'MEDIAPIPE33', found 21"),
        ([[[Landmark(1, None, 3)] * 33]], "half-missing"),
        ([[[Landmark(1, "a", 3)] * 33]], "expected landmarks with x, y and z"),
        ([[[Landmark(10**400, 1, 3)] * 33]], "expected landmarks with x, y and z"),
        ([[[Landmark(1e300, 1, 3)] * 33]], "infinite"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_are_no_landmarks_is_refused(landmarks: Any, message: str) -> None:
    with pytest.raises(ValueError, match=rf"Clip 'wave'.*{message}.*\.$"):
        mediapipe_clip(landmarks, "wave")
