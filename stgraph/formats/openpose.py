"""OpenPose's output: a folder with one JSON file per frame (BODY_25 or the COCO model)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stgraph.formats.clip import Clip
from stgraph.formats.documents import member, numbers, read_json
from stgraph.formats.refusal import DAMAGED, check_memory, nobody_yet, refuse
from stgraph.formats.tracking import follow
from stgraph.layouts import BODY25, OPENPOSE18
from stgraph.skeleton import SkeletonLayout

_LAYOUTS = {18: OPENPOSE18, 25: BODY25}
_FOREIGN = "Say with 'pattern' which files are the frames of one stream."
_TOO_LONG = "Check that the files are of one stream, or cut it into shorter ones."
_TOO_MANY = "Cut the stream into shorter ones, or read it with track=False."


class _Person(NamedTuple):
    source: str
    identity: int  # negative if OpenPose did not track
    pose: NDArray[np.float32]  # [V, 3]


_Stream = Sequence[Sequence[_Person]]  # the people of each frame


def read_openpose_folder(
    folder: str | Path,
    *,
    pattern: str = "*.json",
    size: tuple[float, float] | None = None,
    track: bool = True,
) -> Clip:
    """The clip in a folder of OpenPose's JSON files, one per frame.

    Keypoints are ``[M, T, V, 3]``: x, y from the top left corner and the score. A joint with
    x = y = score = 0 was not seen; a person without any joint is skipped. Lists of 54 numbers give
    :data:`~stgraph.layouts.OPENPOSE18`, of 75 :data:`~stgraph.layouts.BODY25`.

    The last digits in a file's name are the number of its frame. The clip goes from the smallest
    number (the fact ``first_frame``) to the largest; a number left out is a frame without people.

    Args:
        folder: With the files of one video; the clip has its name.
        pattern: Which of its files are frames, if it holds others as well.
        size: Width and height of the video in pixels: x and y are divided by them. Without, x and
            y stay as they are: pixels, unless OpenPose ran with ``--keypoint_scale``.
        track: Whether to find out who is who: by ``person_id`` if everybody has one, else by
            :func:`~stgraph.formats.tracking.follow`. If not, row m is the m-th person of each
            frame, whoever that is.

    Raises:
        ValueError: If there are no such files, a name has no number or that of another file, a file
            is no JSON or not of this format, the two models are mixed, or nobody was seen. The
            message names the file and the place in it.

    Source: CMU-Perceptual-Computing-Lab/openpose, doc/02_output.md.
    """
    paths = _numbered(Path(folder), pattern)
    first, frames = min(paths), max(paths) - min(paths) + 1
    file_size = sum(path.stat().st_size for path in paths.values() if path.is_file())
    check_memory(folder, 8 * frames, file_size, f"frames {first} to {max(paths)}", _TOO_LONG)
    read = {number: _people(path) for number, path in paths.items()}
    stream = [read.get(first + frame, ()) for frame in range(frames)]
    layout = _model(folder, stream)
    keypoints = _filled(folder, stream, file_size, _rows(stream, track))
    if size is not None:
        keypoints[..., :2] /= _pixels(folder, size)
    return Clip(
        name=Path(folder).resolve().name,
        keypoints=keypoints,
        facts={"first_frame": first},
        layout=layout,
        source=str(folder),
    )


def _numbered(folder: Path, pattern: str) -> dict[int, Path]:
    """The files of the frames, by the last digits in their names."""
    paths: dict[int, Path] = {}
    for path in sorted(folder.glob(pattern)):
        digits = re.findall(r"[0-9]+", path.stem)
        if not digits:
            refuse(path, "the number of a frame in the name", "no digits", _FOREIGN)
        number = int(digits[-1])
        if number in paths:
            found = f"it in {paths[number].name} as well"
            refuse(path, f"frame {number} in one file", found, _FOREIGN)
        paths[number] = path
    if not paths:
        refuse(folder, f"a folder with files {pattern}", "none", "Check folder and pattern.")
    return paths


def _people(path: Path) -> list[_Person]:
    """Everybody of whom a joint was seen in one frame."""
    document, _ = read_json(path)
    records = member(document, "people", list, str(path))
    everybody = (_person(record, f"{path}, people[{at}]") for at, record in enumerate(records))
    return [person for person in everybody if not np.isnan(person.pose).all()]


def _person(record: Any, source: str) -> _Person:
    values = member(record, "pose_keypoints_2d", list, source)
    if len(values) not in (0, 54, 75):
        expected = "54 numbers (COCO model), 75 (BODY_25) or none as pose_keypoints_2d"
        refuse(source, expected, f"{len(values)}", "Run OpenPose with one of these models.")
    array = numbers(values, None, f"{source}, pose_keypoints_2d")
    pose = array.astype(np.float32).reshape(-1, 3)
    pose[(pose == 0).all(axis=-1)] = np.nan
    identity = numbers(record.get("person_id", []), None, f"{source}, person_id")
    number = float(identity[0]) if len(identity) else -1.0
    if not number.is_integer():
        refuse(f"{source}, person_id", "a whole number", f"{number}", DAMAGED)
    return _Person(source, int(number), pose)


def _model(folder: str | Path, stream: _Stream) -> SkeletonLayout:
    """The layout that all have in common."""
    everybody = [person for people in stream for person in people]
    if not everybody:
        refuse(folder, "at least one person", f"nobody in {len(stream)} frames", "Leave it out.")
    source, _, pose = everybody[0]
    for person in everybody:
        if len(person.pose) != len(pose):
            expected, found = f"{len(pose)} joints as in {source}", f"{len(person.pose)}"
            refuse(person.source, expected, found, "Keep the output of one model in a folder.")
    return _LAYOUTS[len(pose)]


def _rows(stream: _Stream, track: bool) -> list[NDArray[np.int64]]:
    """The row of each person of each frame."""
    if not track:
        return [np.arange(len(people)) for people in stream]
    if all(person.identity >= 0 for people in stream for person in people):
        return _rows_by_identity(stream)
    joints = max(len(person.pose) for people in stream for person in people)
    nobody = np.empty((0, joints, 2), dtype=np.float32)
    return follow(
        [np.stack([p.pose[:, :2] for p in people]) if people else nobody for people in stream]
    )


def _rows_by_identity(stream: _Stream) -> list[NDArray[np.int64]]:
    names: dict[int, int] = {}
    rows = []
    for people in stream:
        present = {person.identity: person.source for person in people}
        for person in people:
            if present[person.identity] != person.source:
                found = f"{person.identity} twice in a frame"
                refuse(person.source, "a person_id of its own", found, "Read with track=False.")
        rows.append(np.array([names.setdefault(p.identity, len(names)) for p in people], int))
    return rows


def _filled(
    folder: str | Path, stream: _Stream, file_size: int, rows: list[NDArray[np.int64]]
) -> NDArray[np.float32]:
    """Keypoints ``[M, T, V, 3]``."""
    persons = 1 + max(int(row.max(initial=0)) for row in rows)
    joints = max(len(person.pose) for people in stream for person in people)
    shape = (persons, len(stream), joints, 3)
    keypoints = nobody_yet(folder, shape, file_size, _TOO_MANY)
    for frame, (row, people) in enumerate(zip(rows, stream)):
        for place, person in zip(row, people):
            keypoints[place, frame] = person.pose
    return keypoints


def _pixels(folder: str | Path, size: tuple[float, float]) -> NDArray[np.float32]:
    if not all(1 <= side < np.inf for side in size):
        refuse(folder, "size=(width, height) in pixels", repr(size), "Give the video's size.")
    return np.array(size, dtype=np.float32)
