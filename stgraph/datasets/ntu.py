"""NTU RGB+D 60 and 120 from the authors' ``.skeleton`` files."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from stgraph import layouts, transforms
from stgraph.datasets.base import SkeletonDataset
from stgraph.datasets.ntu_names import (
    NTU_CLASSES,
    PROTOCOLS,
    Protocol,
    missing_samples,
    ntu_split,
    parse_name,
)
from stgraph.datasets.options import DatasetOptions
from stgraph.datasets.sources import ClipSource, FileClips
from stgraph.datasets.store import Store
from stgraph.datasets.unzip import unzip
from stgraph.formats import Clip
from stgraph.formats.ntu import read_skeleton_file
from stgraph.graph import SkeletonGraph

if TYPE_CHECKING:
    from typing_extensions import Unpack

Benchmark = Literal["ntu60-xsub", "ntu60-xview", "ntu120-xsub", "ntu120-xset"]
BENCHMARKS: dict[str, tuple[int, Protocol]] = {
    "ntu60-xsub": (60, "xsub"),
    "ntu60-xview": (60, "xview"),
    "ntu120-xsub": (120, "xsub"),
    "ntu120-xset": (120, "xset"),
}
MAX_PERSONS = 2
Bodies = Literal["two", "all", "position"]


def read_bodies(path: Path, bodies: Bodies = "two") -> NDArray[np.float32]:
    """The keypoints ``[M, T, 25, 3]`` of a file, with the bodies of that choice as persons."""
    recording = read_skeleton_file(path)
    if bodies == "position":
        return recording.by_position()
    if bodies == "two" and len(recording.keypoints):
        followed = torch.from_numpy(recording.keypoints)
        return transforms.keep_persons(followed, MAX_PERSONS).numpy()
    return recording.keypoints


def read_ntu_clip(path: Path, bodies: Bodies = "two") -> Clip:
    """The clip in a file that is named as NTU's are; the five numbers of the name are facts."""
    name = parse_name(path.stem)
    return Clip(
        str(name),
        read_bodies(path, bodies),
        label=name.action - 1,
        facts=name._asdict(),
        layout=layouts.NTU25,
        source=str(path),
    )


class SkeletonFileDataset(SkeletonDataset):
    """Clips in NTU's file format and naming, split by a protocol of NTU.

    Which bodies of a file become persons is ``bodies``, each with a store of its own:
    ``"two"`` follows bodies by their id and keeps the two that move most; ``"all"`` follows them
    and keeps all, in order of first appearance; ``"position"`` makes the m-th body of each frame
    person m, whoever it is. :data:`stgraph.presets.PRESETS` says what each preset needs.
    """

    layout = layouts.NTU25
    protocol: Protocol
    bodies: Bodies

    def _choose(self, bodies: Bodies, tag: str) -> None:
        """Set which bodies are read and the name of the store that holds them."""
        if bodies not in get_args(Bodies):
            raise ValueError(f"bodies is one of {', '.join(get_args(Bodies))}, not {bodies!r}.")
        self.bodies = bodies
        self.tag = tag if bodies == "two" else f"{tag}-{bodies}"

    def _files(self, paths: list[Path]) -> FileClips:
        return FileClips(paths, partial(read_ntu_clip, bodies=self.bodies))

    def splits(self, store: Store) -> list[str]:
        return ["test", "train"]

    def members(self, store: Store, split: str) -> NDArray[np.int64]:
        rule = PROTOCOLS[self.protocol]
        value = store.column(rule.field)
        foreign = np.flatnonzero(~np.isin(value, rule.known))
        if len(foreign):
            ntu_split(store.name(int(foreign[0])), self.protocol)  # says what is wrong with it
        training = np.isin(value, list(rule.training))
        return np.flatnonzero(training if split == "train" else ~training)


class NTURGBD(SkeletonFileDataset):
    """NTU RGB+D and NTU RGB+D 120: Kinect v2, 25 joints, metres.

    From `Shahroudy et al. 2016 <https://arxiv.org/abs/1604.02808>`_ and `Liu et al. 2019
    <https://arxiv.org/abs/1905.04757>`_.

    The files are licensed: ask for the 3-D skeletons at
    https://rose1.ntu.edu.sg/dataset/actionRecognition and put them anywhere under ``root/raw``, as
    ``.skeleton`` files or as the archives in which they come. The samples that the authors list as
    missing are left out. All benchmarks share one store; it is made on first use, and anew, after
    adding files, with ``force_reload=True``.

    Args:
        root: The folder of the data set.
        split: ``"train"`` or ``"test"``.
        benchmark: ``"ntu60-xsub"``, ``"ntu60-xview"``, ``"ntu120-xsub"`` or ``"ntu120-xset"``.
        bodies: Which bodies of a file become persons, see :class:`SkeletonFileDataset`.
        graph: Default: NTU-25 with the paper's spatial partition.
        options: See :class:`DatasetOptions` and :class:`ServingOptions`. A clip knows the facts
            ``setup``, ``camera``, ``performer``, ``replication`` and ``action``.

    **STATS:**

    ============= ======== ======= ======= =========
    benchmark     classes  train   test    missing
    ============= ======== ======= ======= =========
    ntu60-xsub    60       40,091  16,487  302
    ntu60-xview   60       37,646  18,932  302
    ntu120-xsub   120      63,026  50,919  535
    ntu120-xset   120      54,468  59,477  535
    ============= ======== ======= ======= =========
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        benchmark: Benchmark = "ntu60-xsub",
        *,
        bodies: Bodies = "two",
        graph: SkeletonGraph | None = None,
        **options: Unpack[DatasetOptions],
    ) -> None:
        if benchmark not in BENCHMARKS:
            raise ValueError(f"Benchmarks are {', '.join(BENCHMARKS)}, not {benchmark!r}.")
        self._classes, self.protocol = BENCHMARKS[benchmark]
        self._choose(bodies, "ntu")
        super().__init__(root, split, graph=graph, **options)

    @property
    def raw_file_names(self) -> list[str]:
        raw = Path(self.raw_dir)
        return [str(path.relative_to(raw)) for path in self._paths()]

    def raw_clips(self) -> tuple[ClipSource, tuple[str, ...]]:
        for archive in sorted(Path(self.raw_dir).rglob("*.zip")):
            there = {path.name for path in Path(self.raw_dir).rglob("*.skeleton")}
            unzip(archive, archive.with_suffix(""), ".skeleton", known=there)
        paths = self._paths()
        if not paths:
            raise ValueError(
                f"There are no .skeleton files under {self.raw_dir}. They are licensed: ask for "
                "the 3-D skeletons at https://rose1.ntu.edu.sg/dataset/actionRecognition and put "
                "them, or their archives, there."
            )
        return self._files(paths), NTU_CLASSES

    def members(self, store: Store, split: str) -> NDArray[np.int64]:
        labels = store.labels
        if self._classes > 60 and not (labels >= 60).any():
            raise ValueError(
                f"{store.folder} holds the actions of NTU RGB+D 60 only; add the files of actions "
                f"61 to 120 to {self.raw_dir} and say force_reload=True."
            )
        positions = super().members(store, split)
        return positions[labels[positions] < self._classes]

    def classes_of(self, store: Store) -> tuple[str, ...]:
        return NTU_CLASSES[: self._classes]

    def _paths(self) -> list[Path]:
        found = sorted(Path(self.raw_dir).rglob("*.skeleton"), key=lambda path: path.name)
        return [path for path in found if path.stem not in missing_samples()]
