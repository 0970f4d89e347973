"""The .npz files of CTR-GCN and its successors: training and test clips of NTU RGB+D."""

from __future__ import annotations

import math
import os
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stgraph.formats.archives import LazyClips, without_padding, zeros_absent
from stgraph.formats.clip import Clip
from stgraph.formats.npy import NpyArray, NpzMember, npz_members
from stgraph.formats.refusal import check_memory, refuse
from stgraph.layouts import NTU25
from stgraph.skeleton import SkeletonLayout

_PERSONS, _CHANNELS = 2, 3
_MOST_CLASSES = 10_000
_CELLS = 1 << 20  # of one-hot labels, looked at together


class _Unpacked:
    """A temporary file that goes when this object does; a copy in another process owns nothing."""

    def __init__(self) -> None:
        handle, name = tempfile.mkstemp(suffix=".npy")
        os.close(handle)
        self.path = Path(name)
        weakref.finalize(self, _remove, self.path, os.getpid())

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()


class CtrgcnClips(LazyClips):
    """What :func:`read_ctrgcn_npz` gives.

    Attributes:
        labels: The classes of the clips.
        layout: Of all clips.
    """

    def __init__(
        self,
        data: NpyArray,
        labels: Sequence[int],
        split: str,
        *,
        layout: SkeletonLayout,
        unpacked: _Unpacked | None,
    ) -> None:
        self._data, self._split, self._unpacked = data, split, unpacked
        self.labels, self.layout = labels, layout

    def __len__(self) -> int:
        return len(self.labels)

    def _read(self, position: int) -> Clip:
        row = self._data.open()[position]
        persons = row.reshape(len(row), _PERSONS, -1, _CHANNELS).transpose(1, 0, 2, 3)
        if np.array_equal(persons[0], persons[1]):  # NTU-120 files repeat a person who is alone
            persons = persons[:1]
        return Clip(
            f"{self._split}-{position:06}",
            without_padding(zeros_absent(persons)),
            self.labels[position],
            (self._split,),
            layout=self.layout,
            source=f"{self._data.source}, clip {position}",
        )


def read_ctrgcn_npz(
    path: str | Path, split: Literal["train", "test"], *, layout: SkeletonLayout = NTU25
) -> CtrgcnClips:
    """The clips of one split of ``NTU60_CS.npz`` and the like, read when asked for.

    ``x_train`` is ``[N, T, 150]``: two persons of 25 joints of 3 channels. ``y_train`` is one-hot,
    or a class per clip. The file holds no names; clips are called ``train-000012`` after their
    place. Who is 0 in all joints of a frame is absent from it; single joints at 0 are seen, since
    the clips are centred on one. Empty frames at the end are padding. Where the second person is an
    exact copy of the first, it is left out: NTU-120 files repeat a person who is alone, NTU-60
    files leave zeros, and a clip should not depend on where it comes from.

    Stored arrays, as ``numpy.savez`` writes them, stay in the file. Those of
    ``numpy.savez_compressed`` are unpacked to a temporary file, which goes with the clips.

    Args:
        path: The file.
        split: ``train`` or ``test``.
        layout: The skeleton.

    Raises:
        ValueError: If the file is damaged or of another kind; and when a clip is read in which
            nobody is seen.

    Source: Uason-Chen/CTR-GCN, data/ntu/seq_transformation.py and feeders/feeder_ntu.py.
    """
    members = npz_members(path)
    if f"x_{split}" not in members or f"y_{split}" not in members:
        found = ", ".join(list(members)[:6])[:200] or "nothing"
        refuse(path, f"the arrays x_{split} and y_{split}", found, "The splits: train and test.")
    labels = _labels(members[f"y_{split}"])
    data, unpacked = _mapped(members[f"x_{split}"])
    width = _PERSONS * layout.num_joints * _CHANNELS
    if len(data.shape) != 3 or data.shape[2] != width or data.dtype.kind != "f":
        found = f"shape {list(data.shape)} of {data.dtype.name}"
        refuse(data.source, f"floats [clips, frames, {width}]", found, "Check the layout.")
    if len(labels) != data.shape[0]:
        found = f"{len(labels)} classes"
        refuse(data.source, f"{data.shape[0]} classes for as many clips", found, "Make it anew.")
    return CtrgcnClips(data, labels, split, layout=layout, unpacked=unpacked)


def _labels(member: NpzMember) -> list[int]:
    place, unpacked = _mapped(member)
    size = member.path.stat().st_size
    check_memory(member.source, 16 * math.prod(place.shape[:1]), size, "so many classes")
    values = place.open()
    if values.ndim == 2 and values.shape[1] <= _MOST_CLASSES:
        classes = _hot(values, member.source)
    elif values.ndim == 1 and values.dtype.kind in "iu":
        classes = values
    else:
        found = f"shape {list(values.shape)} of {values.dtype.name}"
        refuse(member.source, "classes, one-hot or whole numbers", found, "Make it anew.")
    if classes.min() < 0 or classes.max() >= 1 << 31:
        refuse(member.source, "classes from 0", "others", "Correct the labels.")
    return [int(label) for label in classes]


def _hot(values: NDArray[Any], source: str) -> NDArray[np.intp]:
    """The place of the one in every row ``[N, classes]``."""
    classes = np.empty(len(values), dtype=np.intp)
    rows = max(1, _CELLS // values.shape[1])
    for start in range(0, len(values), rows):
        block = values[start : start + rows]
        ones = block == 1
        good = ((block == 0) | ones).all(axis=1) & (ones.sum(axis=1) == 1)
        if not good.all():
            row = start + int(np.argmin(good))
            refuse(f"{source}, row {row}", "a one among zeros", "another", "Correct the labels.")
        classes[start : start + rows] = ones.argmax(axis=1)
    return classes


def _mapped(member: NpzMember) -> tuple[NpyArray, _Unpacked | None]:
    """The array in its file, or in a temporary one if it is packed."""
    if member.stored:
        return member.in_place(), None
    unpacked = _Unpacked()
    try:
        with unpacked.path.open("w+b") as target:
            return member.unpacked(target, unpacked.path), unpacked
    except OSError as error:
        remedy = "Save the arrays with numpy.savez, without compression, or make room there."
        expected = f"room for {member.size:,} bytes in {tempfile.gettempdir()}"
        refuse(member.source, expected, str(error.strerror), remedy)


def _remove(path: Path, owner: int) -> None:
    if os.getpid() == owner:  # a worker that was forked has this object, too
        path.unlink(missing_ok=True)
