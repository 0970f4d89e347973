"""One clip per file: arrays in NumPy's .npy and .npz files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stgraph.formats.archives import class_label
from stgraph.formats.clip import Clip
from stgraph.formats.npy import NpzMember, npz_members, opened, read_npy
from stgraph.formats.refusal import MEMORY_FACTOR, MEMORY_FLOOR, refuse

_AXES = "[persons, frames, joints, channels] or [frames, joints, channels]"


def read_array_clip(path: str | Path) -> Clip:
    """The clip in a ``.npy`` or ``.npz`` file, named after the file.

    * ``.npy``: keypoints ``[M, T, V, C]``, or ``[T, V, C]`` for one person;
    * ``.npz``: ``keypoints`` as above, and if you like ``score`` ``[M, T, V]`` or ``[T, V]``, which
      becomes the last channel, and ``label``, a whole number; or one array alone, of any name.

    Numbers are whole or floats of any size and become float32. NaN in all channels says that a
    joint was not seen; zeros are places like any other.

    Raises:
        ValueError: If the file is damaged, holds other things than numbers, axes do not fit, or a
            compressed file would unpack to far more than its size.
    """
    path = Path(path)
    with opened(path) as file:
        zipped = file.read(4) == b"PK\3\4"
    if not zipped:
        return _clip(read_npy(path), None, path)
    members = npz_members(path)
    if len(members) == 1:
        return _clip(_values(next(iter(members.values()))), None, path)
    if "keypoints" not in members or not set(members) <= {"keypoints", "score", "label"}:
        found = f"{len(members)} arrays, among them {', '.join(map(repr, list(members)[:5]))[:200]}"
        remedy = "Name the keypoints so, and leave out what is not read."
        refuse(path, "the arrays keypoints, score and label", found, remedy)
    label = _label(members["label"]) if "label" in members else None
    keypoints, unpacked = _values(members["keypoints"]), members["keypoints"].size
    if "score" in members:
        score = _values(members["score"], unpacked)
        keypoints = _with_score(keypoints, score, members["score"].source)
    return _clip(keypoints, label, path)


def _with_score(keypoints: NDArray[Any], score: NDArray[Any], source: str) -> NDArray[np.float32]:
    if score.shape != keypoints.shape[:-1]:
        expected = f"shape {list(keypoints.shape[:-1])} as the keypoints have"
        refuse(source, expected, f"{list(score.shape)}", "Give a score for every joint.")
    with np.errstate(over="ignore", invalid="ignore"):
        parts = (keypoints, score[..., None])
        joined = np.concatenate(parts, axis=-1, dtype=np.float32, casting="unsafe")
    joined[np.isnan(joined[..., :-1]).all(axis=-1)] = np.nan
    return joined


def _clip(values: NDArray[Any], label: int | None, path: Path) -> Clip:
    if values.dtype.kind not in "fiu":
        remedy = "Save the keypoints as floats."
        refuse(path, "numbers", f"an array of {values.dtype.name}", remedy)
    if values.ndim not in (3, 4):
        found = f"shape {list(values.shape)}"
        refuse(path, f"keypoints {_AXES}", found, "Put the axes in this order.")
    with np.errstate(over="ignore", invalid="ignore"):
        keypoints = np.array(values if values.ndim == 4 else values[None], dtype=np.float32)
    return Clip(path.stem, keypoints, label, source=str(path))


def _label(member: NpzMember) -> int | None:
    values = _values(member)
    if values.size != 1:
        remedy = "Save a whole number as label."
        refuse(member.source, "one label", f"shape {list(values.shape)}", remedy)
    return class_label(values.reshape(())[()], member.source)


def _values(member: NpzMember, before: int = 0) -> NDArray[Any]:
    """The member's array; ``before`` counts the bytes that other members have unpacked to."""
    if member.stored:
        return member.in_place().open()
    size = member.path.stat().st_size
    allowed = MEMORY_FACTOR * size + MEMORY_FLOOR
    if 3 * (member.size + before) > allowed:  # packed bytes, floats of 32 bits, and their checks
        found = f"{member.size + before:,} unpacked"
        remedy = "Save it with numpy.savez, without compression."
        refuse(member.source, f"at most {allowed // 3:,} bytes out of {size:,}", found, remedy)
    return member.in_memory()
