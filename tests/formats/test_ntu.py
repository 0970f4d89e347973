"""The NTU RGB+D text format: its rules are kept, and what is broken is refused."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stgraph import layouts
from stgraph.formats import Clip
from stgraph.formats.ntu import read_skeleton_file
from stgraph.formats.ntu_lines import MAX_BODIES
from stgraph.formats.ntu_writer import write_skeleton_file

from .fuzzing import Case, check, fuzz
from .recordings import LONG_IDS, body_lines, edited, everything, joint_line, one_body, save

Array = NDArray[Any]
TWINS = LONG_IDS[:2]


def clip(persons: int = 1, frames: int = 5, seed: int = 0) -> Array:
    points = np.random.default_rng(seed).normal(0, 0.5, (persons, frames, 25, 3))
    return (points + np.array([0, 0, 3])).astype(np.float32)


def seeds() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        files = []
        for frames in (slice(0, 2), slice(1, 4), slice(3, 4)):
            recording = everything(np.random.default_rng(0))
            for axis in ("keypoints", "tracking_state", "unmapped"):
                recording[axis] = recording[axis][:, frames]
            write_skeleton_file(path, **recording, final_newline=frames.stop < 4)
            files.append(path.read_bytes())
    return [*files, files[0].replace(b"\r\n", b" \n")]


def read(path: Path) -> list[Clip]:
    keypoints = read_skeleton_file(path).keypoints
    return [Clip(path.stem, keypoints, layout=layouts.NTU25, source=str(path))]


CASE = Case("NTU", seeds, read, ".skeleton")


# The seven rules of the format


def test_ids_that_are_equal_as_floats_stay_two_persons(tmp_path: Path) -> None:
    assert float(TWINS[0]) == float(TWINS[1])
    points = clip(2)
    write_skeleton_file(tmp_path / "a", points, body_ids=TWINS)
    recording = read_skeleton_file(tmp_path / "a")
    assert recording.body_ids == TWINS
    np.testing.assert_array_equal(recording.keypoints, points)


def test_a_body_keeps_its_row_when_the_order_in_the_frame_swaps(tmp_path: Path) -> None:
    near = body_lines(TWINS[0], joint_line(0.1))
    far = body_lines(TWINS[1], joint_line(0.9))
    path = save(tmp_path, ["3", "2", *near, *far, "2", *far, *near, "1", *far])
    recording = read_skeleton_file(path)
    expected = np.array([[0.1, 0.1, np.nan], [0.9, 0.9, 0.9]], dtype=np.float32)
    np.testing.assert_array_equal(recording.keypoints[:, :, 0, 0], expected)
    assert recording.body_ids == TWINS


@pytest.mark.parametrize("final_newline", [True, False])
def test_a_recording_with_all_quirks_is_read_back(tmp_path: Path, final_newline: bool) -> None:
    quirks = everything(np.random.default_rng(0))
    write_skeleton_file(tmp_path / "a", **quirks, final_newline=final_newline)
    assert (tmp_path / "a").read_bytes().endswith(b"\r\n") == final_newline
    recording = read_skeleton_file(tmp_path / "a")
    np.testing.assert_array_equal(recording.keypoints, quirks["keypoints"])
    np.testing.assert_array_equal(recording.tracking_state, quirks["tracking_state"])
    assert recording.body_ids == quirks["body_ids"]
    assert (recording.place >= 0).sum(axis=0).tolist() == [2, 3, 0, 2, 2, 1]


def test_frames_without_bodies_stay(tmp_path: Path) -> None:
    recording = read_skeleton_file(save(tmp_path, ["3", "0", "1", *body_lines(5), "0"]))
    seen = ~np.isnan(recording.keypoints).all(axis=(2, 3))
    assert seen.tolist() == [[False, True, False]]


def test_a_file_without_any_body_has_no_persons_but_all_frames(tmp_path: Path) -> None:
    recording = read_skeleton_file(save(tmp_path, ["4", "0", "0", "0", "0"]))
    assert recording.keypoints.shape == (0, 4, 25, 3)
    assert recording.tracking_state.shape == (0, 4, 25)
    assert recording.body_ids == ()


def test_nan_in_depth_and_colour_columns_is_no_fault(tmp_path: Path) -> None:
    recording = read_skeleton_file(one_body(tmp_path, joint_line(pixels="NaN NaN NaN NaN")))
    assert np.isfinite(recording.keypoints).all()


def test_a_joint_at_zero_is_lost_only_when_it_was_not_tracked(tmp_path: Path) -> None:
    for state, lost in (("0", True), ("1", False), ("2", False)):
        path = one_body(tmp_path, f"0 0 0 1 2 3 4 1 0 0 0 {state}")
        assert np.isnan(read_skeleton_file(path).keypoints).all() == lost
    inferred = read_skeleton_file(one_body(tmp_path, joint_line(state="0")))
    assert np.isfinite(inferred.keypoints).all()


@pytest.mark.parametrize("end", ["\n", "\r\n", "  \r\n", "\t\n"])
def test_line_ends_and_trailing_blanks_do_not_matter(tmp_path: Path, end: str) -> None:
    lines = ["1", "1", *body_lines(5), "", " "]
    assert read_skeleton_file(save(tmp_path, lines, end)).keypoints.shape == (1, 1, 25, 3)


def test_a_usual_clip_is_read_in_less_than_8_milliseconds(tmp_path: Path) -> None:
    write_skeleton_file(tmp_path / "a", clip(1, 75))
    times = []
    for _ in range(10):
        start = time.perf_counter()
        read_skeleton_file(tmp_path / "a")
        times.append(time.perf_counter() - start)
    assert min(times) < 0.008


# Places in the frame


def test_the_place_of_a_body_in_its_frame_is_kept_beside_its_identity(tmp_path: Path) -> None:
    near, far = body_lines(TWINS[0], joint_line(0.1)), body_lines(TWINS[1], joint_line(0.9))
    path = save(tmp_path, ["4", "2", *near, *far, "2", *far, *near, "1", *far, "0"])
    recording = read_skeleton_file(path)
    assert recording.place.dtype == np.int8
    assert recording.place.tolist() == [[0, 1, -1, -1], [1, 0, 0, -1]]


def test_by_position_row_m_is_the_m_th_body_of_each_frame(tmp_path: Path) -> None:
    near, far = body_lines(TWINS[0], joint_line(0.1)), body_lines(TWINS[1], joint_line(0.9))
    path = save(tmp_path, ["4", "2", *near, *far, "2", *far, *near, "1", *far, "0"])
    bodies = read_skeleton_file(path).by_position()
    expected = [[0.1, 0.9, 0.9, np.nan], [0.9, 0.1, np.nan, np.nan]]
    assert bodies.dtype == np.float32 and bodies.shape == (2, 4, 25, 3)
    np.testing.assert_array_equal(bodies[:, :, 7, 0], np.array(expected, dtype=np.float32))


def test_by_position_there_are_as_many_rows_as_bodies_in_the_fullest_frame(tmp_path: Path) -> None:
    ids = [body_lines(number) for number in range(5)]
    frames = ["1", *ids[0], "1", *ids[1], "2", *ids[2], *ids[3], "1", *ids[4]]
    recording = read_skeleton_file(save(tmp_path, ["4", *frames]))
    assert recording.keypoints.shape[0] == 5 and recording.by_position().shape[0] == 2
    nobody = read_skeleton_file(save(tmp_path, ["3", "0", "0", "0"]))
    assert nobody.place.shape == (0, 3) and nobody.by_position().shape == (0, 3, 25, 3)


def test_a_body_whose_joints_were_all_lost_keeps_its_place(tmp_path: Path) -> None:
    lost, seen = body_lines(1, "0 0 0 1 2 3 4 1 0 0 0 0"), body_lines(2)
    recording = read_skeleton_file(save(tmp_path, ["1", "2", *lost, *seen]))
    assert recording.place.tolist() == [[0], [1]]
    bodies = recording.by_position()
    assert np.isnan(bodies[0]).all() and np.isfinite(bodies[1]).all()


def test_both_readings_hold_the_same_bodies(tmp_path: Path) -> None:
    points = clip(4, 30)
    points[np.random.default_rng(1).random((4, 30)) < 0.5] = np.nan
    write_skeleton_file(tmp_path / "a", points)
    recording = read_skeleton_file(tmp_path / "a")
    by_id, by_place = recording.keypoints, recording.by_position()
    assert (np.isfinite(by_id).sum(axis=0) == np.isfinite(by_place).sum(axis=0)).all()
    np.testing.assert_allclose(np.nansum(by_id, axis=0), np.nansum(by_place, axis=0), rtol=1e-5)
    present = np.isfinite(by_place[..., 0, 0])
    assert (present[:-1] >= present[1:]).all(), "the first rows are filled first"


def test_a_frame_of_more_bodies_than_can_be_counted_is_refused(tmp_path: Path) -> None:
    bodies = [line for number in range(MAX_BODIES + 1) for line in body_lines(number)]
    path = save(tmp_path, ["1", str(MAX_BODIES), *bodies[: 27 * MAX_BODIES]])
    assert read_skeleton_file(path).place[:, 0].tolist() == list(range(MAX_BODIES))
    message = refusal(save(tmp_path, ["1", str(MAX_BODIES + 1), *bodies]))
    assert message.startswith(
        "line 2: expected the number of bodies in frame 1, at most 127, found"
    )


# Bad input: every complaint names the file and the line


def refusal(path: Path) -> str:
    with pytest.raises(ValueError) as caught:
        read_skeleton_file(path)
    message = str(caught.value)
    assert message.startswith(f"{path}, line ")
    assert "expected" in message and "found" in message
    return message.removeprefix(f"{path}, ")


@pytest.mark.parametrize("data", [b"", b"\r\n", b"  \n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.skeleton"
    path.write_bytes(data)
    assert refusal(path).startswith("line 1: expected the number of frames, found an empty file")


def test_a_file_filled_with_nul_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.skeleton"
    path.write_bytes(b"\0" * 1000)
    assert "line 1: expected text, found NUL bytes" in refusal(path)
    path = one_body(tmp_path)
    path.write_bytes(path.read_bytes()[:-1000] + b"\0" * 1000)
    assert "NUL bytes" in refusal(path)


def test_a_file_cut_after_any_line_is_refused(tmp_path: Path) -> None:
    lines = one_body(tmp_path).read_text().splitlines()
    assert len(lines) == 57
    for kept in range(1, len(lines)):
        message = refusal(save(tmp_path, lines[:kept]))
        assert "cut short" in message


def test_a_file_cut_inside_a_line_is_refused(tmp_path: Path) -> None:
    path = one_body(tmp_path)
    path.write_bytes(path.read_bytes()[:-7])
    assert "line 57: expected a joint of 12 fields, found 9 fields" in refusal(path)


@pytest.mark.parametrize("first", ["hello", "-3", "2.0", "1 2", "<html>", "{}", "\N{SNOWMAN}"])
def test_a_file_whose_first_line_is_no_count_is_refused(tmp_path: Path, first: str) -> None:
    assert "line 1: expected the number of frames" in refusal(edited(tmp_path, 1, first))


@pytest.mark.parametrize(("line", "what"), [(1, "frames"), (2, "bodies")])
@pytest.mark.parametrize("count", ["1000000000", "9" * 5000])
def test_a_promise_that_the_file_cannot_keep_takes_no_memory(
    tmp_path: Path, line: int, what: str, count: str
) -> None:
    message = refusal(edited(tmp_path, line, count))
    assert f"line {line}: expected the number of {what}" in message
    assert "too few" in message and len(message) < 400


def test_ids_that_change_too_often_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    bodies = [line for number in range(12) for line in body_lines(number)]
    path = save(tmp_path, ["100001", "12", *bodies, *["0"] * 100_000])
    assert "found 12 ids in 100001 frames" in refusal(path)


@pytest.mark.parametrize(
    ("bodies", "joint"),
    [(0, ""), (1, "0 0 1 0 0 0 0 0 0 0 0 2"), (3, joint_line()), (3, joint_line() + " ")],
)
def test_a_long_recording_takes_memory_in_proportion(
    tmp_path: Path, bodies: int, joint: str
) -> None:
    frame = [f"{bodies}", *[line for number in range(bodies) for line in body_lines(number, joint)]]
    frames = 800_000 // sum(len(line) + 1 for line in frame)
    data = "\n".join([f"{frames}", *frame * frames]).encode()
    assert check(CASE, data, tmp_path, memory=True) == (bodies > 0)


@pytest.mark.parametrize("count", ["24", "20", "x", "25 25"])
def test_another_number_of_joints_is_refused(tmp_path: Path, count: str) -> None:
    message = refusal(edited(tmp_path, 4, count))
    assert message.startswith(f"line 4: expected 25 as the number of joints, found '{count}'")


def test_a_body_line_of_other_length_is_refused(tmp_path: Path) -> None:
    assert "line 3: expected a body of 10 fields, found 3" in refusal(edited(tmp_path, 3, "1 2 3"))


@pytest.mark.parametrize("body_id", ["7.2057594037937513e16", "x", "-4"])
def test_a_body_id_that_is_no_whole_number_is_refused(tmp_path: Path, body_id: str) -> None:
    message = refusal(edited(tmp_path, 3, body_lines(body_id)[0]))
    assert "line 3: expected a whole number as bodyID" in message


def test_the_same_body_twice_in_a_frame_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, ["1", "2", *body_lines(5), *body_lines(5)])
    assert refusal(path).startswith("line 30: expected a bodyID once per frame")


@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize("text", ["NaN", "inf", "-Infinity", "1e300", "zero", "1,5"])
def test_a_coordinate_that_is_no_finite_number_is_refused(
    tmp_path: Path, column: int, text: str
) -> None:
    fields = joint_line().split()
    fields[column] = text
    message = refusal(edited(tmp_path, 41, " ".join(fields)))
    assert message.startswith("line 41: expected finite numbers x y z") and text in message


@pytest.mark.parametrize("state", ["3", "-1", "0.5", "NaN", "tracked"])
def test_an_unknown_tracking_state_is_refused(tmp_path: Path, state: str) -> None:
    assert "line 10: expected finite" in refusal(edited(tmp_path, 10, joint_line(state=state)))


def test_lines_after_the_last_frame_are_refused(tmp_path: Path) -> None:
    lines = one_body(tmp_path).read_text().splitlines()
    message = refusal(save(tmp_path, [*lines, "1"]))
    assert message.startswith("line 58: expected the end of the file after 2 frames, found '1'")


def test_damaged_files_are_read_or_refused_with_their_name(tmp_path: Path) -> None:
    assert 20 < fuzz(CASE, 400, tmp_path) < 350
