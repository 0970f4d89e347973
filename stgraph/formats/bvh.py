"""Motion capture in BVH files: a hierarchy of joints, and their angles in every frame."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from stgraph.formats.clip import Clip
from stgraph.formats.refusal import (
    DAMAGED,
    check_memory,
    nobody_yet,
    read_bytes,
    refuse,
    shown,
)
from stgraph.skeleton import SkeletonLayout

LARGEST = float(np.finfo(np.float32).max)
_BYTES_A_JOINT = 1000  # of Python objects, here and in the layout
_BYTES_A_POSE = 256  # of a joint in a frame, on the way to its position
_AXES = {b"x": 0, b"y": 1, b"z": 2}


def read_bvh(path: str | Path, *, scale: float = 1.0) -> Clip:
    """The one person in a BVH file, by forward kinematics.

    Keypoints are ``[1, T, V, 3]``: x, y, z in the file's axes and, BVH having no unit, in its unit
    times ``scale`` (0.01 makes metres of centimetres). The layout has the joints of the hierarchy
    in the order of the file, without end sites, and the root as its centre. Facts: ``fps``.

    With T the translation and R the rotation of a joint, both seen from its parent p::

        R_global = R_global[p] R_1 R_2 ...     one factor per rotation channel, in their order
        position = position[p] + R_global[p] T

    T is the joint's offset; a position channel takes the place of the offset along its axis.

    Raises:
        ValueError: If the file is damaged, has two roots, a joint name twice, or so many joints or
            frames that they cannot be in a file of its size. The message names file and line.

    Source: M. Meredith and S. Maddock, Motion Capture File Formats Explained, 2001, section 2.
    """
    if not 0 < scale < math.inf:
        raise ValueError(f"scale is a positive number, found {scale}; 0.01 is centimetres.")
    text = _Text(path, read_bytes(path))
    skeleton = _hierarchy(text)
    frames, frame_time = _motion(text)
    keypoints = nobody_yet(path, (1, frames, len(skeleton.names), 3), text.size)
    block = max(1, text.size // (_BYTES_A_POSE * len(skeleton.names)))
    for start in range(0, frames, block):
        stop = min(start + block, frames)
        first_line = text.line + 1
        values = np.stack([text.values(len(skeleton.axes)) for _ in range(start, stop)])
        positions = scale * skeleton.positions(values)
        too_far = np.flatnonzero((np.abs(positions) > LARGEST).any(axis=(1, 2)))
        if len(too_far):
            where = f"{path}, line {first_line + too_far[0]}"
            refuse(where, f"positions up to {LARGEST:.1e}", "larger ones", DAMAGED)
        keypoints[0, start:stop] = positions
    text.expect_end(frames)
    facts = {"fps": 1 / frame_time}
    return Clip(Path(path).stem, keypoints, facts=facts, layout=skeleton.layout(), source=str(path))


@dataclass
class _Skeleton:
    """The joints of a hierarchy, in its order, and the channels of all of them in one row.

    Attributes:
        names: Of the joints.
        parents: The number of each joint's parent, -1 for the root.
        offsets: ``[V]`` of x, y, z from the parent.
        joints: The joint of each channel.
        axes: The axis of each channel, 0 to 2.
        turns: Whether each channel is a rotation.
    """

    names: dict[str, None] = field(default_factory=dict)
    parents: list[int] = field(default_factory=list)
    offsets: list[tuple[float, ...]] = field(default_factory=list)
    joints: list[int] = field(default_factory=list)
    axes: list[int] = field(default_factory=list)
    turns: list[bool] = field(default_factory=list)

    def layout(self) -> SkeletonLayout:
        bones = tuple(enumerate(self.parents))[1:]
        return SkeletonLayout("BVH", tuple(self.names), bones, source="the hierarchy of the file")

    def positions(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where the joints are, ``[T, V, 3]``, given the channels ``[T, channels]``."""
        frames, joints = len(values), len(self.parents)
        turns, channel_joints = np.array(self.turns), np.array(self.joints)
        shift = np.broadcast_to(self.offsets, (frames, joints, 3)).copy()
        shift[:, channel_joints[~turns], np.array(self.axes)[~turns]] = values[:, ~turns]
        angles = np.deg2rad(values)
        cosines, sines = np.cos(angles), np.sin(angles)
        first = np.searchsorted(channel_joints, np.arange(joints + 1)).tolist()
        rotations = [np.broadcast_to(np.eye(3), (frames, 3, 3))]  # of the root's parent; then all
        positions = np.zeros((frames, joints + 1, 3))
        for joint, parent in enumerate(self.parents):
            seen_from = rotations[parent + 1]
            moved = (seen_from @ shift[:, joint, :, None])[..., 0]
            positions[:, joint + 1] = positions[:, parent + 1] + moved
            rotation = seen_from.copy()
            for channel in range(first[joint], first[joint + 1]):
                if self.turns[channel]:
                    cosine, sine = cosines[:, channel, None], sines[:, channel, None]
                    _turn(rotation, self.axes[channel], cosine, sine)
            rotations.append(rotation)
        return positions[:, 1:]


def _turn(
    rotation: NDArray[np.float64],
    axis: int,
    cosine: NDArray[np.float64],
    sine: NDArray[np.float64],
) -> None:
    """Multiply ``[T, 3, 3]`` by a turn about an axis from the right, in place."""
    left, right = (axis + 1) % 3, (axis + 2) % 3
    before, after = rotation[..., left].copy(), rotation[..., right].copy()
    rotation[..., left] = cosine * before + sine * after
    rotation[..., right] = cosine * after - sine * before


def _hierarchy(text: _Text) -> _Skeleton:
    skeleton = _Skeleton()
    text.expect(b"hierarchy")
    text.expect(b"root")
    _joint(text, skeleton, parent=-1)
    open_joints = [0]
    while open_joints:
        word = text.word("JOINT, End Site or }")
        if word.lower() == b"joint":
            _joint(text, skeleton, parent=open_joints[-1])
            open_joints.append(len(skeleton.parents) - 1)
        elif word.lower() == b"end":
            text.expect(b"site")
            text.expect(b"{")
            _offset(text)
            text.expect(b"}")
        elif word == b"}":
            open_joints.pop()
        else:
            text.refuse("JOINT, End Site or }", _shown(word))
    if not skeleton.axes:
        text.refuse(
            "at least one channel", "none", "A pose that is the same throughout is no clip."
        )
    return skeleton


def _joint(text: _Text, skeleton: _Skeleton, parent: int) -> None:
    """A joint from its name to its channels."""
    name = text.word("the name of a joint").decode("utf-8", "backslashreplace")
    if name in skeleton.names:
        text.refuse("a name of its own for each joint", f"{shown(name)} again", "Rename one.")
    number = len(skeleton.names)
    text.check_memory(_BYTES_A_JOINT * (number + 1), f"{number + 1} joints")
    skeleton.names[name] = None
    skeleton.parents.append(parent)
    text.expect(b"{")
    skeleton.offsets.append(_offset(text))
    text.expect(b"channels")
    for _ in range(text.whole("the number of channels")):
        word = text.word("a channel")
        axis, kind = _AXES.get(word[:1].lower()), word[1:].lower()
        if axis is None or kind not in (b"position", b"rotation"):
            expected = "a channel like Xposition or Zrotation"
            text.refuse(expected, _shown(word))
        skeleton.joints.append(number)
        skeleton.axes.append(axis)
        skeleton.turns.append(kind == b"rotation")


def _offset(text: _Text) -> tuple[float, float, float]:
    text.expect(b"offset")
    return text.number("x"), text.number("y"), text.number("z")


def _motion(text: _Text) -> tuple[int, float]:
    """The number of frames and the seconds from one to the next."""
    for word in (b"motion", b"frames:"):
        text.expect(word)
    frames = text.whole("the number of frames")
    for word in (b"frame", b"time:"):
        text.expect(word)
    frame_time = text.number("the time of a frame")
    if not 1e-9 < frame_time < 1e9:
        text.refuse("the time of a frame in seconds", f"{frame_time:g}", "Correct the line.")
    text.end_line()
    if not 0 < frames <= text.lines_left():
        expected = f"{frames} frames after this line, at least 1"
        text.refuse(expected, f"{text.lines_left()} lines")
    return frames, frame_time


def _shown(text: bytes) -> str:
    return shown(text[:80].decode("utf-8", "backslashreplace"))


class _Text:
    """The words of a file, then its lines, taken one after another; complaints name file and line.

    Attributes:
        size: Of the file in bytes.
        line: The number of the line that was taken last, or that the last word is in, from 1.
    """

    def __init__(self, path: str | Path, data: bytes) -> None:
        self._path, self.size, self.line = path, len(data), 1
        self._text = data.rstrip().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._at = 0  # where the next word or line is looked for
        self._words = re.compile(rb"[^\s{}]+|[{}]")

    def refuse(self, expected: str, found: str, remedy: str = DAMAGED) -> NoReturn:
        refuse(f"{self._path}, line {self.line}", expected, found, remedy)

    def check_memory(self, needed: int, what: str) -> None:
        check_memory(f"{self._path}, line {self.line}", needed, self.size, what)

    def word(self, expected: str) -> bytes:
        match = self._words.search(self._text, self._at)
        if match is None:
            self.refuse(expected, "the end of the file")
        self.line += self._text.count(b"\n", self._at, match.start())
        self._at = match.end()
        return match[0]

    def expect(self, word: bytes) -> None:
        """The next word is this one, in whatever case."""
        expected = word.decode().upper()
        found = self.word(expected)
        if found.lower() != word:
            self.refuse(expected, _shown(found))

    def whole(self, expected: str) -> int:
        word = self.word(expected)
        if not word.isdigit() or len(word) > 9:
            self.refuse(f"{expected}, a whole number", _shown(word))
        return int(word)

    def number(self, expected: str) -> float:
        word = self.word(expected)
        try:
            number = float(word)
        except ValueError:
            number = math.nan
        if not abs(number) <= LARGEST:
            self.refuse(f"{expected}, a number", _shown(word))
        return number

    def lines_left(self) -> int:
        """How many lines follow, once a line is at its end."""
        return self._text.count(b"\n", self._at) + (self._at < len(self._text))

    def _rest_of_line(self) -> bytes:
        end = self._text.find(b"\n", self._at)
        end = end if end >= 0 else len(self._text)
        line, self._at = self._text[self._at : end], end + 1
        return line

    def end_line(self) -> None:
        """Nothing else stands in this line."""
        rest = self._rest_of_line().strip()
        if rest:
            self.refuse("the end of the line", _shown(rest))

    def values(self, count: int) -> NDArray[np.float64]:
        """The numbers in the next line."""
        line = self._rest_of_line()
        self.line += 1
        words = line.split(None, count)
        if len(words) != count:
            found = f"{len(words)}" if len(words) < count else "more"
            self.refuse(f"{count} numbers, one per channel", found)
        try:
            values = np.array(words, dtype=np.float64)
        except ValueError:
            values = np.full(count, np.nan)
        if not (np.abs(values) <= LARGEST).all():
            self.refuse(f"{count} finite numbers", _shown(line))
        return values

    def expect_end(self, frames: int) -> None:
        if self._at < len(self._text):
            self.line += 1
            self.refuse(f"the end of the file after {frames} frames", _shown(self._rest_of_line()))
