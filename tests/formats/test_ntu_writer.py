"""The writer of NTU RGB+D files: what is written is read, and looks like the release."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stgraph.formats.ntu import read_skeleton_file
from stgraph.formats.ntu_writer import write_skeleton_file

Array = NDArray[Any]
TWINS = (72057594037937513, 72057594037937524)


def clip(persons: int = 1, frames: int = 5, seed: int = 0) -> Array:
    points = np.random.default_rng(seed).normal(0, 0.5, (persons, frames, 25, 3))
    return (points + np.array([0, 0, 3])).astype(np.float32)


# Round trips


@pytest.mark.parametrize("persons", [1, 2, 3, 6])
def test_float32_keypoints_are_read_back_bit_by_bit(tmp_path: Path, persons: int) -> None:
    points = clip(persons, 7)
    write_skeleton_file(tmp_path / "a.skeleton", points)
    recording = read_skeleton_file(tmp_path / "a.skeleton")
    assert recording.keypoints.dtype == np.float32
    np.testing.assert_array_equal(recording.keypoints, points)
    assert (recording.tracking_state == 2).all()
    assert len(set(recording.body_ids)) == persons


def test_lost_joints_absent_persons_and_empty_frames_are_read_back_as_nan(tmp_path: Path) -> None:
    points = clip(3, 9)
    points[0, 2, 7] = np.nan
    points[1, :4] = np.nan
    points[:, 5] = np.nan
    write_skeleton_file(tmp_path / "a.skeleton", points)
    recording = read_skeleton_file(tmp_path / "a.skeleton")
    order = [0, 2, 1]
    np.testing.assert_array_equal(recording.keypoints, points[order])
    np.testing.assert_array_equal(
        recording.tracking_state == 0, np.isnan(points[order]).any(axis=-1)
    )


def test_a_recording_written_again_is_the_same_file(tmp_path: Path) -> None:
    points = clip(2, 4)
    points[1, 0] = np.nan
    state = np.random.default_rng(0).integers(1, 3, points.shape[:3])
    write_skeleton_file(tmp_path / "a", points, body_ids=TWINS, tracking_state=state)
    first = read_skeleton_file(tmp_path / "a")
    write_skeleton_file(
        tmp_path / "b",
        first.keypoints,
        body_ids=first.body_ids,
        tracking_state=first.tracking_state,
    )
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_written_files_look_like_those_of_the_release(tmp_path: Path) -> None:
    points = clip(1, 1)
    points[0, 0, 0] = [0.2181153, 0.1725972, 3.785547]
    points[0, 0, 24] = np.nan
    write_skeleton_file(tmp_path / "a", points)
    data = (tmp_path / "a").read_bytes()
    lines = data.decode("ascii").split("\r\n")
    assert data.count(b"\n") == data.count(b"\r\n") and data.endswith(b"\r\n")
    assert lines[0] == lines[1] == "1" and lines[3] == "25"
    assert len(lines[2].split()) == 10
    assert {len(line.split()) for line in lines[4:29]} == {12}
    np.testing.assert_allclose(columns(tmp_path / "a")[0, 3:7], [277, 192, 1036, 519], atol=30)
    assert lines[28] == "0 0 0 NaN NaN NaN NaN 0 0 0 0 0"


def columns(path: Path) -> Array:
    """The twelve numbers of each joint's line, ``[lines, 12]``."""
    rows = [line.split() for line in path.read_text().splitlines()]
    return np.array([row for row in rows if len(row) == 12], dtype=float)


def turned_up(orientation: Array) -> Array:
    """The axis +y turned by quaternions w, x, y, z."""
    w, axis = orientation[..., :1], orientation[..., 1:]
    up = np.array([0.0, 1.0, 0.0])
    return up + 2 * np.cross(axis, np.cross(axis, up) + w * up)


def test_orientations_turn_up_into_the_bone_of_the_joint(tmp_path: Path) -> None:
    points = clip(2, 4)
    points[0, 0, 1] = points[0, 0, 0] + [0, 1, 0]
    points[0, 0, 13] = points[0, 0, 12] - [0, 1, 0]
    write_skeleton_file(tmp_path / "a", points)
    numbers = columns(tmp_path / "a").reshape(4, 2, 25, 12).swapaxes(0, 1)
    points, orientation = numbers[..., :3], numbers[..., 7:11]
    ends = {0: (0, 1), 1: (0, 1), 2: (20, 2), 4: (20, 4), 5: (4, 5), 12: (0, 12), 13: (12, 13)}
    for joint, (start, end) in ends.items():
        bone = points[:, :, end] - points[:, :, start]
        bone /= np.linalg.norm(bone, axis=-1, keepdims=True)
        np.testing.assert_allclose(turned_up(orientation[:, :, joint]), bone, atol=1e-5)
    tips = [3, 15, 19, 21, 22, 23, 24]
    assert (orientation[:, :, tips] == 0).all()
    lengths = np.linalg.norm(np.delete(orientation, tips, axis=2), axis=-1)
    np.testing.assert_allclose(lengths, 1, atol=1e-6)


def test_the_spine_of_a_person_who_faces_the_camera_is_turned_about(tmp_path: Path) -> None:
    points = np.zeros((1, 1, 25, 3))
    points[0, 0, :, 2] = 3
    points[0, 0, 1, 1] = 0.5  # upright
    points[0, 0, [12, 16], 0] = -0.2, 0.2  # the right hip at larger x
    write_skeleton_file(tmp_path / "a", points)
    np.testing.assert_allclose(np.abs(columns(tmp_path / "a")[1, 7:11]), [0, 0, 1, 0], atol=1e-6)


def test_pixels_are_nan_where_a_joint_is_unmapped_or_behind_the_camera(tmp_path: Path) -> None:
    points = clip(1, 2)
    points[0, 1, 3, 2] = -0.1
    unmapped = np.zeros((1, 2, 25), dtype=bool)
    unmapped[0, 0, 7] = True
    write_skeleton_file(tmp_path / "a", points, unmapped=unmapped)
    lost = np.isnan(columns(tmp_path / "a"))
    assert np.argwhere(lost).tolist() == [
        [row, column] for row in (7, 28) for column in range(3, 7)
    ]


def test_the_last_newline_can_be_left_out(tmp_path: Path) -> None:
    for name, final_newline in (("a", True), ("b", False)):
        write_skeleton_file(tmp_path / name, clip(), final_newline=final_newline)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() + b"\r\n"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_disk(path: Path, data: bytes) -> None:
        path.open("wb").write(data[:100])
        raise OSError("No space left on device")

    path = tmp_path / "a.skeleton"
    write_skeleton_file(path, clip())
    before = path.read_bytes()
    monkeypatch.setattr(Path, "write_bytes", fill_disk)
    with pytest.raises(OSError, match="No space"):
        write_skeleton_file(path, clip(2))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("keypoints", "keywords", "message"),
    [
        (clip()[0], {}, r"\[M, T, 25, 3\]"),
        (clip()[:, :, :17], {}, r"\[1, 5, 17, 3\]"),
        (np.where(np.arange(3) == 1, np.nan, clip()), {}, "partly NaN"),
        (clip(2), {"body_ids": (7, 7)}, "different whole numbers"),
        (clip(), {"body_ids": (7.2e16,)}, "keep them as int"),
        (clip(), {"body_ids": (1, 2)}, "one per person"),
        (clip(), {"tracking_state": np.full((1, 5, 25), 3)}, "0, 1 and 2"),
        (clip(), {"tracking_state": np.zeros((1, 5))}, r"\[1, 5, 25\]"),
        (clip(), {"unmapped": np.zeros((1, 5), dtype=bool)}, r"\[1, 5, 25\]"),
        (clip(), {"unmapped": np.zeros((1, 5, 25))}, "True and False"),
    ],
)
def test_the_writer_refuses_what_the_format_cannot_say(
    tmp_path: Path, keypoints: Array, keywords: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_skeleton_file(tmp_path / "a", keypoints, **keywords)
    assert not list(tmp_path.iterdir())
