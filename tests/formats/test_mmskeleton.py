"""mmskeleton's JSON: persons by id, channels and joints as the file says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stgraph.formats import Clip
from stgraph.formats.mmskeleton import read_mmskeleton_clip
from stgraph.layouts import COCO17, OPENPOSE18

from .fuzzing import Case


def annotation(
    frame: int, slot: int, x: float = 100, *, joints: int = 17, person_id: int | None = None
) -> dict[str, Any]:
    """Joint v at (x, v + 1) with a score of 0.5."""
    keypoints = [[x, v + 1, 0.5] for v in range(joints)]
    return {"frame_index": frame, "id": slot, "person_id": person_id, "keypoints": keypoints}


def document(*annotations: dict[str, Any], frames: int = 3, joints: int = 17) -> dict[str, Any]:
    info = {
        "video_name": "video.mp4",
        "resolution": [340, 256],
        "num_frame": frames,
        "num_keypoints": joints,
        "keypoint_channels": ["x", "y", "score"],
        "version": "1.0",
    }
    return {"info": info, "annotations": list(annotations), "category_id": 4}


def save(folder: Path, content: Any) -> Path:
    path = folder / "clip.json"
    path.write_text(json.dumps(content))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ValueError, match="expected .* found") as caught:
        read_mmskeleton_clip(path)
    assert str(caught.value).startswith(str(path)) and str(caught.value).endswith((".", "?"))
    return str(caught.value).removeprefix(str(path))


def seeds() -> list[bytes]:
    two = document(annotation(0, 0), annotation(0, 1, 7.5), annotation(2, 3, person_id=1))
    other = document(annotation(1, 0, joints=5), joints=5)
    other["info"]["keypoint_channels"] = ["x", "y", "z"]
    other["category_id"] = -1
    return [json.dumps(two).encode(), json.dumps(other, indent=1).encode()]


def read(path: Path) -> Iterator[Clip]:
    yield read_mmskeleton_clip(path)


CASE = Case("mmskeleton", seeds, read, ".json")


def test_a_clip_has_all_frames_the_label_and_the_resolution(tmp_path: Path) -> None:
    clip = read_mmskeleton_clip(save(tmp_path, document(annotation(1, 0, 12.5))))
    assert clip.keypoints.shape == (1, 3, 17, 3)
    np.testing.assert_array_equal(clip.keypoints[0, 1, 4], np.array([12.5, 5, 0.5], np.float32))
    seen = ~np.isnan(clip.keypoints).all(axis=(0, 2, 3))
    assert seen.tolist() == [False, True, False]
    assert (clip.name, clip.label) == ("clip", 4)
    assert dict(clip.facts) == {"width": 340, "height": 256}


def test_a_person_is_known_by_person_id_or_else_by_id(tmp_path: Path) -> None:
    content = document(
        annotation(0, 0, 10), annotation(1, 5, 20, person_id=1), annotation(2, 5, 30, person_id=0)
    )
    del content["annotations"][0]["person_id"]
    x = read_mmskeleton_clip(save(tmp_path, content)).keypoints[:, :, 0, 0]
    expected = np.array([[10, np.nan, 30], [np.nan, 20, np.nan]], np.float32)
    np.testing.assert_array_equal(x, expected)


def test_rows_are_in_the_order_of_the_ids_without_gaps(tmp_path: Path) -> None:
    path = save(tmp_path, document(annotation(0, 10**9, 20), annotation(0, 3, 10)))
    assert read_mmskeleton_clip(path).keypoints[:, 0, 0, 0].tolist() == [10, 20]


def test_annotations_beyond_the_clip_are_left_out_as_in_mmskeleton(tmp_path: Path) -> None:
    path = save(tmp_path, document(annotation(0, 0), annotation(3, 1), annotation(-1, 2)))
    assert read_mmskeleton_clip(path).keypoints.shape == (1, 3, 17, 3)


def test_a_joint_that_is_zero_in_all_channels_was_not_seen(tmp_path: Path) -> None:
    somebody = annotation(0, 0)
    somebody["keypoints"][2], somebody["keypoints"][3] = [0, 0, 0], [5, 5, 0]
    points = read_mmskeleton_clip(save(tmp_path, document(somebody))).keypoints[0, 0]
    assert np.isnan(points).any(axis=-1).nonzero()[0].tolist() == [2]
    assert points[3].tolist() == [5, 5, 0]


@pytest.mark.parametrize(("joints", "layout"), [(17, COCO17), (18, OPENPOSE18), (25, None)])
def test_the_layout_is_known_where_the_joints_tell_it(
    tmp_path: Path, joints: int, layout: Any
) -> None:
    path = save(tmp_path, document(annotation(0, 0, joints=joints), joints=joints))
    assert read_mmskeleton_clip(path).layout == layout


def test_channels_are_as_many_as_the_file_names(tmp_path: Path) -> None:
    content = document(annotation(0, 0))
    content["info"]["keypoint_channels"] = ["x", "y"]
    content["annotations"][0]["keypoints"] = [[1, 2]] * 17
    assert read_mmskeleton_clip(save(tmp_path, content)).keypoints.shape == (1, 3, 17, 2)


def test_without_a_category_or_with_a_negative_one_there_is_no_label(tmp_path: Path) -> None:
    content = document(annotation(0, 0))
    content["category_id"] = -1
    assert read_mmskeleton_clip(save(tmp_path, content)).label is None
    del content["category_id"]
    assert read_mmskeleton_clip(save(tmp_path, content)).label is None


def with_info(**changes: Any) -> dict[str, Any]:
    content = document(annotation(0, 0))
    content["info"].update(changes)
    return content


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([], "expected an object"),
        (document(), "nobody in 3 frames"),
        (document(frames=10**12), "1000000000000 frames"),
        (document(annotation(0, 0), frames=10**12), "1000000000000 frames"),
        (with_info(num_frame=0), "info: expected frames, joints and channels, at least one"),
        (with_info(num_keypoints=18), "annotations[0], keypoints: expected 18 lists of 3"),
        (with_info(keypoint_channels=["x", "y"]), "keypoints[0]: expected a list of 2 numbers"),
        (with_info(keypoint_channels=[]), "at least one of each, found 3, 17 and 0"),
        (with_info(resolution=[340]), "info, resolution: expected 2 numbers, found 1"),
        (document(annotation(1, 0), annotation(1, 0)), "found person 0 twice in frame 1"),
        ({**document(annotation(0, 0)), "category_id": "x"}, "category_id: expected a whole"),
        (document({"frame_index": 0, "person_id": None}), "expected the key 'id'"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    tmp_path: Path, content: Any, complaint: str
) -> None:
    assert complaint in refusal(save(tmp_path, content))
