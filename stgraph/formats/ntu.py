"""The text format of NTU RGB+D ``.skeleton`` files: a strict reader, and a fast one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from stgraph.formats.ntu_lines import (
    BODY_FIELDS,
    BODY_LINES,
    JOINT_FIELDS,
    JOINTS,
    MAX_BODIES,
    Bodies,
    read_lines,
    usable,
)
from stgraph.formats.refusal import check_memory, read_bytes

_COLUMNS = [str(column) for column in range(JOINT_FIELDS)]
_WANTED = [_COLUMNS[0], _COLUMNS[1], _COLUMNS[2], _COLUMNS[-1]]  # x y z trackingState
_READ = pyarrow.csv.ReadOptions(use_threads=False, column_names=_COLUMNS)
_PARSE = pyarrow.csv.ParseOptions(delimiter=" ", quote_char=False)
_CONVERT = pyarrow.csv.ConvertOptions(
    column_types=dict.fromkeys(_WANTED, pa.float64()), include_columns=_WANTED, null_values=[]
)


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
    path = Path(path)
    data = read_bytes(path)
    return _recording(path, len(data), quick_bodies(data) or read_lines(path, data))


def _recording(path: Path, size: int, bodies: Bodies) -> Recording:
    frames, rows = len(bodies.counts), {number: row for row, number in enumerate(dict.fromkeys(bodies.ids))}
    persons = len(rows)
    needed = persons * frames * (JOINTS * 13 + 1) + 3 * bodies.joints.nbytes
    remedy = "Cut the recording into clips, or give a body the same bodyID in all frames."
    check_memory(f"{path}, line 1", needed, size, f"{persons} ids in {frames} frames", remedy)
    keypoints = np.full((persons, frames, JOINTS, 3), np.nan, dtype=np.float32)
    state = np.zeros((persons, frames, JOINTS), dtype=np.int8)
    place = np.full((persons, frames), -1, dtype=np.int8)
    row = np.array([rows[number] for number in bodies.ids], dtype=np.int64)
    frame = np.repeat(np.arange(frames), bodies.counts)
    xyz = np.moveaxis(bodies.joints[:3], 0, -1).astype(np.float32)
    xyz[~bodies.joints.any(axis=0)] = np.nan
    keypoints[row, frame] = xyz
    state[row, frame] = bodies.joints[3]
    place[row, frame] = [number for count in bodies.counts for number in range(count)]
    return Recording(keypoints, tuple(rows), state, place)


class _UnusualError(Exception):
    """The file is not laid out as NTU's are."""


def quick_bodies(data: bytes) -> Bodies | None:
    """What :func:`~stgraph.formats.ntu_lines.read_lines` gives, or ``None`` if it has to look.

    That is when anything at all is wrong, or only unusual. Lines are found, not split: the joints'
    lines are joined and parsed as a table of which four columns of twelve become numbers.
    """
    try:
        lines = _Lines(data)
        counts = _body_counts(lines)
        starts = _body_starts(counts)
        joints = _joints(b"".join([lines.text(start + 2, JOINTS) for start in starts]))
        return Bodies(_body_ids(lines, starts, counts), counts, joints)
    except (_UnusualError, pa.ArrowInvalid):
        return None


def _body_counts(lines: _Lines) -> list[int]:
    """How many bodies each frame has; with them the file is at its end."""
    counts: list[int] = []
    at = 1
    for _ in range(lines.count(0)):
        counts.append(lines.count(at))
        at += 1 + BODY_LINES * counts[-1]
    _require(at == lines.total and max(counts, default=0) <= MAX_BODIES)
    return counts


def _body_starts(counts: list[int]) -> list[int]:
    """The number of the first line of each body."""
    bodies = np.arange(sum(counts))
    frame = np.repeat(np.arange(len(counts)), counts)
    starts: list[int] = (2 + frame + BODY_LINES * bodies).tolist()
    return starts


def _body_ids(lines: _Lines, starts: list[int], counts: list[int]) -> list[int]:
    """The bodyID of each body, none twice in a frame."""
    heads = [lines.text(start, 2) for start in starts]
    fields = [head.split() for head in heads]
    texts = [field[0] for field in fields]
    _require(all([head.endswith(lines.joint_count) for head in heads]))
    _require(set(map(len, fields)) <= {BODY_FIELDS + 1})
    _require(all([text.isdigit() and len(text) <= 20 for text in texts]))
    ids = list(map(int, texts))
    first = 0
    for count in counts:
        _require(count < 2 or len(set(ids[first : first + count])) == count)
        first += count
    return ids


def _joints(text: bytes) -> NDArray[np.float64]:
    """x, y, z and tracking state, ``[4, bodies, 25]``, of the lines of joints."""
    if not text:
        return np.empty((4, 0, JOINTS))
    table = pyarrow.csv.read_csv(pa.py_buffer(text), _READ, _PARSE, _CONVERT)
    joints = np.array([column.to_numpy() for column in table.columns])
    _require(bool(usable(joints).all()))
    return joints.reshape(4, -1, JOINTS)


def _require(usual: bool) -> None:
    if not usual:
        raise _UnusualError


class _Lines:
    """Where the lines of a file are, if single blanks part its fields and all lines end alike."""

    def __init__(self, data: bytes) -> None:
        newline = b"\r\n" if b"\r\n" in data[:100] else b"\n"
        self._data = data if data.endswith(newline) else data + newline
        text = np.frombuffer(self._data, dtype=np.uint8)
        ends = np.flatnonzero(text == ord("\n"))
        blank = text <= ord(" ")
        spaces = np.count_nonzero(text == ord(" "))
        _require(data.isascii() and not blank[0])
        _require(np.count_nonzero(blank) == spaces + len(newline) * len(ends))
        _require(np.count_nonzero(blank[1:] & blank[:-1]) == (len(newline) - 1) * len(ends))
        _require(len(newline) == 1 or bool((text[ends - 1] == ord("\r")).all()))
        self._ends, self.total = memoryview(ends), len(ends)
        self.joint_count = b"\n%d%s" % (JOINTS, newline)

    def text(self, first: int, lines: int) -> bytes:
        """So many lines from number ``first``, which is at least 1, with their ends."""
        return self._data[self._ends[first - 1] + 1 : self._ends[first + lines - 1] + 1]

    def count(self, line: int) -> int:
        """The one number in a line; the first line is 0."""
        _require(line < self.total)
        text = self._data[self._ends[line - 1] + 1 if line else 0 : self._ends[line]].rstrip()
        _require(text.isdigit() and len(text) < 10)
        return int(text)
