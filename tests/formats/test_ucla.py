"""NW-UCLA: one person, labels that agree with the names of the files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stgraph.formats import Clip
from stgraph.formats.ucla import UCLA_ACTIONS, UCLA_CLASSES, read_ucla_clip
from stgraph.layouts import UCLA20

from .fuzzing import Case


def document(frames: int = 2, label: int = 1) -> dict[str, Any]:
    """Joint v of frame t at (t, v / 10, 3)."""
    skeletons = [[[t, v / 10, 3.0] for v in range(20)] for t in range(frames)]
    return {"file_name": "a01_s01_e00_v01", "skeletons": skeletons, "label": label}


def save(folder: Path, content: Any, name: str = "a01_s01_e00_v01") -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ValueError, match="expected .* found") as caught:
        read_ucla_clip(path)
    assert str(caught.value).startswith(str(path)) and str(caught.value).endswith((".", "?"))
    return str(caught.value).removeprefix(str(path))


def seeds() -> list[bytes]:
    return [json.dumps(document(frames)).encode() for frames in (1, 3)]


def read(path: Path) -> Iterator[Clip]:
    named = path.parent / "clips" / "a01_s01_e00_v01.json"
    named.parent.mkdir(exist_ok=True)
    named.write_bytes(path.read_bytes())
    yield read_ucla_clip(named)


CASE = Case("ucla", seeds, read, ".json")


def test_a_clip_is_one_person_with_what_the_name_says(tmp_path: Path) -> None:
    clip = read_ucla_clip(save(tmp_path, document(2, label=7), "a08_s10_e03_v02"))
    assert clip.keypoints.shape == (1, 2, 20, 3) and clip.keypoints.dtype == np.float32
    np.testing.assert_array_equal(clip.keypoints[0, 1, 5], np.array([1, 0.5, 3], np.float32))
    assert (clip.name, clip.label, clip.layout) == ("a08_s10_e03_v02", 6, UCLA20)
    assert dict(clip.facts) == {"action": 8, "subject": 10, "take": 3, "view": 2}


def test_ten_actions_from_1_to_12_are_the_ten_classes(tmp_path: Path) -> None:
    for label, action in enumerate(UCLA_ACTIONS):
        path = save(tmp_path, document(label=label + 1), f"a{action:02}_s01_e00_v01")
        assert read_ucla_clip(path).label == label
    assert len(UCLA_CLASSES) == len(set(UCLA_CLASSES)) == len(UCLA_ACTIONS) == 10
    assert set(range(1, 13)) - set(UCLA_ACTIONS) == {7, 10}


def test_a_label_that_is_not_the_action_of_the_name_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, document(label=8), "a08_s01_e00_v01")
    assert ", label: expected 7 as the label of action 8, found 8" in refusal(path)


@pytest.mark.parametrize("name", ["a07_s01_e00_v01", "a10_s01_e00_v01", "a1_s1_e0_v1", "clip"])
def test_a_name_without_a_known_action_is_refused(tmp_path: Path, name: str) -> None:
    assert "expected a name like a01_s01_e00_v01.json" in refusal(save(tmp_path, document(), name))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([], "expected an object"),
        (document(0), "nobody in 0 frames"),
        ({**document(), "skeletons": [[[1, 2, 3]] * 19]}, "skeletons[0]: expected 20 lists"),
        ({**document(), "skeletons": [[[1, 2]] * 20]}, "skeletons[0][0]: expected a list of 3"),
        ({**document(), "skeletons": [[[1, 2, None]] * 20]}, "skeletons[0]: expected numbers"),
        ({**document(), "label": 1.0}, "label: expected a whole number, found 1.0"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    tmp_path: Path, content: Any, complaint: str
) -> None:
    assert complaint in refusal(save(tmp_path, content))
