"""Clips of any length on disk: one flat file of keypoints, read as views, and a table of facts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

KEYPOINTS, FACTS = "keypoints.f32", "clips.json"


@dataclass(frozen=True)
class ClipRecord:
    """The facts of a stored clip.

    Attributes:
        name: What the clip is called, unique in its store.
        label: Class, 0-based.
        split: Which part of the data it belongs to, where the clip itself says so.
        shape: Persons, frames, joints, channels.
        offset: Position of its first number in the flat file.
    """

    name: str
    label: int
    split: str
    shape: tuple[int, int, int, int]
    offset: int


class Store:
    """The clips in a folder that :func:`write_store` finished.

    Raises:
        ValueError: If the folder is not a complete store.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        try:
            rows = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            self.records = [ClipRecord(**{**row, "shape": tuple(row["shape"])}) for row in rows]
            self._numbers = np.memmap(folder / KEYPOINTS, dtype=np.float32, mode="r")
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f"{folder} is not a complete store of clips ({error}); delete it, and it is made "
                "again from the raw files."
            ) from None
        size = sum(int(np.prod(record.shape)) for record in self.records)
        if not self.records or size != len(self._numbers):
            raise ValueError(
                f"{folder} is damaged: {KEYPOINTS} has another size than {FACTS} says."
            )

    def __len__(self) -> int:
        return len(self.records)

    def keypoints(self, index: int) -> NDArray[np.float32]:
        """``[M, T, V, C]``, NaN where a joint was not seen; a read-only view of the file."""
        record = self.records[index]
        size = int(np.prod(record.shape))
        return self._numbers[record.offset : record.offset + size].reshape(record.shape)


def write_store(
    folder: str | Path, clips: Iterable[tuple[str, int, str, NDArray[np.float32]]]
) -> None:
    """Write clips ``(name, label, split, keypoints)`` as a store that appears only when complete.

    Until then it is built in ``<folder>.partial``, which is thrown away if anything goes wrong and
    never read.

    Raises:
        ValueError: If there is no clip.
        OSError: If the disk is full or not writable.
    """
    folder = Path(folder)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _write(partial, clips)
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(folder: Path, clips: Iterable[tuple[str, int, str, NDArray[np.float32]]]) -> None:
    records: list[ClipRecord] = []
    offset = 0
    with open(folder / KEYPOINTS, "wb") as file:
        for name, label, split, keypoints in clips:
            numbers = np.ascontiguousarray(keypoints, dtype=np.float32)
            persons, frames, joints, channels = numbers.shape
            shape = (persons, frames, joints, channels)
            records.append(ClipRecord(name, label, split, shape, offset))
            file.write(numbers.tobytes())
            offset += numbers.size
    if not records:
        raise ValueError(f"There are no clips to put into {folder.with_suffix('')}.")
    text = json.dumps([asdict(record) for record in records])
    (folder / FACTS).write_text(text, encoding="utf-8")
