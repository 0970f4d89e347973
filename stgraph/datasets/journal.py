"""What is finished of a store while it is made: keypoints, and a line for each clip, in order."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stgraph.datasets.sources import ClipSource
from stgraph.datasets.store import KEYPOINTS

JOURNAL, PLAN = "journal.jsonl", "plan.json"
SECONDS = 1.0  # of work that an interruption may cost


class Found(NamedTuple):
    """A clip as it goes into the store, or the reason why it does not."""

    row: dict[str, Any] | None = None
    numbers: NDArray[Any] | None = None
    refusal: str | None = None


class Journal:
    """What is finished: the file of keypoints, and in order a line for each clip."""

    def __init__(
        self, folder: Path, plan: dict[str, Any], source: ClipSource, *, retry: bool
    ) -> None:
        self.folder, self.plan, self.source, self.retry = folder, plan, source, retry
        self.kinds: dict[str, bool] = {}  # whether a fact is a text
        self.done, self.offset = 0, 0
        self.names: set[str] = set()
        self.refused: list[str] = []
        self.channels: int | None = None
        self._pending: list[str] = []
        self._written = time.monotonic()

    def __enter__(self) -> Journal:
        text = json.dumps(self.plan, sort_keys=True)
        plan = self.folder / PLAN
        if not plan.is_file() or plan.read_text(encoding="utf-8") != text:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            plan.write_text(text, encoding="utf-8")
        self._keypoints = _opened(self.folder / KEYPOINTS)
        self._lines = _opened(self.folder / JOURNAL)
        self._replay()
        return self

    def __exit__(self, *_: object) -> None:
        self._commit()
        self._keypoints.close()
        self._lines.close()

    def add(self, found: Found) -> None:
        """Append a clip, or the reason why it is left out."""
        refusal = found.refusal or self._misfit(found)
        line: dict[str, Any] = {"refused": refusal}
        if refusal is None and found.row is not None and found.numbers is not None:
            line = {"row": {**found.row, "offset": self.offset}, "channels": _channels(found)}
            self._keypoints.write(found.numbers.tobytes())
        key = _digest(self.source.key(self.done))
        self._pending.append(json.dumps({"key": key, **line}) + "\n")
        self._take(line)
        if time.monotonic() - self._written > SECONDS:
            self._commit()

    def _commit(self) -> None:
        """Make it last: the journal speaks of clips only after their keypoints are on disk."""
        self._keypoints.flush()
        os.fsync(self._keypoints.fileno())
        self._lines.write("".join(self._pending).encode())
        self._lines.flush()
        self._pending, self._written = [], time.monotonic()

    def _misfit(self, found: Found) -> str | None:
        assert found.row is not None
        name, channels = found.row["name"], _channels(found)
        if name in self.names:
            return f"Clip '{name}': expected one of that name, found two. Rename one."
        if self.channels not in (None, channels):
            return (
                f"Clip '{name}': expected {self.channels} channels as in the clips before, found "
                f"{channels}. All clips of a data set have the same."
            )
        for fact, value in found.row.items():
            if self.kinds.get(fact, isinstance(value, str)) != isinstance(value, str):
                return (
                    f"Clip '{name}': expected the fact '{fact}' to be of one kind in all clips, "
                    f"found {value!r} among {'texts' if self.kinds[fact] else 'numbers'}. Make it "
                    "text, or a number, everywhere."
                )
        return None

    def _take(self, line: dict[str, Any]) -> None:
        self.done += 1
        if "refused" in line:
            self.refused.append(line["refused"])
            return
        row, self.channels = line["row"], line["channels"]
        self.names.add(row["name"])
        for fact, value in row.items():
            self.kinds.setdefault(fact, isinstance(value, str))
        self.offset = row["offset"] + self._size(line)

    def _size(self, line: dict[str, Any]) -> int:
        row = line["row"]
        return int(row["persons"] * row["frames"] * self.plan["joints"] * line["channels"])

    def _replay(self) -> None:
        """Take over what an earlier run finished, and cut off what it had only begun."""
        width = np.dtype(self.plan["dtype"]).itemsize
        held = self._keypoints.seek(0, os.SEEK_END) // width
        valid = 0
        for text in self._lines:
            line = _parsed(text)
            if line is None or self.done >= len(self.source):
                break
            if line["key"] != _digest(self.source.key(self.done)):
                break
            if "refused" in line and self.retry:  # whatever was missing may be there now
                break
            if "row" in line and line["row"]["offset"] + self._size(line) > held:
                break
            self._take(line)
            valid += len(text)
        for file, end in ((self._lines, valid), (self._keypoints, self.offset * width)):
            file.truncate(end)
            file.seek(end)


def _channels(found: Found) -> int:
    assert found.numbers is not None
    return int(found.numbers.shape[3])


def _opened(path: Path) -> BinaryIO:
    path.touch()
    return open(path, "r+b")


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _parsed(line: bytes) -> dict[str, Any] | None:
    """A line of the journal, ``None`` if it was not finished."""
    try:
        row = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return row if isinstance(row, dict) and "key" in row else None
