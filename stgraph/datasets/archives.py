"""Data sets in files of many clips, as other programs leave them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgraph import layouts
from stgraph.datasets.base import SkeletonDataset
from stgraph.datasets.ntu_names import NTU_CLASSES
from stgraph.datasets.options import DatasetOptions
from stgraph.datasets.sources import ArchiveClips, ClipSource, Joined
from stgraph.formats.ctrgcn_arrays import read_ctrgcn_npz
from stgraph.formats.pyskl import read_pyskl_pickle
from stgraph.formats.stgcn_arrays import read_stgcn_arrays
from stgraph.graph import SkeletonGraph
from stgraph.skeleton import SkeletonLayout

if TYPE_CHECKING:
    from typing_extensions import Unpack

CLASSES = "classes.txt"


class ArchiveDataset(SkeletonDataset):
    """Clips out of one or a few files under ``root/raw``.

    Such files hold classes as numbers. Their names are taken from ``root/raw/classes.txt``, one per
    line, if it is there when the store is made; for 60 and 120 classes of NTU's 25 joints they are
    those of NTU RGB+D; otherwise they are the numbers.

    Args:
        root: The folder of the data set.
        split: See there.
        layout: The skeleton.
        graph: Default: the layout with the paper's spatial partition.
        options: See :class:`DatasetOptions` and :class:`ServingOptions`.
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        *,
        layout: SkeletonLayout = layouts.NTU25,
        graph: SkeletonGraph | None = None,
        **options: Unpack[DatasetOptions],
    ) -> None:
        self.layout = layout
        super().__init__(root, split, graph=graph, **options)

    def _names(self, labels: Sequence[int | None]) -> tuple[str, ...]:
        """The class names for these labels."""
        count = 1 + max((label for label in labels if label is not None), default=0)
        path = Path(self.raw_dir) / CLASSES
        if path.is_file():
            lines = path.read_text(encoding="utf-8-sig").splitlines()
            return tuple(line.strip() for line in lines if line.strip())
        if self.layout.num_joints == layouts.NTU25.num_joints and count in (60, 120):
            return NTU_CLASSES[:count]
        return tuple(map(str, range(count)))

    def _raw(self, pattern: str) -> list[Path]:
        return sorted(Path(self.raw_dir).glob(pattern))


class PYSKL(ArchiveDataset):
    """The annotation pickles of PYSKL and MMAction2, such as ``ntu60_3danno.pkl``.

    From `Duan et al. 2022 <https://arxiv.org/abs/2205.09443>`_; where to get the files is told at
    https://github.com/kennymckormick/pyskl/blob/main/tools/data/README.md. Put one under
    ``root/raw``. No code in it is run (:func:`~stgraph.formats.read_pyskl_pickle`). Splits are the
    file's: ``xsub_train``, ``xsub_val``, ``xview_train`` ... for NTU RGB+D.

    Args:
        root: The folder of the data set.
        split: One of the file's, for example ``"xsub_train"``.
        layout: The skeleton: ``layouts.NTU25`` for Kinect's joints (x, y, z), ``layouts.COCO17``
            for HRNet's (x, y in pixels, score).
        graph: Default: the layout with the paper's spatial partition.
        options: See :class:`DatasetOptions` and :class:`ServingOptions`.
    """

    tag = "pyskl"

    def __init__(
        self,
        root: str | Path,
        split: str = "xsub_train",
        *,
        layout: SkeletonLayout = layouts.NTU25,
        graph: SkeletonGraph | None = None,
        **options: Unpack[DatasetOptions],
    ) -> None:
        super().__init__(root, split, layout=layout, graph=graph, **options)

    @property
    def raw_file_names(self) -> list[str]:
        return [path.name for path in self._raw("*.pkl")]

    def raw_clips(self) -> tuple[ClipSource, tuple[str, ...]]:
        paths = self._raw("*.pkl")
        if len(paths) != 1:
            raise ValueError(
                f"{self.raw_dir}: expected one annotation file such as ntu60_3danno.pkl, found "
                f"{len(paths)}. Give each a data set of its own."
            )
        clips = read_pyskl_pickle(paths[0], layout=self.layout)
        return ArchiveClips(clips, paths), self._names(clips.labels)


class StgcnArrays(ArchiveDataset):
    """What st-gcn's ``*_gendata.py`` and its relatives leave: padded arrays, names and labels.

    ``root/raw`` holds ``train_data.npy`` (or ``train_data_joint.npy``) and ``train_label.pkl``, and
    the same with ``val``; one of the two will do. Padding is taken off again
    (:func:`~stgraph.formats.read_stgcn_arrays`).

    Args:
        root: The folder of the data set.
        split: ``"train"`` or ``"val"``.
        layout, graph, options: As in :class:`ArchiveDataset`.
    """

    tag = "stgcn-arrays"

    @property
    def raw_file_names(self) -> list[str]:
        return [path.name for split in ("train", "val") for path in self._data(split)]

    def raw_clips(self) -> tuple[ClipSource, tuple[str, ...]]:
        parts, labels = [], list[int | None]()
        for split in ("train", "val"):
            for path in self._data(split):
                beside = path.with_name(f"{split}_label.pkl")
                clips = read_stgcn_arrays(path, beside, split=split, layout=self.layout)
                parts.append(ArchiveClips(clips, (path, beside)))
                labels += clips.labels
        if not parts:
            raise ValueError(
                f"{self.raw_dir}: expected train_data.npy and train_label.pkl, or the same with "
                "val, found neither. st-gcn's tools write them."
            )
        return Joined(parts), self._names(labels)

    def _data(self, split: str) -> list[Path]:
        return (self._raw(f"{split}_data.npy") or self._raw(f"{split}_data_joint.npy"))[:1]


class CtrgcnArrays(ArchiveDataset):
    """What CTR-GCN's ``seq_transformation.py`` leaves, such as ``NTU60_CS.npz``: two split arrays.

    Put one under ``root/raw``. Padding is taken off again, and copies of a person who is alone
    (:func:`~stgraph.formats.read_ctrgcn_npz`).

    Args:
        root: The folder of the data set.
        split: ``"train"`` or ``"test"``.
        layout, graph, options: As in :class:`ArchiveDataset`.
    """

    tag = "ctrgcn-arrays"

    @property
    def raw_file_names(self) -> list[str]:
        return [path.name for path in self._raw("*.npz")]

    def raw_clips(self) -> tuple[ClipSource, tuple[str, ...]]:
        paths = self._raw("*.npz")
        if len(paths) != 1:
            raise ValueError(
                f"{self.raw_dir}: expected one file such as NTU60_CS.npz, found {len(paths)}. Give "
                "each a data set of its own."
            )
        splits: Any = ("train", "test")
        found = [read_ctrgcn_npz(paths[0], split, layout=self.layout) for split in splits]
        labels = [label for clips in found for label in clips.labels]
        return Joined([ArchiveClips(clips, paths) for clips in found]), self._names(labels)
