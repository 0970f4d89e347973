"""Kinetics-Skeleton: clips by place in the frame, and the index of labels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stgraph.formats import Clip
from stgraph.formats.kinetics import KineticsEntry, read_kinetics_clip, read_kinetics_index
from stgraph.layouts import OPENPOSE18

from .fuzzing import Case, fuzz


def person(value: float, *, lost: tuple[int, ...] = ()) -> dict[str, Any]:
    """Joint v at (value + v / 100, 0.5) with a score of 0.9."""
    pose = [[0, 0] if v in lost else [round(value + v / 100, 4), 0.5] for v in range(18)]
    scores = [0 if v in lost else 0.9 for v in range(18)]
    return {"pose": [number for point in pose for number in point], "score": scores}


def frame(index: int, *people: dict[str, Any]) -> dict[str, Any]:
    return {"frame_index": index, "skeleton": list(people)}


def document(*frames: dict[str, Any], label_index: int = 7) -> dict[str, Any]:
    return {"data": list(frames), "label": "abseiling", "label_index": label_index}


def save(folder: Path, content: Any) -> Path:
    path = folder / "clip.json"
    path.write_text(json.dumps(content))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ValueError, match="expected .* found") as caught:
        read_kinetics_clip(path)
    assert str(caught.value).startswith(str(path)) and str(caught.value).endswith(".")
    return str(caught.value).removeprefix(str(path))


def seeds() -> list[bytes]:
    two = document(frame(0, person(0.1)), frame(1), frame(2, person(0.2), person(0.6, lost=(3,))))
    late = document(frame(3, person(0.4, lost=tuple(range(17)))), label_index=-1)
    return [json.dumps(two).encode(), json.dumps(late, indent=1).encode()]


def read(path: Path) -> Iterator[Clip]:
    yield read_kinetics_clip(path)


CASE = Case("kinetics", seeds, read, ".json")


def test_a_clip_has_the_coordinates_and_scores_of_the_file(tmp_path: Path) -> None:
    clip = read_kinetics_clip(save(tmp_path, document(frame(0, person(0.25)))))
    assert clip.keypoints.shape == (1, 1, 18, 3) and clip.keypoints.dtype == np.float32
    expected = [[0.25, 0.5, 0.9], [0.26, 0.5, 0.9]]
    np.testing.assert_array_equal(clip.keypoints[0, 0, :2], np.array(expected, np.float32))
    assert (clip.name, clip.label, dict(clip.facts)) == ("clip", 7, {"class_name": "abseiling"})
    assert clip.layout == OPENPOSE18 and clip.source == str(tmp_path / "clip.json")


def test_a_joint_of_zeros_was_not_seen_and_a_coordinate_of_zero_was(tmp_path: Path) -> None:
    somebody = person(0.0, lost=(4,))
    clip = read_kinetics_clip(save(tmp_path, document(frame(0, somebody))))
    assert np.isnan(clip.keypoints[0, 0]).any(axis=-1).nonzero()[0].tolist() == [4]
    assert clip.keypoints[0, 0, 0, 0] == 0


def test_person_m_is_the_m_th_skeleton_of_each_frame(tmp_path: Path) -> None:
    near, far = person(0.1), person(0.7)
    path = save(tmp_path, document(frame(0, near, far), frame(1, far, near), frame(2, far)))
    first = read_kinetics_clip(path).keypoints[:, :, 0, 0]
    expected = np.array([[0.1, 0.7, 0.7], [0.7, 0.1, np.nan]], np.float32)
    np.testing.assert_array_equal(first, expected)


def test_frames_without_people_stay_wherever_they_are(tmp_path: Path) -> None:
    path = save(tmp_path, document(frame(1, person(0.3)), frame(2), frame(5)))
    clip = read_kinetics_clip(path)
    seen = ~np.isnan(clip.keypoints).all(axis=(0, 2, 3))
    assert seen.tolist() == [False, True, False, False, False, False]


def test_frames_may_come_in_any_order(tmp_path: Path) -> None:
    path = save(tmp_path, document(frame(1, person(0.4)), frame(0, person(0.3))))
    first = read_kinetics_clip(path).keypoints[0, :, 0, 0]
    np.testing.assert_array_equal(first, np.array([0.3, 0.4], np.float32))


def test_a_negative_label_is_none(tmp_path: Path) -> None:
    path = save(tmp_path, document(frame(0, person(0.3)), label_index=-1))
    assert read_kinetics_clip(path).label is None


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([], "expected an object"),
        ({"data": {}}, "data: expected a list"),
        (document(frame(0), frame(1)), "nobody in 2 frames"),
        (document(), "nobody in 0 frames"),
        (document(frame(0, person(0.1)), frame(0)), "data[1], frame_index: expected each frame"),
        (document(frame(-1, person(0.1))), "data[0], frame_index: expected each frame once"),
        (document(frame(10**12)), "1000000000001 frames"),
        (document(frame(10**12, person(0.1))), "1000000000001 frames"),
        (document(frame(0, {"pose": [1]})), "data[0].skeleton[0], pose: expected 36 numbers"),
        (document(frame(0, {"pose": [1] * 36, "score": [1] * 17})), "score: expected 18 numbers"),
        (document(frame(0, {"pose": ["1"] * 36})), "pose: expected numbers, found '1'"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    tmp_path: Path, content: Any, complaint: str
) -> None:
    assert complaint in refusal(save(tmp_path, content))


# The index


ENTRY = {"has_skeleton": True, "label": "yoga", "label_index": 399}


def test_the_index_tells_of_each_clip_whether_it_has_people_and_its_label(tmp_path: Path) -> None:
    path = save(tmp_path, {"--abc": ENTRY, "x": {**ENTRY, "has_skeleton": False}})
    index = read_kinetics_index(path)
    assert index["--abc"] == KineticsEntry(True, "yoga", 399)
    assert list(index) == ["--abc", "x"] and not index["x"].has_skeleton


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([ENTRY], "expected an object"),
        ({"x": 3}, "'x': expected an object, found 3"),
        ({"x": {**ENTRY, "has_skeleton": 1}}, "'x', has_skeleton: expected true or false"),
        ({"x": {**ENTRY, "label_index": True}}, "'x', label_index: expected a whole number"),
    ],
)
def test_another_kind_of_index_is_refused(tmp_path: Path, content: Any, complaint: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_kinetics_index(save(tmp_path, content))
    assert complaint in str(caught.value) and str(tmp_path) in str(caught.value)


def test_a_damaged_index_is_read_or_refused(tmp_path: Path) -> None:
    def read_nothing(path: Path) -> list[Clip]:
        assert all(isinstance(entry, KineticsEntry) for entry in read_kinetics_index(path).values())
        return []

    def index() -> list[bytes]:
        return [json.dumps({f"id{number}": ENTRY for number in range(3)}).encode()]

    assert fuzz(Case("index", index, read_nothing, ".json"), 300, tmp_path) < 200
