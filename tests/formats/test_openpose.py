"""OpenPose folders: frames by number, people by tracking, real recordings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stgraph.formats import Clip
from stgraph.formats.openpose import read_openpose_folder
from stgraph.layouts import BODY25, OPENPOSE18

from .fuzzing import Case

Array = NDArray[Any]


def person(
    x: float, *, joints: int = 25, lost: tuple[int, ...] = (), person_id: int | None = -1
) -> dict[str, Any]:
    """Joint v at (x, 10 v) with a score of 0.8."""
    points = [[0, 0, 0] if v in lost else [x, 10 * v, 0.8] for v in range(joints)]
    pose = [number for point in points for number in point]
    identity = {} if person_id is None else {"person_id": [person_id]}
    return {**identity, "pose_keypoints_2d": pose, "face_keypoints_2d": []}


def frame(*people: dict[str, Any]) -> bytes:
    return json.dumps({"version": 1.3, "people": list(people)}).encode()


def save(folder: Path, *frames: bytes, first: int = 0) -> Path:
    """The frames as OpenPose names them."""
    stream = folder / "video"
    stream.mkdir()
    for number, data in enumerate(frames, start=first):
        (stream / f"video_{number:012}_keypoints.json").write_bytes(data)
    return stream


def refusal(folder: Path, **options: Any) -> str:
    with pytest.raises(ValueError, match="expected .* found") as caught:
        read_openpose_folder(folder, **options)
    assert str(caught.value).startswith(str(folder)) and str(caught.value).endswith((".", "?"))
    return str(caught.value).removeprefix(str(folder))


def first_x(clip: Clip) -> list[list[float]]:
    """x of joint 0, by person and frame, -1 for NaN."""
    x: list[list[float]] = np.nan_to_num(clip.keypoints[:, :, 0, 0], nan=-1).tolist()
    return x


def seeds() -> list[bytes]:
    lost = person(210, lost=(3, 4))
    return [
        frame(person(30), lost),
        frame({"person_id": [-1], "pose_keypoints_2d": []}),
        frame({"pose_keypoints_2d": []}, person(20, person_id=7)),
        frame(person(30, joints=18, person_id=None)),
        frame(*[person(30 * number) for number in range(8)]),
    ]


def read(path: Path) -> Iterator[Clip]:
    """The file between two good frames."""
    folder = path.parent / "clip_frames"
    folder.mkdir(exist_ok=True)
    joints = 25 if b"person_id" in path.read_bytes() else 18
    good = frame(person(28, joints=joints), person(200, joints=joints))
    for number, data in enumerate((good, path.read_bytes(), good)):
        (folder / f"{number:012}.json").write_bytes(data)
    yield read_openpose_folder(folder)


CASE = Case("openpose", seeds, read, ".json")


def test_a_clip_has_the_pixels_and_scores_of_the_files(tmp_path: Path) -> None:
    clip = read_openpose_folder(save(tmp_path, frame(person(30)), frame(person(31))))
    assert clip.keypoints.shape == (1, 2, 25, 3) and clip.keypoints.dtype == np.float32
    np.testing.assert_array_equal(clip.keypoints[0, 1, 2], np.array([31, 20, 0.8], np.float32))
    assert (clip.name, clip.label, clip.layout) == ("video", None, BODY25)
    assert dict(clip.facts) == {"first_frame": 0}


def test_54_numbers_are_the_coco_model(tmp_path: Path) -> None:
    clip = read_openpose_folder(save(tmp_path, frame(person(30, joints=18))))
    assert clip.layout == OPENPOSE18


def test_size_brings_pixels_into_parts_of_the_picture(tmp_path: Path) -> None:
    folder = save(tmp_path, frame(person(320)))
    clip = read_openpose_folder(folder, size=(640, 480))
    np.testing.assert_allclose(clip.keypoints[0, 0, 12], [0.5, 0.25, 0.8])
    for size in ((0, 480), (640, -1), (640, np.inf), (640, np.nan)):
        assert "expected size=(width, height)" in refusal(folder, size=size)


def test_missing_joints_are_nan_and_people_without_joints_are_skipped(tmp_path: Path) -> None:
    nobody = person(0, lost=tuple(range(25)))
    empty: dict[str, Any] = {"person_id": [-1], "pose_keypoints_2d": []}
    folder = save(tmp_path, frame(empty, person(30, lost=(5,)), nobody))
    points = read_openpose_folder(folder).keypoints
    assert points.shape == (1, 1, 25, 3)
    assert np.isnan(points[0, 0]).any(axis=-1).nonzero()[0].tolist() == [5]


def test_a_frame_without_people_stays(tmp_path: Path) -> None:
    clip = read_openpose_folder(save(tmp_path, frame(), frame(person(30)), frame()))
    assert first_x(clip) == [[-1, 30, -1]]


def test_a_missing_number_is_a_frame_without_people(tmp_path: Path) -> None:
    folder = save(tmp_path, *[frame(person(x)) for x in (30, 31, 32, 33)], first=98)
    (folder / "video_000000000100_keypoints.json").unlink()
    clip = read_openpose_folder(folder)
    assert first_x(clip) == [[30, 31, -1, 33]]
    assert clip.facts["first_frame"] == 98


def test_frames_are_sorted_by_the_last_number_in_their_names(tmp_path: Path) -> None:
    for number in (9, 10, 11):
        (tmp_path / f"cam2.{number}.json").write_bytes(frame(person(20 + number)))
    assert first_x(read_openpose_folder(tmp_path)) == [[29, 30, 31]]


def test_people_are_followed_when_their_order_changes(tmp_path: Path) -> None:
    near, far = person(30), person(400)
    folder = save(tmp_path, frame(near, far), frame(far, near), frame(far))
    assert first_x(read_openpose_folder(folder)) == [[30, 30, -1], [400, 400, 400]]


def test_without_tracking_rows_are_places(tmp_path: Path) -> None:
    near, far = person(30), person(400)
    folder = save(tmp_path, frame(near, far), frame(far, near), frame(far))
    clip = read_openpose_folder(folder, track=False)
    assert first_x(clip) == [[30, 400, 400], [400, 30, -1]]


def test_scores_play_no_part_in_tracking(tmp_path: Path) -> None:
    unsure, sure = person(30), person(31)
    unsure["pose_keypoints_2d"][2::3] = [500] * 25
    assert read_openpose_folder(save(tmp_path, frame(unsure), frame(sure))).keypoints.shape[0] == 1


def test_person_ids_are_identities_if_everybody_has_one(tmp_path: Path) -> None:
    frames = [frame(person(30, person_id=5), person(400, person_id=2)), frame(person(30))]
    ids = [frames[0], frame(person(30, person_id=2))]
    (tmp_path / "some").mkdir()
    assert first_x(read_openpose_folder(save(tmp_path, *ids))) == [[30, -1], [400, 30]]
    assert first_x(read_openpose_folder(save(tmp_path / "some", *frames))) == [[30, 30], [400, -1]]


def test_any_number_of_people_is_read(tmp_path: Path) -> None:
    crowd = [person(1000 * number + 1) for number in range(20)]
    clip = read_openpose_folder(save(tmp_path, frame(*crowd), frame(*crowd[::-1])))
    assert clip.keypoints.shape[0] == 20
    np.testing.assert_array_equal(clip.keypoints[:, 0], clip.keypoints[:, 1])


def test_a_folder_without_frames_is_refused(tmp_path: Path) -> None:
    assert "expected a folder with files *.json, found none" in refusal(tmp_path)
    assert "found none" in refusal(tmp_path / "absent")


def test_names_without_number_or_with_that_of_another_are_refused(tmp_path: Path) -> None:
    (tmp_path / "frame.json").write_bytes(frame(person(30)))
    assert "frame.json: expected the number of a frame in the name" in refusal(tmp_path)
    (tmp_path / "frame.json").unlink()
    for name in ("a_7.json", "b_007.json"):
        (tmp_path / name).write_bytes(frame(person(30)))
    assert "b_007.json: expected frame 7 in one file, found it in a_7.json" in refusal(tmp_path)
    assert read_openpose_folder(tmp_path, pattern="a_*.json").keypoints.shape[1] == 1


def test_frame_numbers_far_apart_take_no_memory(tmp_path: Path) -> None:
    for number in (0, 10**15):
        (tmp_path / f"{number}.json").write_bytes(frame(person(30)))
    assert f"frames 0 to {10**15}" in refusal(tmp_path)


def test_more_tracks_than_memory_allows_are_refused_with_a_way_out(tmp_path: Path) -> None:
    """Somebody else in each of 1,000 frames: 1,000 rows."""
    folder = save(tmp_path, *[frame(person(5000 * number + 1)) for number in range(1000)])
    assert "or read it with track=False" in refusal(folder)
    assert read_openpose_folder(folder, track=False).keypoints.shape[:2] == (1, 1000)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "video_000000000001_keypoints.json, line 1, column 1: expected JSON"),
        (b"[]", "keypoints.json: expected an object"),
        (b'{"people": 3}', "people: expected a list, found 3"),
        (frame({}), "people[0]: expected the key 'pose_keypoints_2d'"),
        (frame({"pose_keypoints_2d": [1] * 51}), "people[0]: expected 54 numbers"),
        (frame({"pose_keypoints_2d": [None] * 75}), "pose_keypoints_2d: expected numbers"),
        (frame({**person(1), "person_id": -1}), "person_id: expected a list"),
        (frame({**person(1), "person_id": ["a"]}), "person_id: expected numbers"),
        (frame(person(1, joints=18)), "people[0]: expected 25 joints as in"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, data: bytes, complaint: str) -> None:
    assert complaint in refusal(save(tmp_path, frame(person(30)), data))


def test_nobody_at_all_is_refused(tmp_path: Path) -> None:
    assert "nobody in 2 frames" in refusal(save(tmp_path, frame(), frame()))


def test_an_id_twice_in_a_frame_is_refused(tmp_path: Path) -> None:
    folder = save(tmp_path, frame(person(30, person_id=1), person(40, person_id=1)))
    assert "expected a person_id of its own, found 1 twice" in refusal(folder)
    assert read_openpose_folder(folder, track=False).keypoints.shape[0] == 2


# Real recordings

FRAMES = "*cam*.json"  # two folders hold two more files, del_*.json, without people


def streams(shared: Path) -> list[Path]:
    return sorted((shared / "data/openpose_body25").rglob("*_json"))


def poses_of(keypoints: Array) -> Counter[bytes]:
    present = ~np.isnan(keypoints).all(axis=(1, 2))
    return Counter(pose.tobytes() for pose in keypoints[present])


def median_move(keypoints: Array) -> float:
    """Of a person's joints from frame to frame, in pixels."""
    step = np.linalg.norm(np.diff(keypoints[..., :2], axis=1), axis=-1)
    return float(np.nanmedian(step))


@pytest.mark.real
def test_1348_real_files_are_24_streams_of_up_to_four_people(shared: Path) -> None:
    folders = streams(shared)
    assert len(folders) == 24
    assert sum(len(list(folder.glob("*.json"))) for folder in folders) == 1348
    clips = [read_openpose_folder(folder, pattern=FRAMES) for folder in folders]
    assert Counter(clip.keypoints.shape[1] for clip in clips) == {12: 12, 100: 12}
    assert all(clip.layout == BODY25 for clip in clips)
    at_once = Counter(
        int(count)
        for clip in clips
        for count in (~np.isnan(clip.keypoints).all(axis=(2, 3))).sum(axis=0)
    )
    assert at_once == {1: 544, 2: 600, 3: 199, 4: 1}


@pytest.mark.real
def test_the_one_empty_pose_is_skipped(shared: Path) -> None:
    everybody = [
        person["pose_keypoints_2d"]
        for folder in streams(shared)
        for path in folder.glob("*.json")
        for person in json.loads(path.read_bytes())["people"]
    ]
    assert [bool(pose) for pose in everybody].count(False) == 1
    clips = [read_openpose_folder(folder, pattern=FRAMES) for folder in streams(shared)]
    people = sum(int((~np.isnan(c.keypoints).all(axis=(2, 3))).sum()) for c in clips)
    assert people == len(everybody) - 1


@pytest.mark.real
def test_foreign_files_among_the_frames_are_refused_by_name(shared: Path) -> None:
    refused = 0
    for folder in streams(shared):
        if list(folder.glob("del_*.json")):
            message = refusal(folder)
            assert "del_000000_0.json: expected frame 0 in one file" in message
            assert "'pattern'" in message
            refused += 1
        else:
            read_openpose_folder(folder)
    assert refused == 2


@pytest.mark.real
def test_tracking_loses_nobody_and_moves_smoothly(shared: Path) -> None:
    smoother = 0
    for folder in streams(shared):
        tracked = read_openpose_folder(folder, pattern=FRAMES).keypoints
        placed = read_openpose_folder(folder, pattern=FRAMES, track=False).keypoints
        for frame_number in range(tracked.shape[1]):
            assert poses_of(tracked[:, frame_number]) == poses_of(placed[:, frame_number])
        assert median_move(tracked) <= median_move(placed)
        smoother += median_move(tracked) < median_move(placed) / 9
    assert smoother == 4, "where the order of the people changes all the time"


@pytest.mark.real
def test_the_people_of_a_real_stream_are_followed_to_its_end(shared: Path) -> None:
    largest = []
    for folder in streams(shared):
        points = read_openpose_folder(folder, pattern=FRAMES).keypoints
        seen = (~np.isnan(points).all(axis=(2, 3))).sum(axis=1)
        assert set(seen.tolist()) <= {points.shape[1], 98, 1}
        step = np.linalg.norm(np.diff(points[..., :2], axis=1), axis=-1)
        both = ~np.isnan(step)
        mean = np.where(both, step, 0).sum(axis=-1) / np.maximum(both.sum(axis=-1), 1)
        largest.append(float(mean.max()))
    assert 30 < max(largest) < 40, "pixels; it is 683 by place"
