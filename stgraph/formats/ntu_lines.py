"""NTU RGB+D ``.skeleton`` files line by line: tolerant of blanks, exact about what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from stgraph.formats.refusal import DAMAGED, refuse

JOINTS = 25
BODY_FIELDS = 10
JOINT_FIELDS = 12
BODY_LINES = 2 + JOINTS
MAX_BODIES = 127  # in one frame; a Kinect v2 follows six

_FOREIGN = "This is no NTU RGB+D .skeleton file, or a damaged one: fetch it again or leave it out."


class Bodies(NamedTuple):
    """All bodies in all frames of a file, in its order.

    Attributes:
        ids: The ``bodyID`` of each body.
        counts: ``[T]`` uint8: how many bodies each frame has.
        joints: ``[4, bodies, 25]`` float64: x, y, z and tracking state.
    """

    ids: list[int]
    counts: NDArray[np.uint8]
    joints: NDArray[np.float64]


def frames_of_bodies(counts: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The frame of each body, given how many each frame has."""
    busy = np.flatnonzero(counts)
    return np.repeat(busy, counts[busy])


def read_lines(path: Path, data: bytes) -> Bodies:
    """The bodies in the bytes of a file, whatever blanks stand between and after the fields.

    Raises:
        ValueError: As :func:`stgraph.formats.ntu.read_skeleton_file` says.
    """
    lines = _Lines(path, data)
    ids: list[int] = []
    counts = bytearray()
    joints: list[NDArray[np.float64]] = []
    for frame in range(lines.count("the number of frames", 1, _FOREIGN)):
        counts.append(lines.bodies(frame))
        present: set[int] = set()
        for _ in range(counts[-1]):
            ids.append(lines.body_id())
            if ids[-1] in present:
                lines.refuse("a bodyID once per frame", "it a second time", _FOREIGN)
            present.add(ids[-1])
            joints.append(lines.joints())
    lines.expect_end(len(counts))
    columns = np.stack(joints, axis=1) if joints else np.empty((4, 0, JOINTS))
    return Bodies(ids, np.frombuffer(counts, dtype=np.uint8), columns)


def usable(joints: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the joints ``[4, ...]`` have finite coordinates and a known tracking state."""
    state = joints[3]
    known: NDArray[np.bool_] = (state == 0) | (state == 1) | (state == 2)
    return known & (np.abs(joints) <= np.finfo(np.float32).max).all(axis=0)


def _numbers(joints: Sequence[Sequence[bytes]]) -> NDArray[np.float64]:
    """The texts as numbers, NaN for all of a joint if one of them is no number."""
    try:
        return np.array(joints, dtype=np.float64)
    except ValueError:
        if len(joints) == 1:
            return np.full((1, len(joints[0])), np.nan)
        return np.concatenate([_numbers([joint]) for joint in joints])


def _shown(line: bytes) -> str:
    text = line.decode("ascii", "backslashreplace")
    return f"'{text[:60]}...'" if len(text) > 60 else f"'{text}'"


class _Lines:
    """The lines of one file, taken one after another; complaints name file and line.

    Attributes:
        number: Of the line that was taken last, from 1.
        left: How many lines follow it.
    """

    def __init__(self, path: Path, data: bytes) -> None:
        self._path, self.number = path, 0
        if b"\0" in data:
            self.number = 1 + data[: data.index(b"\0")].count(b"\n")
            self.refuse("text", "NUL bytes", DAMAGED)
        self._text = data.rstrip().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if not self._text:
            self.refuse("the number of frames", "an empty file", DAMAGED, ahead=1)
        self._start, self.left = 0, 1 + self._text.count(b"\n")

    def refuse(self, expected: str, found: str, remedy: str, *, ahead: int = 0) -> NoReturn:
        """Complain about the line that was taken last, or one so many lines ahead of it."""
        refuse(f"{self._path}, line {self.number + ahead}", expected, found, remedy)

    def take(self, expected: str) -> bytes:
        if not self.left:
            self.refuse(expected, "the end of the file", DAMAGED, ahead=1)
        end = self._text.find(b"\n", self._start)
        line = self._text[self._start : end] if end >= 0 else self._text[self._start :]
        self._start, self.number, self.left = end + 1, self.number + 1, self.left - 1
        return line

    def count(self, expected: str, lines_each: int, remedy: str) -> int:
        """The line's one number, if so many things of ``lines_each`` lines can still follow."""
        line = self.take(expected)
        fields = line.split()
        if len(fields) != 1 or not fields[0].isdigit():
            self.refuse(f"{expected}, a whole number", _shown(line), remedy)
        if len(fields[0]) > 9 or int(fields[0]) * lines_each > self.left:
            found = f"{_shown(line)} with {self.left} lines after it, too few"
            self.refuse(expected, found, DAMAGED)
        return int(fields[0])

    def bodies(self, frame: int) -> int:
        expected = f"the number of bodies in frame {frame + 1}"
        bodies = self.count(expected, BODY_LINES, DAMAGED)
        if bodies > MAX_BODIES:
            remedy = "Leave out who does not belong to the action."
            self.refuse(f"{expected}, at most {MAX_BODIES}", f"{bodies}", remedy)
        return bodies

    def body_id(self) -> int:
        line = self.take("a body")
        fields = line.split()
        if len(fields) != BODY_FIELDS:
            self.refuse(f"a body of {BODY_FIELDS} fields", f"{len(fields)} fields", _FOREIGN)
        if not fields[0].isdigit() or len(fields[0]) > 20:
            remedy = "Ids written as floats cannot be told apart: use the original file."
            self.refuse("a whole number as bodyID", _shown(line), remedy)
        return int(fields[0])

    def joints(self) -> NDArray[np.float64]:
        """x, y, z and tracking state of one body, ``[4, 25]``."""
        expected = f"{JOINTS} as the number of joints"
        line = self.take(expected)
        if line.split() != [b"%d" % JOINTS]:
            self.refuse(expected, _shown(line), _FOREIGN)
        texts = [self._joint() for _ in range(JOINTS)]
        joints = _numbers([text[:4] for text in texts]).T
        good = usable(joints)
        if not good.all():
            first = int(np.argmin(good))
            self.refuse(
                "finite numbers x y z first and a tracking state of 0, 1 or 2 last",
                _shown(texts[first][4]),
                "Correct the line, or leave the file out.",
                ahead=first + 1 - JOINTS,
            )
        return joints

    def _joint(self) -> tuple[bytes, bytes, bytes, bytes, bytes]:
        """x, y, z and tracking state of the next joint, and its line."""
        line = self.take(f"{JOINTS} joints")
        fields = line.split()
        if len(fields) != JOINT_FIELDS:
            self.refuse(f"a joint of {JOINT_FIELDS} fields", f"{len(fields)} fields", _FOREIGN)
        return fields[0], fields[1], fields[2], fields[11], line

    def expect_end(self, frames: int) -> None:
        if self.left:
            line = self.take("")
            self.refuse(f"the end of the file after {frames} frames", _shown(line), _FOREIGN)
