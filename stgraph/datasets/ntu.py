"""NTU RGB+D 60 and 120 from the authors' ``.skeleton`` files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from stgraph import layouts, transforms
from stgraph.data import SkeletonData
from stgraph.datasets.base import KeypointTransform, OnError, SkeletonDataset
from stgraph.formats.ntu import read_skeleton_file
from stgraph.datasets.ntu_names import NTU_CLASSES, Protocol, missing_samples, ntu_split, parse_name
from stgraph.datasets.store import ClipRecord
from stgraph.graph import SkeletonGraph

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


class SkeletonFileDataset(SkeletonDataset):
    """Clips in NTU's file format and naming, split by a protocol of NTU.

    Which bodies of a file become persons is ``bodies``, each with a store of its own:
    ``"two"`` follows bodies by their id and keeps the two that move most; ``"all"`` follows them
    and keeps all, in order of first appearance; ``"position"`` makes the m-th body of each frame
    person m, whoever it is. :data:`stgraph.presets.PRESETS` says what each preset needs.
    """

    protocol: Protocol
    bodies: Bodies = "two"

    def read_item(self, path: Path) -> tuple[str, int, str, NDArray[np.float32]]:
        name = parse_name(path.stem)
        return str(name), name.action - 1, "", read_bodies(path, self.bodies)

    def split_of(self, record: ClipRecord) -> str:
        return ntu_split(record.name, self.protocol)

    def _choose(self, bodies: Bodies, tag: str) -> None:
        """Set which bodies are read and the name of the store that holds them."""
        if bodies not in get_args(Bodies):
            raise ValueError(f"bodies is one of {', '.join(get_args(Bodies))}, not {bodies!r}.")
        self.bodies = bodies
        self.tag = tag if bodies == "two" else f"{tag}-{bodies}"


class NTURGBD(SkeletonFileDataset):
    """NTU RGB+D and NTU RGB+D 120: Kinect v2, 25 joints, metres.

    From `Shahroudy et al. 2016 <https://arxiv.org/abs/1604.02808>`_ and `Liu et al. 2019
    <https://arxiv.org/abs/1905.04757>`_.

    The files are licensed: ask for the 3-D skeletons at
    https://rose1.ntu.edu.sg/dataset/actionRecognition and put them, unzipped, anywhere under
    ``root/raw``. The samples that the authors list as missing are left out. After adding files
    delete ``root/processed``.

    Args:
        root: The folder of the data set.
        split: ``"train"`` or ``"test"``.
        benchmark: ``"ntu60-xsub"``, ``"ntu60-xview"``, ``"ntu120-xsub"`` or ``"ntu120-xset"``.
        bodies: Which bodies of a file become persons, see :class:`SkeletonFileDataset`.
        graph: Default: NTU-25 with the paper's spatial partition.
        keypoint_transform, transform, on_error: see :class:`SkeletonDataset`.

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
        keypoint_transform: KeypointTransform | None = None,
        transform: Callable[[SkeletonData], SkeletonData] | None = None,
        on_error: OnError = "fail",
    ) -> None:
        if benchmark not in BENCHMARKS:
            raise ValueError(f"Benchmarks are {', '.join(BENCHMARKS)}, not {benchmark!r}.")
        classes, self.protocol = BENCHMARKS[benchmark]
        self.class_names = NTU_CLASSES[:classes]
        self._choose(bodies, f"ntu{classes}")
        super().__init__(
            root,
            split,
            graph or SkeletonGraph.from_layout(layouts.NTU25),
            keypoint_transform=keypoint_transform,
            transform=transform,
            on_error=on_error,
        )

    @property
    def raw_file_names(self) -> list[str]:
        return [str(path) for path in self.raw_items()]

    def raw_items(self) -> Iterable[Path]:
        paths = sorted(Path(self.raw_dir).rglob("*.skeleton"), key=lambda path: path.name)
        return [path for path in paths if self._wanted(path)]

    def download(self) -> None:
        raise RuntimeError(
            f"No .skeleton files of NTU RGB+D {self.num_classes} under {self.raw_dir}. They are "
            "licensed: ask for the 3-D skeletons at "
            "https://rose1.ntu.edu.sg/dataset/actionRecognition and unzip them there."
        )

    def _wanted(self, path: Path) -> bool:
        name = parse_name(path.stem)
        return name.action <= self.num_classes and str(name) not in missing_samples()
