"""From raw clips to a store: in parallel, in order, and going on where it was interrupted."""

from __future__ import annotations

import itertools
import json
import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import torch
from filelock import FileLock
from numpy.typing import NDArray
from torch.utils.data import DataLoader
from tqdm import tqdm

from stgraph.datasets.journal import JOURNAL, PLAN, Found, Journal
from stgraph.datasets.sources import ClipSource
from stgraph.datasets.store import DTYPES, FACTS, Store, row_of, table_of
from stgraph.formats import Clip

OnError = Literal["fail", "skip"]
REFUSED = "skipped.txt"
BLOCK = 16  # clips that a worker reads at a time
ROWS = 512  # of the journal, turned into a table at a time

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checks:
    """What every clip of a data set has to be; ``prepare`` is done to its keypoints before storing.

    Attributes:
        joints: V.
        classes: How many; labels are below.
        prepare: Keypoints to keypoints.
    """

    joints: int
    classes: int
    prepare: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None

    def __call__(self, clip: Clip) -> Clip:
        source = clip.source or f"Clip '{clip.name}'"
        if self.prepare is not None:
            try:
                prepared = self.prepare(clip.keypoints)
            except ValueError as error:
                raise ValueError(f"{source}: {error}") from error
            clip = replace(clip, keypoints=prepared, layout=None)
        if clip.keypoints.shape[2] != self.joints:
            raise ValueError(
                f"{source}: expected {self.joints} joints, found {clip.keypoints.shape[2]}; check "
                "the layout."
            )
        if clip.label is not None and not 0 <= clip.label < self.classes:
            raise ValueError(
                f"{source}: expected a label of {self.classes} classes, 0 to {self.classes - 1}, "
                f"found {clip.label}. Check class names and labels."
            )
        return clip


def write_store(
    folder: str | Path,
    source: ClipSource,
    checks: Checks,
    *,
    about: Mapping[str, Any] | None = None,
    dtype: str = "float32",
    workers: int = 0,
    on_error: OnError = "fail",
    anew: bool = False,
    title: str = "Reading clips",
) -> Store:
    """Read all clips of a source into a store at ``folder``, which appears when it is complete.

    Until then it grows in ``<folder>.partial``: keypoints are appended to one file, then a line
    about each clip to a journal. Interrupted at any moment, the next call goes on after the last
    clip of the journal whose ``key`` has not changed. Two processes that want the same store do it
    one after the other, and the second finds it done. Neither the number of workers nor an
    interruption changes a byte of the result.

    Args:
        folder: Where the store will be.
        source: The clips.
        checks: What they have to be.
        about: What all of them share, kept in the store.
        dtype: ``"float32"`` or ``"float16"``, in which coordinates are kept.
        workers: Processes that read; 0 reads in this one.
        on_error: ``"fail"`` stops after looking at all clips if some cannot be used; ``"skip"``
            leaves them out. Both list them, with the reasons, in ``skipped.txt``.
        anew: Whether a store that is there makes way for the new one, once that is complete.
        title: Of the progress bar.

    Raises:
        ValueError: If clips cannot be used and ``on_error="fail"``, or none can.
        OSError: If the disk is full or not writable; what is finished is kept.
    """
    if dtype not in DTYPES or on_error not in ("fail", "skip"):
        raise ValueError(
            f"dtype is one of {', '.join(DTYPES)} and on_error 'fail' or 'skip', found {dtype!r} "
            f"and {on_error!r}."
        )
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if folder.is_dir() and not anew:
            return Store.open(folder)
        partial = folder.with_name(f"{folder.name}.partial")
        shared = {"joints": checks.joints, "dtype": dtype, **(about or {})}
        plan = {"prepare": repr(checks.prepare), "clips": len(source), **shared}
        with Journal(partial, plan, source, retry=on_error == "fail") as journal:
            _read_all(journal, source, checks, workers=workers, title=title)
            refused = journal.refused
        _report(partial, refused, len(source), on_error)
        _finish(partial, {**shared, "skipped": len(refused)})
        _publish(partial, folder)
        return Store.open(folder)


def _publish(partial: Path, folder: Path) -> None:
    """Put the finished store in its place; the one that was there goes last."""
    old = folder.with_name(f"{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.is_dir():
        folder.replace(old)
    partial.replace(folder)
    for name in (JOURNAL, PLAN):  # kept until now: whatever interrupts, nothing is read twice
        (folder / name).unlink()
    shutil.rmtree(old, ignore_errors=True)


class _Reading:
    """The clips of a source from a position on, as a data set for PyTorch's loader."""

    def __init__(self, source: ClipSource, checks: Checks, start: int, dtype: str) -> None:
        self.source, self.checks, self.start, self.dtype = source, checks, start, dtype

    def __len__(self) -> int:
        return len(self.source) - self.start

    def __getitem__(self, number: int) -> Found:
        try:
            clip = self.checks(self.source[self.start + number])
            return Found(row_of(clip), _packed(clip, self.dtype))
        except ValueError as error:
            return Found(refusal=str(error))


def _packed(clip: Clip, dtype: str) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        numbers = np.ascontiguousarray(clip.keypoints, dtype=dtype)
    if np.isinf(numbers).any():
        raise ValueError(
            f"{clip.source or clip.name}: expected coordinates up to 65504, which float16 holds, "
            f"found {np.nanmax(np.abs(clip.keypoints)):g}. Use dtype='float32'."
        )
    return numbers


def _read_all(
    journal: Journal, source: ClipSource, checks: Checks, *, workers: int, title: str
) -> None:
    reading = _Reading(source, checks, journal.done, journal.plan["dtype"])
    loader: DataLoader[Found] = DataLoader(
        reading,  # type: ignore[arg-type]
        batch_size=BLOCK,
        num_workers=min(workers, -(-len(reading) // BLOCK)),
        collate_fn=list,
        generator=torch.Generator(),  # leaves the global one alone
    )
    with tqdm(total=len(source), initial=journal.done, desc=title, disable=None) as bar:
        for block in loader if len(reading) else ():
            for found in block:
                journal.add(found)
            bar.update(len(block))


def _report(partial: Path, refused: list[str], clips: int, on_error: OnError) -> None:
    report = partial / REFUSED
    if not refused:
        report.unlink(missing_ok=True)
    else:
        report.write_text("\n".join(refused) + "\n", encoding="utf-8")
    if refused and on_error == "fail":
        raise ValueError(
            f"{len(refused)} of {clips} clips cannot be used, all listed in {report}. The first: "
            f"{refused[0]} Mend or remove them, or leave them out with on_error='skip'."
        )
    if len(refused) == clips:
        first = f" The first: {refused[0]}" if refused else ""
        raise ValueError(f"There are no clips to put into {partial.with_suffix('')}.{first}")
    if refused:
        logger.warning("%d of %d clips are left out, see %s", len(refused), clips, REFUSED)


def _finish(partial: Path, about: dict[str, Any]) -> None:
    """Turn the journal into the table of facts."""
    tables, channels = [], 0
    with open(partial / JOURNAL, "rb") as file:
        lines = (json.loads(text) for text in file)
        clips = (line for line in lines if "row" in line)
        while some := list(itertools.islice(clips, ROWS)):
            channels = some[0]["channels"]
            tables.append(table_of([line["row"] for line in some]))
    table = pa.concat_tables(tables, promote_options="permissive").combine_chunks()
    about = {**about, "channels": channels}
    table = table.replace_schema_metadata({"stgraph": json.dumps(about)})
    with pa.OSFile(str(partial / FACTS), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
