"""Clips of your own: a folder of arrays, a table, and a layout."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stgraph.data import SkeletonData
from stgraph.datasets.base import KeypointTransform, OnError, SkeletonDataset
from stgraph.graph import SkeletonGraph
from stgraph.skeleton import SkeletonLayout

COLUMNS = ("name", "label", "split")


class SkeletonFolder(SkeletonDataset):
    """A data set of your own, from three things under ``root/raw``.

    * ``layout.json``: the skeleton, as :meth:`SkeletonLayout.to_dict` writes it;
    * ``clips.csv``: a line ``name,label,split`` per clip under a line with just these words. Labels
      are words or numbers, splits whatever you ask for later, such as train, val and test;
    * ``clips/<name>.npy``: keypoints ``[M, T, V, C]``, or ``[T, V, C]`` for one person. NaN in all
      channels says that a joint was not seen.

    Args:
        root: The folder of the data set.
        split: Which clips to take.
        graph: Default: the folder's layout with the paper's spatial partition.
        keypoint_transform, transform, on_error: see :class:`SkeletonDataset`.
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        *,
        graph: SkeletonGraph | None = None,
        keypoint_transform: KeypointTransform | None = None,
        transform: Callable[[SkeletonData], SkeletonData] | None = None,
        on_error: OnError = "fail",
    ) -> None:
        raw = Path(root) / "raw"
        self.layout = folder_layout(root)
        self._table = _read_table(raw / "clips.csv")
        self.class_names = _class_names(label for label, _ in self._table.values())
        self.tag = f"clips-{_fingerprint(raw / 'clips.csv', raw / 'layout.json')}"
        if graph is not None and graph.layout.joint_names != self.layout.joint_names:
            raise ValueError(
                f"{raw} holds clips of layout '{self.layout.name}', the graph is of "
                f"'{graph.layout.name}'; their joints differ."
            )
        super().__init__(
            root,
            split,
            graph or SkeletonGraph.from_layout(self.layout),
            keypoint_transform=keypoint_transform,
            transform=transform,
            on_error=on_error,
        )

    @property
    def raw_file_names(self) -> list[str]:
        return ["layout.json", "clips.csv"]

    def download(self) -> None:
        raise RuntimeError(f"{self.raw_dir} lacks layout.json or clips.csv.")

    def raw_items(self) -> Iterable[Path]:
        return [Path(self.raw_dir) / "clips" / f"{name}.npy" for name in self._table]

    def read_item(self, path: Path) -> tuple[str, int, str, NDArray[np.float32]]:
        name = path.relative_to(Path(self.raw_dir) / "clips").with_suffix("").as_posix()
        label, split = self._table[name]
        return name, self.class_names.index(label), split, read_array(path)


def folder_layout(root: str | Path) -> SkeletonLayout:
    """The layout that a :class:`SkeletonFolder` at ``root`` declares."""
    path = Path(root) / "raw" / "layout.json"
    if not path.is_file():
        raise ValueError(
            f"There is no {path}; a folder of clips declares its skeleton there "
            "(json.dumps(layout.to_dict()))."
        )
    return SkeletonLayout.load(path)


def read_array(path: str | Path) -> NDArray[np.float32]:
    """Keypoints ``[M, T, V, C]`` from a ``.npy`` file; ``[T, V, C]`` is taken for one person.

    Raises:
        ValueError: If the file is no array of numbers or has another number of axes.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path} cannot be read as a NumPy array: {error}") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise ValueError(f"{path} holds no plain array of numbers.")
    if array.ndim not in (3, 4):
        raise ValueError(
            f"{path} holds an array of shape {list(array.shape)}, expected [persons, frames, "
            "joints, channels] or [frames, joints, channels]."
        )
    return np.asarray(array if array.ndim == 4 else array[None], dtype=np.float32)


def _read_table(path: Path) -> dict[str, tuple[str, str]]:
    """Label and split of each name."""
    if not path.is_file():
        raise ValueError(f"There is no {path}; it lists the clips: {','.join(COLUMNS)}.")
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if not set(COLUMNS) <= set(reader.fieldnames or ()):
            raise ValueError(
                f"{path} starts with the columns {', '.join(reader.fieldnames or ('nothing',))}; "
                f"it needs {', '.join(COLUMNS)}."
            )
        table: dict[str, tuple[str, str]] = {}
        for row in reader:
            if not all(row[column] for column in COLUMNS):
                raise ValueError(f"{path}, line {reader.line_num}: name, label or split is empty.")
            if row["name"] in table:
                raise ValueError(f"{path}, line {reader.line_num}: '{row['name']}' comes twice.")
            table[row["name"]] = (row["label"], row["split"])
    return table


def _fingerprint(*paths: Path) -> str:
    """What is processed belongs to these contents, so that an edited table is read anew."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:12]


def _class_names(labels: Iterable[str]) -> tuple[str, ...]:
    """All labels in order: numbers by value, words by the alphabet."""
    names = set(labels)
    if all(name.isdecimal() for name in names):
        return tuple(sorted(names, key=int))
    return tuple(sorted(names))
