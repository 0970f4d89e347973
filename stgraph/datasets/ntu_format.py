"""The text format of NTU RGB+D ``.skeleton`` files: a strict reader and a writer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

JOINTS = 25
BODY_FIELDS = 10
JOINT_FIELDS = 12
BODY_LINES = 2 + JOINTS
MAX_POSES = 1_000_000  # ids x frames; a recording of ten hours with one body

_CUT = "The file is cut short or damaged: fetch it again or leave it out."
_FOREIGN = "This is no NTU RGB+D .skeleton file, or a damaged one: fetch it again or leave it out."

# Kinect v2: focal length, principal point (x, y) and place of the camera along x, in pixels and
# metres, as libfreenect2 and its users quote them.
_DEPTH_CAMERA = (365.456, (254.878, 205.395), 0.0)
_COLOUR_CAMERA = (1081.37, (959.5, 539.5), 0.052)

_BODY_LINE = "%d 0 1 1 1 1 0 0 0 2\r\n25\r\n"
_JOINT_LINES = ("%.9g %.9g %.9g " + "%.7g " * 8 + "%d\r\n") * JOINTS


@dataclass(frozen=True, eq=False)
class Recording:
    """What one ``.skeleton`` file holds: bodies by identity, all frames kept.

    Attributes:
        keypoints: ``[M, T, 25, 3]`` float32, metres in Kinect v2 camera space: x to the right of a
            person who faces the camera, y up, z away from the camera. NaN where a body is absent
            from a frame and where a joint was lost (exactly 0 0 0 with tracking state 0).
        body_ids: One integer per row of ``keypoints``, in order of first appearance.
        tracking_state: ``[M, T, 25]`` int8: 0 not tracked or absent, 1 inferred, 2 tracked.
    """

    keypoints: NDArray[np.float32]
    body_ids: tuple[int, ...]
    tracking_state: NDArray[np.int8]


def read_skeleton_file(path: str | Path) -> Recording:
    """The recording in one NTU RGB+D ``.skeleton`` file.

    A body is the same body wherever its ``bodyID`` appears, whatever its place in the frame.
    Frames without bodies stay, all NaN; a file without any body gives ``[0, T, 25, 3]``.
    Depth, colour and orientation columns are not looked at (real files say ``NaN`` there).

    Raises:
        ValueError: If the file is empty, cut short, filled with NUL bytes or not of this format;
            if a number is wrong, a body appears twice in a frame, or more than a million
            poses (ids x frames) would be needed. The message names the file and the line.

    Source: shahroudy/NTURGB-D, Matlab/read_skeleton_file.m.
    """
    lines = _Lines(Path(path))
    frames = lines.count("the number of frames", 1, _FOREIGN)
    rows: dict[int, int] = {}
    places: list[tuple[int, int, int]] = []  # row, frame, first joint line
    for frame in range(frames):
        present: set[int] = set()
        for _ in range(lines.count(f"the number of bodies in frame {frame + 1}", BODY_LINES, _CUT)):
            row = rows.setdefault(lines.body_id(), len(rows))
            if row in present:
                lines.refuse("a bodyID once per frame", "it a second time", _FOREIGN, back=1)
            present.add(row)
            lines.expect_joint_count()
            places.append((row, frame, lines.skip(JOINTS)))
    lines.expect_end(frames)
    return _recording(lines, places, tuple(rows), frames)


def _recording(
    lines: _Lines, places: list[tuple[int, int, int]], body_ids: tuple[int, ...], frames: int
) -> Recording:
    if len(body_ids) * frames > MAX_POSES:
        found = f"{len(body_ids)} ids in {frames} frames"
        lines.refuse(f"at most {MAX_POSES} poses", found, "Cut the recording into clips.")
    keypoints = np.full((len(body_ids), frames, JOINTS, 3), np.nan, dtype=np.float32)
    state = np.zeros((len(body_ids), frames, JOINTS), dtype=np.int8)
    if places:
        row, frame, starts = np.array(places).T
        table = _joint_table(lines, starts.tolist())
        lost = (table == 0).all(axis=-1)
        keypoints[row, frame] = np.where(lost[..., None], np.nan, table[..., :3])
        state[row, frame] = table[..., 3]
    return Recording(keypoints, body_ids, state)


def _joint_table(lines: _Lines, starts: list[int]) -> NDArray[np.float64]:
    """``x y z trackingState`` of every body met, ``[bodies, 25, 4]``."""
    numbers = [start + joint for start in starts for joint in range(JOINTS)]
    fields = [lines.text[number].split() for number in numbers]
    for number, row in zip(numbers, fields, strict=True):
        if len(row) != JOINT_FIELDS:
            found = f"{len(row)} fields"
            lines.refuse(f"a joint of {JOINT_FIELDS} fields", found, _FOREIGN, at=number)
    texts = [(row[0], row[1], row[2], row[11]) for row in fields]
    try:
        table = np.array(texts, dtype=np.float64).reshape(len(starts), JOINTS, 4)
    except ValueError:
        _refuse_first([_is_joint(text) for text in texts], numbers, lines)
    good = (np.abs(table) <= np.finfo(np.float32).max).all(-1) & np.isin(table[..., 3], (0, 1, 2))
    if not good.all():
        _refuse_first(good.ravel().tolist(), numbers, lines)
    return table


def _is_joint(texts: Sequence[bytes]) -> bool:
    try:
        return bool(np.isfinite(np.array(texts, dtype=np.float64)).all())
    except ValueError:
        return False


def _refuse_first(good: Sequence[bool], numbers: Sequence[int], lines: _Lines) -> NoReturn:
    number = numbers[list(good).index(False)]
    lines.refuse(
        "finite numbers x y z first and a tracking state of 0, 1 or 2 last",
        lines.shown(number),
        "Correct the line, or leave the file out.",
        at=number,
    )


class _Lines:
    """The lines of one file and the place of the next one; complaints name both."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        self.path, self.at, self.text = path, 0, data.rstrip().splitlines()
        if b"\0" in data:
            at = data[: data.index(b"\0")].count(b"\n")
            self.refuse("text", "NUL bytes", _CUT, at=at)
        if not self.text:
            self.refuse("the number of frames", "an empty file", _CUT)

    def refuse(
        self, expected: str, found: str, remedy: str, *, at: int | None = None, back: int = 0
    ) -> NoReturn:
        line = (self.at if at is None else at) + 1 - back
        raise ValueError(f"{self.path}, line {line}: expected {expected}, found {found}. {remedy}")

    def shown(self, number: int) -> str:
        text = self.text[number].decode("ascii", "backslashreplace")
        return f"'{text[:60]}...'" if len(text) > 60 else f"'{text}'"

    def fields(self, expected: str) -> list[bytes]:
        if self.at >= len(self.text):
            self.refuse(expected, "the end of the file", _CUT)
        return self.text[self.at].split()

    def count(self, expected: str, lines_each: int, remedy: str) -> int:
        """The line's one number, if so many things of ``lines_each`` lines can still follow."""
        fields = self.fields(expected)
        if len(fields) != 1 or not fields[0].isdigit():
            self.refuse(f"{expected}, a whole number", self.shown(self.at), remedy)
        self.at += 1
        left = len(self.text) - self.at
        if len(fields[0]) > 9 or int(fields[0]) * lines_each > left:
            found = f"{self.shown(self.at - 1)} with {left} lines after it, too few"
            self.refuse(expected, found, _CUT, back=1)
        return int(fields[0])

    def body_id(self) -> int:
        fields = self.fields("a body")
        if len(fields) != BODY_FIELDS:
            found = f"{len(fields)} fields"
            self.refuse(f"a body of {BODY_FIELDS} fields", found, _FOREIGN)
        if not fields[0].isdigit() or len(fields[0]) > 20:
            remedy = "Ids written as floats cannot be told apart: use the original file."
            self.refuse("a whole number as bodyID", self.shown(self.at), remedy)
        self.at += 1
        return int(fields[0])

    def expect_joint_count(self) -> None:
        expected = f"{JOINTS} as the number of joints"
        if self.fields(expected) != [b"%d" % JOINTS]:
            self.refuse(expected, self.shown(self.at), _FOREIGN)
        self.at += 1

    def skip(self, lines: int) -> int:
        """Step over some lines and say where they start."""
        start, self.at = self.at, self.at + lines
        if self.at > len(self.text):
            self.refuse(f"{lines} joints", "the end of the file", _CUT, at=len(self.text))
        return start

    def expect_end(self, frames: int) -> None:
        if self.at < len(self.text):
            expected = f"the end of the file after {frames} frames"
            self.refuse(expected, self.shown(self.at), _FOREIGN)


def write_skeleton_file(
    path: str | Path,
    keypoints: ArrayLike,
    *,
    body_ids: Sequence[int] | None = None,
    tracking_state: ArrayLike | None = None,
) -> None:
    """Write keypoints ``[M, T, 25, 3]`` in metres as one genuine NTU ``.skeleton`` file.

    Float32 coordinates are read back bit by bit (nine digits are written). A body whose joints are
    all NaN in a frame is left out of the frame, so a row that is NaN throughout is not read back;
    rows are read back in order of first appearance. Other NaN joints become 0 0 0 with tracking
    state 0. Pixels follow from a Kinect v2 without distortion, orientations are all 1 0 0 0.
    The file appears when it is complete, or not at all.

    Args:
        path: Where to write; the name should follow :func:`~stgraph.datasets.ntu_names.parse_name`.
        keypoints: Coordinates; a joint is finite or NaN in all three.
        body_ids: One whole number per row, by default 2^56 + 1, 2^56 + 2, ...
        tracking_state: ``[M, T, 25]`` of 0, 1, 2; by default 2. Lost joints are always 0, and a
            joint at exactly 0 0 0 that is given 0 is read back as lost.

    Raises:
        ValueError: If shapes, numbers or ids do not fit.
    """
    points = _checked_keypoints(keypoints)
    ids = _checked_ids(body_ids, len(points))
    table = _file_columns(points, _checked_state(tracking_state, points))
    present: NDArray[np.bool_] = np.any(np.isfinite(points), axis=(2, 3))
    parts = [f"{points.shape[1]}\r\n"]
    for frame in range(points.shape[1]):
        rows = np.flatnonzero(present[:, frame])
        parts.append(f"{len(rows)}\r\n")
        for row in rows:
            parts.append(_BODY_LINE % ids[row])
            parts.append(_JOINT_LINES % tuple(table[row, frame].ravel().tolist()))
    partial = Path(path).with_name(Path(path).name + ".part")
    try:
        partial.write_bytes("".join(parts).replace("nan", "NaN").encode("ascii"))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _file_columns(points: NDArray[np.float64], state: NDArray[np.int8]) -> NDArray[np.float64]:
    """The twelve numbers of every joint, ``[M, T, 25, 12]``."""
    pixels = [_project(points, *camera) for camera in (_DEPTH_CAMERA, _COLOUR_CAMERA)]
    orientation = np.broadcast_to((1.0, 0.0, 0.0, 0.0), (*points.shape[:3], 4))
    columns = [np.nan_to_num(points), *pixels, orientation, state[..., None]]
    return np.concatenate(columns, axis=-1)


def _project(
    points: NDArray[np.float64], focal: float, centre: tuple[float, float], offset: float
) -> NDArray[np.float64]:
    """Pixels of a pinhole camera, NaN for points that are not in front of it."""
    x, y, z = np.moveaxis(points, -1, 0)
    depth = np.where(z > 1e-3, z, np.nan)
    pixels = (centre[0] + focal * (x + offset) / depth, centre[1] - focal * y / depth)
    return np.stack(pixels, axis=-1)


def _checked_keypoints(keypoints: ArrayLike) -> NDArray[np.float64]:
    points: NDArray[np.float64] = np.asarray(keypoints, dtype=np.float64)
    if points.ndim != 4 or points.shape[2:] != (JOINTS, 3):
        raise ValueError(
            f"Keypoints of an NTU file are [M, T, 25, 3], these are {list(points.shape)}; "
            "add the missing axes or convert to the NTU-25 joints."
        )
    lost: NDArray[np.bool_] = np.isnan(points)
    partly = lost.any(axis=-1) != lost.all(axis=-1)
    if np.isinf(points).any() or np.any(partly):
        raise ValueError(
            "A joint is finite or NaN in x, y and z; some here are infinite or partly NaN. "
            "Set lost joints to NaN altogether."
        )
    return points


def _checked_ids(body_ids: Sequence[int] | None, persons: int) -> list[int]:
    default = range(2**56 + 1, 2**56 + 1 + persons)
    ids: list[object] = list(default if body_ids is None else body_ids)
    whole = [int(value) for value in ids if isinstance(value, int | np.integer) and value >= 0]
    if not len(ids) == len(whole) == len(set(whole)) == persons:
        raise ValueError(
            f"body_ids are {persons} different whole numbers, one per person, found {ids}; "
            "keep them as int, as floats neighbouring ids are equal."
        )
    return whole


def _checked_state(state: ArrayLike | None, points: NDArray[np.float64]) -> NDArray[np.int8]:
    given = np.full(points.shape[:3], 2) if state is None else np.asarray(state)
    if given.shape != points.shape[:3] or not np.isin(given, (0, 1, 2)).all():
        raise ValueError(
            f"tracking_state is {list(points.shape[:3])} of 0, 1 and 2, found "
            f"{list(given.shape)} of {np.unique(given)[:5].tolist()}."
        )
    return np.where(np.isnan(points[..., 0]), 0, given).astype(np.int8)
