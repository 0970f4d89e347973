"""The text format of NTU RGB+D ``.skeleton`` files: a strict reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

JOINTS = 25
BODY_FIELDS = 10
JOINT_FIELDS = 12
BODY_LINES = 2 + JOINTS
MAX_POSES = 1_000_000  # ids x frames; a recording of ten hours with one body
MAX_BODIES = 127  # in one frame; a Kinect v2 follows six

_CUT = "The file is cut short or damaged: fetch it again or leave it out."
_FOREIGN = "This is no NTU RGB+D .skeleton file, or a damaged one: fetch it again or leave it out."


@dataclass(frozen=True, eq=False)
class Recording:
    """What one ``.skeleton`` file holds: bodies by identity, all frames kept.

    Attributes:
        keypoints: ``[M, T, 25, 3]`` float32, metres in Kinect v2 camera space: x to the right of a
            person who faces the camera, y up, z away from the camera. NaN where a body is absent
            from a frame and where a joint was lost (exactly 0 0 0 with tracking state 0).
        body_ids: One integer per row of ``keypoints``, in order of first appearance.
        tracking_state: ``[M, T, 25]`` int8: 0 not tracked or absent, 1 inferred, 2 tracked.
        place: ``[M, T]`` int8: where a body stands among those of its frame, from 0; -1 if absent.
    """

    keypoints: NDArray[np.float32]
    body_ids: tuple[int, ...]
    tracking_state: NDArray[np.int8]
    place: NDArray[np.int8]

    def by_position(self) -> NDArray[np.float32]:
        """Bodies by their place in the frame, ``[most bodies in a frame, T, 25, 3]``.

        Row m holds the m-th body of each frame, whoever that is, and NaN where a frame has fewer.
        Place is not identity: people change rows. st-gcn, 2s-AGCN and mmaction2 read the files so.
        """
        row, frame = np.nonzero(self.place >= 0)
        place = self.place[row, frame]
        most = int(place.max(initial=-1)) + 1
        bodies = np.full((most, *self.keypoints.shape[1:]), np.nan, dtype=np.float32)
        bodies[place, frame] = self.keypoints[row, frame]
        return bodies


def read_skeleton_file(path: str | Path) -> Recording:
    """The recording in one NTU RGB+D ``.skeleton`` file.

    A body is the same body wherever its ``bodyID`` appears, whatever its place in the frame.
    Frames without bodies stay, all NaN; a file without any body gives ``[0, T, 25, 3]``.
    Depth, colour and orientation columns are not looked at (real files say ``NaN`` there).

    Raises:
        ValueError: If the file is empty, cut short, filled with NUL bytes or not of this format;
            if a number is wrong, a body appears twice in a frame, a frame has more than 127
            bodies, or more than a million poses (ids x frames) would be needed. The message names
            the file and the line.

    Source: shahroudy/NTURGB-D, Matlab/read_skeleton_file.m.
    """
    lines = _Lines(Path(path))
    frames = lines.count("the number of frames", 1, _FOREIGN)
    rows: dict[int, int] = {}
    poses: list[tuple[int, int, int, int]] = []  # row, frame, place, first joint line
    for frame in range(frames):
        present: set[int] = set()
        for place in range(lines.bodies(frame)):
            row = rows.setdefault(lines.body_id(), len(rows))
            if row in present:
                lines.refuse("a bodyID once per frame", "it a second time", _FOREIGN, back=1)
            present.add(row)
            lines.expect_joint_count()
            poses.append((row, frame, place, lines.skip(JOINTS)))
    lines.expect_end(frames)
    return _recording(lines, poses, tuple(rows), frames)


def _recording(
    lines: _Lines, poses: list[tuple[int, int, int, int]], body_ids: tuple[int, ...], frames: int
) -> Recording:
    if len(body_ids) * frames > MAX_POSES:
        found = f"{len(body_ids)} ids in {frames} frames"
        lines.refuse(f"at most {MAX_POSES} poses", found, "Cut the recording into clips.")
    keypoints = np.full((len(body_ids), frames, JOINTS, 3), np.nan, dtype=np.float32)
    state = np.zeros((len(body_ids), frames, JOINTS), dtype=np.int8)
    place = np.full((len(body_ids), frames), -1, dtype=np.int8)
    if poses:
        row, frame, places, starts = np.array(poses).T
        table = _joint_table(lines, starts.tolist())
        lost = (table == 0).all(axis=-1)
        keypoints[row, frame] = np.where(lost[..., None], np.nan, table[..., :3])
        state[row, frame] = table[..., 3]
        place[row, frame] = places
    return Recording(keypoints, body_ids, state, place)


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

    def bodies(self, frame: int) -> int:
        expected = f"the number of bodies in frame {frame + 1}"
        bodies = self.count(expected, BODY_LINES, _CUT)
        if bodies > MAX_BODIES:
            remedy = "Leave out who does not belong to the action."
            self.refuse(f"{expected}, at most {MAX_BODIES}", f"{bodies}", remedy, back=1)
        return bodies

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
