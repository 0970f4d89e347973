"""Kinetics-Skeleton: the poses of Kinetics-400 that the authors of ST-GCN gave away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from stgraph import layouts
from stgraph.datasets.base import SkeletonDataset
from stgraph.datasets.sources import ClipSource, FileClips
from stgraph.formats import Clip
from stgraph.formats.kinetics import KineticsEntry, read_kinetics_clip, read_kinetics_index

if TYPE_CHECKING:
    pass

SPLITS = ("train", "val")


class KineticsSkeleton(SkeletonDataset):
    """Kinetics-Skeleton: 400 actions, 18 joints of OpenPose; x, y in parts of the picture, score.

    From `Yan et al. 2018 <https://arxiv.org/abs/1801.07455>`_, section 4.1. The authors of st-gcn
    gave the files away; ask there (https://github.com/yysijie/st-gcn). Put them, unzipped, under
    ``root/raw``: ``kinetics_train/<id>.json``, ``kinetics_train_label.json``, and the same with
    ``val``; one of the two splits alone will do. Clips of which the index says ``has_skeleton:
    false`` are left out. Persons are places in a frame, not identities
    (:func:`~stgraph.formats.read_kinetics_clip`).

    This is not the Kinetics of pyskl, whose joints and detector are others (:class:`PYSKL`).

    Args:
        root: The folder of the data set.
        split: ``"train"`` or ``"val"``.
        graph: Default: OpenPose-18 with the paper's spatial partition.
        options: See :class:`DatasetOptions` and :class:`ServingOptions`. A few clips are known to
            show nobody although the index says otherwise: go without them by ``on_error="skip"``.
    """

    tag = "kinetics"
    layout = layouts.OPENPOSE18

    @property
    def raw_file_names(self) -> list[str]:
        return [f"kinetics_{split}_label.json" for split in SPLITS]

    def raw_clips(self) -> tuple[ClipSource, tuple[str, ...]]:
        listed: dict[Path, _Listed] = {}
        for split, path in zip(SPLITS, map(Path, self.raw_paths), strict=True):
            index = read_kinetics_index(path) if path.is_file() else {}
            home = path.with_name(f"kinetics_{split}")
            for name in sorted(name for name, entry in index.items() if entry.has_skeleton):
                listed[home / f"{name}.json"] = _Listed(split, index[name])
        if not listed:
            raise ValueError(
                f"There is neither {self.raw_paths[0]} nor one for val, or no clip in them. The "
                "files are those of st-gcn, https://github.com/yysijie/st-gcn; unzip them there."
            )
        return FileClips(listed, _ReadListed(listed)), _class_names(listed, Path(self.raw_dir))


@dataclass(frozen=True)
class _Listed:
    """What is known of a clip from the index."""

    split: str
    entry: KineticsEntry


@dataclass(frozen=True)
class _ReadListed:
    """Reads a clip and compares it with what the index says."""

    listed: dict[Path, _Listed]

    def __call__(self, path: Path) -> Clip:
        clip, known = read_kinetics_clip(path), self.listed[path]
        if clip.label != known.entry.label_index:
            raise ValueError(
                f"{path}: expected the label {known.entry.label_index} of the index, found "
                f"{clip.label}. Take both files from the same place."
            )
        return replace(clip, splits=(known.split,))


def _class_names(listed: dict[Path, _Listed], raw: Path) -> tuple[str, ...]:
    """The text of each label; a number where no clip has it."""
    names: dict[int, str] = {}
    for path, known in listed.items():
        entry = known.entry
        if names.setdefault(entry.label_index, entry.label) != entry.label or entry.label_index < 0:
            raise ValueError(
                f"{raw}, index of {known.split}, {path.stem}: expected one name for each label "
                f"from 0, found '{entry.label}' for {entry.label_index}. Take both indices from "
                "the same place."
            )
    return tuple(names.get(label, str(label)) for label in range(1 + max(names)))
