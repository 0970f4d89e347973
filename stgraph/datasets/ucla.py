"""Northwestern-UCLA: ten actions seen by three cameras, in the files that CTR-GCN reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stgraph import layouts
from stgraph.datasets.base import SkeletonDataset
from stgraph.datasets.sources import ClipSource, FileClips
from stgraph.datasets.store import Store
from stgraph.formats.ucla import UCLA_CLASSES, read_ucla_clip

if TYPE_CHECKING:
    pass

TEST_VIEW = 3
LEAKED_ACTIONS = (2, 3)


class NWUCLA(SkeletonDataset):
    """Northwestern-UCLA Multiview Action 3D: Kinect v1, 20 joints, 1,484 clips of ten actions.

    From Wang et al., "Cross-view Action Modeling, Learning and Recognition", CVPR 2014. Put the
    files ``a01_s01_e00_v01.json`` ..., as `CTR-GCN <https://github.com/Uason-Chen/CTR-GCN>`_ links
    to them, anywhere under ``root/raw``. No licence is known; the files are not given away here.

    **The official test split is not clean**: in the files that go round, all 95 test clips of
    actions 2 and 3 equal a training clip of the second view, a fifth of the 464. Split
    ``"test-clean"`` leaves these two actions out: 369 clips of eight classes. Report both.

    Args:
        root: The folder of the data set.
        split: ``"train"`` (views 1 and 2), ``"test"`` (view 3) or ``"test-clean"``.
        graph: Default: UCLA-20 with the paper's spatial partition.
        options: See :class:`DatasetOptions` and :class:`ServingOptions`. A clip knows the facts
            ``action``, ``subject``, ``take`` and ``view``.
    """

    tag = "nw-ucla"
    layout = layouts.UCLA20

    @property
    def raw_file_names(self) -> list[str]:
        raw = Path(self.raw_dir)
        return [str(path.relative_to(raw)) for path in self._paths()]

    def raw_clips(self) -> tuple[ClipSource, tuple[str, ...]]:
        paths = self._paths()
        if not paths:
            raise ValueError(
                f"There are no files like a01_s01_e00_v01.json under {self.raw_dir}; "
                "https://github.com/Uason-Chen/CTR-GCN says where they are."
            )
        return FileClips(paths, read_ucla_clip), UCLA_CLASSES

    def splits(self, store: Store) -> list[str]:
        return ["test", "test-clean", "train"]

    def members(self, store: Store, split: str) -> NDArray[np.int64]:
        tests = store.column("view") == TEST_VIEW
        if split == "train":
            return np.flatnonzero(~tests)
        leaked = np.isin(store.column("action"), LEAKED_ACTIONS)
        return np.flatnonzero(tests & ~leaked if split == "test-clean" else tests)

    def _paths(self) -> list[Path]:
        return sorted(Path(self.raw_dir).rglob("a*_s*_e*_v*.json"), key=lambda path: path.name)
