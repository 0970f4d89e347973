"""Clips of your own: a folder of files, a table, and a layout."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stgraph.datasets.base import SkeletonDataset
from stgraph.datasets.options import DatasetOptions
from stgraph.datasets.sources import ClipSource, FileClips
from stgraph.formats import CLIP_SUFFIXES, Clip, read_clip
from stgraph.graph import SkeletonGraph
from stgraph.skeleton import SkeletonLayout

if TYPE_CHECKING:
    from typing_extensions import Unpack

COLUMNS = ("name", "label", "split")
LAYOUT, TABLE, CLASSES = "layout.json", "clips.csv", "classes.txt"


class SkeletonFolder(SkeletonDataset):
    """A data set of your own, from files under ``root/raw``.

    * ``clips.csv``: a line ``name,label,split`` per clip under a line with just these words. Labels
      are words or numbers, splits whatever you ask for later, such as train, val and test; a clip
      of several splits has them with ``;`` between. Further columns become facts.
    * ``clips/<name>.<suffix>``: the clip in any format of :func:`stgraph.formats.read_clip`, such
      as ``.npy``: an array ``[M, T, V, C]`` (``[T, V, C]`` for one person) in which NaN says that
      a joint was not seen.
    * ``layout.json``: the skeleton, as :meth:`SkeletonLayout.to_dict` writes it, unless ``layout``
      is given.
    * ``classes.txt``, if you like: the class names, one per line. Labels of the table are names, or
      numbers of lines from 0. Without it the classes are the labels of the table in order.

    Args:
        root: The folder of the data set.
        split: Which clips to take.
        layout: The skeleton. Default: ``layout.json``.
        graph: Default: the layout with the paper's spatial partition.
        options: See :class:`DatasetOptions` and :class:`ServingOptions`.
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        *,
        layout: SkeletonLayout | None = None,
        graph: SkeletonGraph | None = None,
        **options: Unpack[DatasetOptions],
    ) -> None:
        raw = Path(root) / "raw"
        self.layout = layout or folder_layout(root)
        self._table = _read_table(raw / TABLE)
        self._classes = _read_classes(raw / CLASSES, self._table)
        told = [raw / TABLE, *(raw / name for name in (CLASSES,) if (raw / name).is_file())]
        self.tag = f"clips-{_fingerprint(self.layout, told)}"
        if graph is not None and graph.layout.joint_names != self.layout.joint_names:
            raise ValueError(
                f"{raw} holds clips of layout '{self.layout.name}', the graph is of "
                f"'{graph.layout.name}'; their joints differ."
            )
        super().__init__(root, split, graph=graph, **options)

    @property
    def raw_file_names(self) -> list[str]:
        return [TABLE]

    def raw_clips(self) -> tuple[ClipSource, tuple[str, ...]]:
        home = Path(self.raw_dir) / "clips"
        files = _clip_files(home)
        rows = {}
        for name, row in self._table.items():
            label = _number(row.label, self._classes)
            rows[files.get(name, home / f"{name}.npy")] = _Named(name, label, row)
        return FileClips(rows, _ReadNamed(rows, self.layout)), self._classes


class _Row(NamedTuple):
    """What the table says of a clip besides its name."""

    label: str
    splits: tuple[str, ...]
    facts: dict[str, str]


class _Named(NamedTuple):
    name: str
    label: int
    row: _Row


@dataclass(frozen=True)
class _ReadNamed:
    """Reads a file, and adds what the table says."""

    rows: dict[Path, _Named]
    layout: SkeletonLayout

    def __call__(self, path: Path) -> Clip:
        name, label, row = self.rows[path]
        clip = read_clip(path)
        if clip.layout is not None and clip.layout.joint_names != self.layout.joint_names:
            raise ValueError(
                f"{path}: expected joints of layout '{self.layout.name}', found those of "
                f"'{clip.layout.name}'. Correct layout.json."
            )
        facts = {key: value for key, value in clip.facts.items() if key not in row.facts}
        return replace(
            clip,
            name=name,
            label=label,
            splits=row.splits,
            facts=facts | row.facts,
            layout=self.layout,
        )


def folder_layout(root: str | Path) -> SkeletonLayout:
    """The layout that a :class:`SkeletonFolder` at ``root`` declares."""
    path = Path(root) / "raw" / LAYOUT
    if not path.is_file():
        raise ValueError(
            f"There is no {path}; a folder of clips declares its skeleton there "
            "(json.dumps(layout.to_dict()))."
        )
    return SkeletonLayout.load(path)


def _clip_files(home: Path) -> dict[str, Path]:
    """The file or folder of each name: the path below ``home`` without the suffix."""
    found: dict[str, Path] = {}
    for path in sorted(home.rglob("*")):
        if path.is_dir() and any(path.glob("*.json")):
            name = path.relative_to(home).as_posix()
        elif path.suffix in CLIP_SUFFIXES:
            name = path.relative_to(home).with_suffix("").as_posix()
        else:
            continue
        if name in found:
            raise ValueError(
                f"{path}: expected one file for the clip '{name}', found {found[name].name} too. "
                "Remove one."
            )
        found[name] = path
    return found


def _read_table(path: Path) -> dict[str, _Row]:
    """What the table says of each name."""
    if not path.is_file():
        raise ValueError(f"There is no {path}; it lists the clips: {','.join(COLUMNS)}.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""))
        return _table_of(reader, path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"{path}: expected a table of commas in UTF-8, found that {error}. Save it as such."
        ) from None


def _table_of(reader: csv.DictReader[str], path: Path) -> dict[str, _Row]:
    if not set(COLUMNS) <= set(reader.fieldnames or ()):
        raise ValueError(
            f"{path} starts with the columns {', '.join(reader.fieldnames or ('nothing',))}; "
            f"it needs {', '.join(COLUMNS)}."
        )
    table: dict[str, _Row] = {}
    for line, row in _rows(reader, path):
        if row["name"] in table:
            raise ValueError(f"{path}, line {line}: '{row['name']}' comes twice.")
        facts = {key: value for key, value in row.items() if key not in COLUMNS}
        splits = tuple(dict.fromkeys(row["split"].split(";")))
        table[row["name"]] = _Row(row["label"], splits, facts)
    return table


def _rows(reader: csv.DictReader[str], path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    for row in reader:
        if not all(row[column] for column in COLUMNS):
            raise ValueError(f"{path}, line {reader.line_num}: name, label or split is empty.")
        if None in row or None in row.values():
            raise ValueError(f"{path}, line {reader.line_num}: more or fewer cells than columns.")
        yield reader.line_num, row


def _read_classes(path: Path, table: dict[str, _Row]) -> tuple[str, ...]:
    """The class names: those in the file, else the labels of the table in order."""
    labels = {row.label for row in table.values()}
    if not path.is_file():
        return class_order(labels)
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    names = tuple(line.strip() for line in lines if line.strip())
    positions = set(map(str, range(len(names))))
    unknown = sorted(labels - set(names) - positions)
    if unknown or len(set(names)) < len(names):
        raise ValueError(
            f"{path}: expected every label of {TABLE} once, found that "
            + (f"'{unknown[0]}' is missing. Add it." if unknown else "some come twice. Remove one.")
        )
    return names


def _number(label: str, names: tuple[str, ...]) -> int:
    """The class of a label: its place among the names, or the place that it is."""
    return names.index(label) if label in names else int(label)


def class_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Labels in order: numbers by value, words by the alphabet."""
    names = set(labels)
    if all(name.isdecimal() for name in names):
        return tuple(sorted(names, key=int))
    return tuple(sorted(names))


def _fingerprint(layout: SkeletonLayout, paths: list[Path]) -> str:
    """What is processed belongs to these contents, so that an edited table is read anew."""
    contents = [repr(layout.to_dict()).encode(), *(path.read_bytes() for path in paths)]
    return hashlib.sha256(b"".join(contents)).hexdigest()[:12]
