"""The text format of NTU RGB+D ``.skeleton`` files: a strict reader, and a fast one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stgraph.formats.ntu_lines import (
    BODY_FIELDS,
    BODY_LINES,
    JOINT_FIELDS,
    JOINTS,
    MAX_BODIES,
    Bodies,
    frames_of_bodies,
    read_lines,
    usable,
)
from stgraph.formats.refusal import MEMORY_FACTOR, MEMORY_FLOOR, check_memory, read_bytes


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
            bodies, or ids and frames ask for far more memory than the file has bytes. The message
            names the file and the line.

    Source: shahroudy/NTURGB-D, Matlab/read_skeleton_file.m.
    """
    path = Path(path)
    data = read_bytes(path)
    return _recording(path, len(data), quick_bodies(data) or read_lines(path, data))


def _recording(path: Path, size: int, bodies: Bodies) -> Recording:
    rows = {body: row for row, body in enumerate(dict.fromkeys(bodies.ids))}
    persons, frames = len(rows), len(bodies.counts)
    # 12 bytes of coordinates a joint, one of state, seven while a Clip is checked.
    needed = 20 * persons * frames * JOINTS + 3 * bodies.joints.nbytes + size
    remedy = "Cut the recording into clips, or give a body the same bodyID in all frames."
    check_memory(f"{path}, line 1", needed, size, f"{persons} ids in {frames} frames", remedy)
    keypoints = np.full((persons, frames, JOINTS, 3), np.nan, dtype=np.float32)
    state = np.zeros((persons, frames, JOINTS), dtype=np.int8)
    place = np.full((persons, frames), -1, dtype=np.int8)
    xyz = np.moveaxis(bodies.joints[:3], 0, -1).astype(np.float32)
    xyz[~bodies.joints.any(axis=0)] = np.nan  # 0 0 0 with tracking state 0
    row = np.array([rows[body] for body in bodies.ids], dtype=np.int64)
    frame = frames_of_bodies(bodies.counts)
    keypoints[row, frame] = xyz
    state[row, frame] = bodies.joints[3]
    place[row, frame] = np.arange(len(frame)) - np.searchsorted(frame, frame)
    return Recording(keypoints, tuple(rows), state, place)


class _UnusualError(Exception):
    """The file is not laid out as NTU's are."""


def _require(usual: bool | np.bool_) -> None:
    if not usual:
        raise _UnusualError


def quick_bodies(data: bytes) -> Bodies | None:
    """What :func:`~stgraph.formats.ntu_lines.read_lines` gives, or ``None`` if it has to look.

    That is when anything at all is wrong, or only unusual. Nothing is split: where the gaps between
    fields are is found for the whole file at once, and of each joint four fields become numbers.
    """
    try:
        fields = _Fields(data)
        counts = _body_counts(fields)
        frame = frames_of_bodies(counts)
        body = 2 + frame + BODY_LINES * np.arange(len(frame))  # the number of its first line
        ids = _body_ids(fields, body)
        _require(len(set(zip(frame.tolist(), ids, strict=True))) == len(ids))
        return Bodies(ids, counts, _joints(fields, body))
    except (_UnusualError, pa.ArrowInvalid):
        return None


def _body_counts(fields: _Fields) -> NDArray[np.uint8]:
    """How many bodies each frame has; with them the file is at its end."""
    counts: list[int] = []
    at = 1
    for _ in range(fields.count(0)):
        counts.append(fields.count(at))
        at += 1 + BODY_LINES * counts[-1]
    _require(at == len(fields.per_line) and max(counts, default=0) <= MAX_BODIES)
    return np.array(counts, dtype=np.uint8)


def _body_ids(fields: _Fields, body: NDArray[np.int64]) -> list[int]:
    """The bodyID of each body; the number of joints after it is the usual one."""
    _require((fields.per_line[body] == BODY_FIELDS).all())
    _require((fields.per_line[body + 1] == 1).all())
    _require(set(fields.first(body + 1)) <= {b"%d" % JOINTS})
    texts = fields.first(body)
    _require(all(text.isdigit() and len(text) <= 20 for text in texts))
    return list(map(int, texts))


def _joints(fields: _Fields, body: NDArray[np.int64]) -> NDArray[np.float64]:
    """x, y, z and tracking state, ``[4, bodies, 25]``."""
    if not len(body):
        return np.empty((4, 0, JOINTS))
    joint = (body[:, None] + np.arange(2, BODY_LINES)).ravel()
    _require((fields.per_line[joint] == JOINT_FIELDS).all())
    joints = fields.numbers(joint, (0, 1, 2, JOINT_FIELDS - 1))
    _require(usable(joints).all())
    return joints.reshape(4, -1, JOINTS)


class _Fields:
    """Where the fields of a file are, if single blanks part them and all lines end alike.

    Attributes:
        per_line: How many fields each line has; lines are numbered from 0.
    """

    def __init__(self, data: bytes) -> None:
        newline = b"\r\n" if b"\r\n" in data[:100] else b"\n"
        self._data = data if data.endswith(newline) else data + newline
        text = np.frombuffer(self._data, dtype=np.uint8)
        blank = text <= ord(" ")
        _require(self._data.isascii() and not blank[0])
        # What the arrays here take, and four numbers for each joint's line.
        needed = 25 * np.count_nonzero(blank) + 50 * self._data.count(b"\n")
        _require(needed <= (MEMORY_FACTOR - 3) * len(data) + MEMORY_FLOOR)
        self._gaps = np.flatnonzero(blank)  # where fields end, and with CRLF every LF besides
        kinds = text[self._gaps]
        ends = np.flatnonzero(kinds == ord("\n"))  # which of the gaps end a line
        extra = (len(newline) - 1) * len(ends)
        _require(np.count_nonzero(blank[1:] & blank[:-1]) == extra)
        _require(np.count_nonzero(kinds == ord(" ")) == len(kinds) - len(ends) - extra)
        _require(not extra or (kinds[ends - 1] == ord("\r")).all())
        self.per_line = np.diff(ends, prepend=-1) - (len(newline) - 1)
        self._gap = np.concatenate(([0], ends[:-1] + 1))  # the first gap of each line
        self._start = np.concatenate(([0], self._gaps[ends[:-1]] + 1))

    def first(self, lines: NDArray[np.int64]) -> list[bytes]:
        """The first fields of some lines."""
        starts, stops = self._start[lines].tolist(), self._gaps[self._gap[lines]].tolist()
        return [self._data[start:stop] for start, stop in zip(starts, stops, strict=True)]

    def count(self, line: int) -> int:
        """The one number in a line."""
        _require(line < len(self.per_line) and self.per_line[line] == 1)
        text = self._data[self._start[line] : self._gaps[self._gap[line]]]
        _require(text.isdigit() and len(text) < 10)
        return int(text)

    def numbers(self, lines: NDArray[np.int64], columns: tuple[int, ...]) -> NDArray[np.float64]:
        """Some fields of some lines, ``[columns, lines]``.

        Arrow reads them where they are, as an array of texts whose every second one, what stands
        between a wanted field and the next, is absent.
        """
        bounds = np.empty((len(lines), len(columns), 2), dtype=np.int64)
        for at, column in enumerate(columns):
            gap = self._gap[lines] + column
            bounds[:, at, 0] = self._gaps[gap - 1] + 1 if column else self._start[lines]
            bounds[:, at, 1] = self._gaps[gap]
        present = pa.py_buffer(b"\x55" * (bounds.size // 8 + 1))
        buffers = [present, pa.py_buffer(bounds), pa.py_buffer(self._data)]
        texts = pa.Array.from_buffers(pa.large_string(), bounds.size - 1, buffers)
        numbers = np.frombuffer(texts.cast(pa.float64()).buffers()[1], dtype=np.float64)
        by_line = numbers[: bounds.size : 2].reshape(len(lines), len(columns))
        return np.ascontiguousarray(by_line.T)
