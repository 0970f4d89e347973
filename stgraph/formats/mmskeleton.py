"""mmskeleton's own JSON files: one clip a file, any number of joints and channels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stgraph.formats.clip import Clip
from stgraph.formats.documents import member, numbers, of_kind, read_json, table
from stgraph.formats.refusal import DAMAGED, nobody_yet, refuse
from stgraph.layouts import COCO17, OPENPOSE18

_LAYOUTS = {17: COCO17, 18: OPENPOSE18}  # 25 joints may be NTU's or OpenPose's BODY_25


def read_mmskeleton_clip(path: str | Path) -> Clip:
    """The clip in a file of mmskeleton (its doc/CUSTOM_DATASET.md).

    Keypoints are ``[M, T, V, C]`` with the file's own channels, by default x, y in pixels of
    the video and the score. A joint that is 0 in all channels was not seen. T is ``num_frame``.
    The layout is known for 17 joints (COCO) and 18 (OpenPose), else ``None``.

    A person is known by ``person_id``, or by ``id`` where that is null; rows are in the order of
    these numbers, without gaps. As in mmskeleton, annotations of frames beyond ``num_frame`` are
    left out. The label is ``category_id``, ``None`` if that is absent or negative. Facts are
    ``width`` and ``height`` of the video in pixels.

    Raises:
        ValueError: If the file is no JSON or not of this format, if somebody is twice in a frame,
            or if nobody was seen. The message names the file and the place in it.

    Source: open-mmlab/mmskeleton, mmskeleton/datasets/skeleton/loader.py.
    """
    source = str(path)
    document, size = read_json(path)
    info = member(document, "info", dict, source)
    frames, joints, channels, facts = _info(info, f"{source}, info")
    annotations = list(_inside(member(document, "annotations", list, source), frames, source))
    slots = sorted({slot for slot, _, _, _ in annotations})
    row = dict(zip(slots, range(len(slots))))
    keypoints = nobody_yet(path, (len(slots), frames, joints, channels), size)
    for slot, frame, record, where in annotations:
        points = member(record, "keypoints", list, where)
        keypoints[row[slot], frame] = table(points, joints, channels, f"{where}, keypoints")
    keypoints[(keypoints == 0).all(axis=-1)] = np.nan
    label = of_kind(document.get("category_id", -1), int, f"{source}, category_id")
    return Clip(
        name=Path(path).stem,
        keypoints=keypoints,
        label=label if label >= 0 else None,
        facts=facts,
        layout=_LAYOUTS.get(joints),
        source=source,
    )


def _info(info: dict[str, Any], source: str) -> tuple[int, int, int, dict[str, float]]:
    """Frames, joints, channels and the facts."""
    frames, joints = (member(info, key, int, source) for key in ("num_frame", "num_keypoints"))
    channels = len(member(info, "keypoint_channels", list, source))
    if min(frames, joints, channels) < 1:
        found = f"{frames}, {joints} and {channels}"
        refuse(source, "frames, joints and channels, at least one of each", found, DAMAGED)
    resolution = member(info, "resolution", list, source)
    numbers(resolution, 2, f"{source}, resolution")
    width, height = resolution
    return frames, joints, channels, {"width": width, "height": height}


def _inside(
    annotations: list[Any], frames: int, source: str
) -> Iterator[tuple[int, int, Any, str]]:
    """Slot, frame, record and place in the file of each annotation with a frame of the clip."""
    seen: set[tuple[int, int]] = set()
    for at, record in enumerate(annotations):
        where = f"{source}, annotations[{at}]"
        frame, slot = member(record, "frame_index", int, where), _slot(record, where)
        if not 0 <= frame < frames:
            continue
        if (slot, frame) in seen:
            found = f"person {slot} twice in frame {frame}"
            refuse(where, "each person once in a frame", found, "Give every person an id.")
        seen.add((slot, frame))
        yield slot, frame, record, where


def _slot(record: dict[str, Any], source: str) -> int:
    key = "id" if record.get("person_id") is None else "person_id"
    return member(record, key, int, source)
