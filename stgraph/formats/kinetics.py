"""Kinetics-Skeleton: one JSON file per clip, 18 joints of OpenPose, and an index of labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stgraph.formats.clip import Clip
from stgraph.formats.documents import member, numbers, of_kind, read_json
from stgraph.formats.refusal import DAMAGED, nobody_yet, refuse
from stgraph.layouts import OPENPOSE18

JOINTS = OPENPOSE18.num_joints


class KineticsEntry(NamedTuple):
    """What an index says about a clip."""

    has_skeleton: bool
    label: str
    label_index: int


def read_kinetics_clip(path: str | Path) -> Clip:
    """The clip in a Kinetics-Skeleton file, ``<id>.json``.

    Keypoints are ``[M, T, 18, 3]``: x and y as in the file, in parts of the picture's width and
    height from its top left corner, and the score. A joint with x = y = score = 0 was not seen.

    Person m is the m-th skeleton of each frame, M the most skeletons in a frame. **Place is not
    identity**: people change rows. st-gcn reads the files so.

    ``frame_index`` is the frame, 0-based, as st-gcn reads it, and T is one more than the last.
    Numbers left out are frames without people; so is the first frame of a file that counts from 1.

    The label is ``label_index``, ``None`` if that is negative; its text is the fact ``class_name``.

    Raises:
        ValueError: If the file is no JSON or not of this format, if a frame appears twice, or if
            nobody was seen. The message names the file and the place in it.

    Source: yysijie/st-gcn, feeder/feeder_kinetics.py.
    """
    source = str(path)
    document, size = read_json(path)
    frames = dict(_frames(member(document, "data", list, source), source))
    persons = max((len(people) for _, people in frames.values()), default=0)
    shape = (persons, max(frames, default=-1) + 1, JOINTS, 3)
    keypoints = nobody_yet(path, shape, size)
    for frame, (where, people) in frames.items():
        for place, person in enumerate(people):
            at = f"{where}.skeleton[{place}]"
            keypoints[place, frame, :, :2] = numbers(
                member(person, "pose", list, at), 2 * JOINTS, f"{at}, pose"
            ).reshape(JOINTS, 2)
            scores = member(person, "score", list, at)
            keypoints[place, frame, :, 2] = numbers(scores, JOINTS, f"{at}, score")
    keypoints[(keypoints == 0).all(axis=-1)] = np.nan
    label = member(document, "label_index", int, source)
    return Clip(
        name=Path(path).stem,
        keypoints=keypoints,
        label=label if label >= 0 else None,
        facts={"class_name": member(document, "label", str, source)},
        layout=OPENPOSE18,
        source=source,
    )


def read_kinetics_index(path: str | Path) -> dict[str, KineticsEntry]:
    """What ``kinetics_train_label.json`` or ``kinetics_val_label.json`` says, by clip id.

    Raises:
        ValueError: If the file is no JSON or no such index; the message names the file and the id.
    """
    document, _ = read_json(path)
    entries = of_kind(document, dict, str(path))
    return {name: _entry(entry, f"{path}, {name!r}") for name, entry in entries.items()}


def _frames(data: list[Any], source: str) -> Iterator[tuple[int, tuple[str, list[Any]]]]:
    """Of each frame its number, its place in the file and its skeletons."""
    seen: set[int] = set()
    for at, record in enumerate(data):
        where = f"{source}, data[{at}]"
        frame = member(record, "frame_index", int, where)
        if frame < 0 or frame in seen:
            found = f"{frame} a second time" if frame in seen else f"{frame}"
            refuse(f"{where}, frame_index", "each frame once, from 0 on", found, DAMAGED)
        seen.add(frame)
        yield frame, (where, member(record, "skeleton", list, where))


def _entry(entry: Any, source: str) -> KineticsEntry:
    return KineticsEntry(
        member(entry, "has_skeleton", bool, source),
        member(entry, "label", str, source),
        member(entry, "label_index", int, source),
    )
