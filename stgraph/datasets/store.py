"""Clips of any length in one flat file of keypoints, read as views, beside a table of facts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from stgraph.formats import Clip
from stgraph.formats.clip import RESERVED as FIXED

KEYPOINTS, FACTS = "keypoints.bin", "clips.arrow"
DTYPES = ("float32", "float16")

Keypoints = NDArray[np.floating[Any]]


class Store:
    """Clips by position: keypoints as views of one flat array, facts as columns of one table.

    A store is opened from the folder that :func:`~stgraph.datasets.processing.write_store` wrote,
    both its files mapped and not read, or held in memory (:meth:`of`). It opens in the same time
    whatever the number of clips, and processes share it: a copy sent to a worker is opened there
    anew.

    Args:
        table: A row for each clip: ``name``, ``label`` (-1: not known), ``persons``, ``frames``,
            ``offset`` (place of its first number), ``splits`` (a list), and a column for each fact.
        numbers: The flat array.
        about: What all clips share: ``joints``, ``channels``, ``class_names`` ...
    """

    def __init__(
        self,
        table: pa.Table,
        numbers: Keypoints,
        about: Mapping[str, Any],
        folder: Path | None = None,
    ) -> None:
        self.table, self.numbers, self.about, self.folder = table, numbers, dict(about), folder

    @classmethod
    def open(cls, folder: str | Path) -> Store:
        """The store in a folder.

        Raises:
            ValueError: If the folder is not a complete store.
        """
        folder = Path(folder)
        try:
            with pa.memory_map(str(folder / FACTS)) as source:
                table = pa.ipc.open_file(source).read_all()
            about = json.loads(table.schema.metadata[b"stgraph"])
            numbers = np.memmap(folder / KEYPOINTS, dtype=about["dtype"], mode="r")
            cells = pc.multiply(pc.multiply(table["persons"], table["frames"]), _joint_size(about))
            size = pc.sum(pc.cast(cells, pa.int64())).as_py() or 0
        except (OSError, ValueError, TypeError, KeyError, pa.ArrowException) as error:
            raise ValueError(
                f"{folder} is not a complete store of clips ({error}); delete it, and it is made "
                "again from the raw files."
            ) from None
        if not len(table) or size != len(numbers):
            raise ValueError(
                f"{folder} is damaged: {KEYPOINTS} holds {len(numbers)} numbers, {FACTS} says "
                f"{size}; delete the folder, and it is made again from the raw files."
            )
        return cls(table, numbers, about, folder)

    @classmethod
    def of(cls, clips: Iterable[Clip], **about: Any) -> Store:
        """A store in memory, of clips with equally many joints and channels."""
        clips = list(clips)
        sizes = [clip.keypoints.size for clip in clips]
        offsets = [0, *itertools.accumulate(sizes)]
        rows = [{**row_of(clip), "offset": at} for clip, at in zip(clips, offsets, strict=False)]
        numbers = np.concatenate([clip.keypoints.ravel() for clip in clips])
        numbers.flags.writeable = False
        _, _, joints, channels = clips[0].keypoints.shape
        return cls(table_of(rows), numbers, {"joints": joints, "channels": channels, **about})

    def __len__(self) -> int:
        return len(self.table)

    def keypoints(self, position: int) -> Keypoints:
        """``[M, T, V, C]``, NaN where a joint was not seen; a read-only view, no copy."""
        persons, frames = int(self.persons[position]), int(self.frames[position])
        start = int(self.offsets[position])
        shape = (persons, frames, self.about["joints"], self.about["channels"])
        end = start + persons * frames * _joint_size(self.about)
        return np.asarray(self.numbers[start:end]).reshape(shape)

    def name(self, position: int) -> str:
        return str(self.table["name"][position].as_py())

    @property
    def channels(self) -> int:
        return int(self.about["channels"])

    @property
    def joints(self) -> int:
        return int(self.about["joints"])

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """The class of each clip, -1 if not known."""
        return self.column("label").astype(np.int64)

    @cached_property
    def persons(self) -> NDArray[np.int64]:
        return self.column("persons")

    @cached_property
    def frames(self) -> NDArray[np.int64]:
        return self.column("frames")

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        return self.column("offset")

    def column(self, name: str) -> NDArray[Any]:
        """A fact of all clips, as an array."""
        if name not in self.table.column_names:
            raise ValueError(
                f"The clips have no fact '{name}'; they have {', '.join(self.table.column_names)}."
            )
        return self.table[name].combine_chunks().to_numpy(zero_copy_only=False)

    def splits(self) -> list[str]:
        """The names of all splits that clips say they belong to."""
        return sorted(pc.unique(pc.list_flatten(self.table["splits"])).to_pylist())

    def members(self, split: str) -> NDArray[np.int64]:
        """The positions of the clips that say they belong to a split."""
        lists = self.table["splits"]
        matches = pc.equal(pc.list_flatten(lists), split)
        return pc.list_parent_indices(lists).filter(matches).to_numpy()

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder} if self.folder else self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        opened = Store.open(state["folder"]) if list(state) == ["folder"] else None
        self.__dict__.update(state if opened is None else opened.__dict__)

    def __repr__(self) -> str:
        return f"Store({len(self)} clips, {self.folder or 'in memory'})"


def row_of(clip: Clip) -> dict[str, Any]:
    """The facts of a clip as a row, but for its place in the flat array."""
    persons, frames, _, _ = clip.keypoints.shape
    label = -1 if clip.label is None else int(clip.label)
    fixed = {"name": clip.name, "label": label, "persons": persons, "frames": frames}
    return {**fixed, "splits": list(clip.splits), **clip.facts}


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    """The table of these rows, which hold the fixed columns and any facts."""
    facts = list(dict.fromkeys(key for row in rows for key in row if key not in FIXED))
    columns = {key: [row.get(key) for row in rows] for key in (*FIXED, *facts)}
    schema = {key: pa.array(values, type=TYPES.get(key)) for key, values in columns.items()}
    return pa.table(schema)


TYPES = {
    "name": pa.string(),
    "label": pa.int32(),
    "persons": pa.int64(),
    "frames": pa.int64(),
    "offset": pa.int64(),
    "splits": pa.list_(pa.string()),
}


def _joint_size(about: Mapping[str, Any]) -> int:
    return int(about["joints"]) * int(about["channels"])
