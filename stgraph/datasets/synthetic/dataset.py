"""Labelled clips without a licence: a moving figure, written as genuine NTU ``.skeleton`` files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from stgraph.datasets.ntu import Bodies, SkeletonFileDataset
from stgraph.datasets.ntu_names import NTUName, Protocol
from stgraph.datasets.options import DatasetOptions
from stgraph.datasets.sources import ClipSource
from stgraph.datasets.synthetic.kinematics import ACTIONS, clip_rng, generate_clip
from stgraph.formats.ntu_writer import write_skeleton_file
from stgraph.graph import SkeletonGraph

if TYPE_CHECKING:
    from typing_extensions import Unpack

MOST_PERFORMERS = 106
CAMERAS = (1, 2, 3)


class SyntheticActions(SkeletonFileDataset):
    """Eleven actions by forty performers before three cameras: 1,320 clips.

    Actions come in pairs that are one another's reversal in time, so that one pose, or the mean
    pose, does not tell them apart: motion has to be looked at. Two actions have two persons. Clip
    lengths, sensor noise, lost joints and lost frames are as in NTU RGB+D.

    The first use writes the ``.skeleton`` files under ``root/raw``; from there on they are read as
    :class:`NTURGBD` reads real ones. The same seed gives the same files everywhere.

    Args:
        root: The folder of the data set.
        split: ``"train"`` or ``"test"``.
        protocol: ``"xsub"`` (half of the performers train) or ``"xview"`` (cameras 2, 3 train).
        performers: How many people act, each 33 clips; 2 to 106.
        seed: Another one gives other clips.
        bodies: Which bodies of a file become persons, see :class:`SkeletonFileDataset`.
        graph: Default: NTU-25 with the paper's spatial partition.
        options: See :class:`DatasetOptions` and :class:`ServingOptions`.
    """

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        protocol: Protocol = "xsub",
        *,
        performers: int = 40,
        seed: int = 0,
        bodies: Bodies = "two",
        graph: SkeletonGraph | None = None,
        **options: Unpack[DatasetOptions],
    ) -> None:
        if protocol not in ("xsub", "xview"):
            raise ValueError(f"Protocols are xsub and xview, not {protocol!r}.")
        if not 2 <= performers <= MOST_PERFORMERS or seed < 0:
            raise ValueError(
                f"There are 2 to {MOST_PERFORMERS} performers and seeds are not negative, found "
                f"{performers} and {seed}."
            )
        self.protocol = protocol
        self.performers, self.seed = performers, seed
        self.folder = f"seed{seed}-performers{performers}"
        self._choose(bodies, self.folder)
        super().__init__(root, split, graph=graph, **options)

    @property
    def raw_file_names(self) -> list[str]:
        return [f"{self.folder}/{name}.skeleton" for name in self._names()]

    def raw_clips(self) -> tuple[ClipSource, tuple[str, ...]]:
        """The files, those that were not there yet written first."""
        folder = Path(self.raw_dir) / self.folder
        folder.mkdir(parents=True, exist_ok=True)
        for name in tqdm(list(self._names()), desc="Generating clips", disable=None):
            path = folder / f"{name}.skeleton"
            if not path.exists():
                rng = clip_rng(self.seed, *name)
                clip = generate_clip(
                    name.action - 1, name.performer, name.camera, rng, setup=name.setup
                )
                write_skeleton_file(path, clip)
        return self._files([Path(path) for path in self.raw_paths]), ACTIONS

    def _names(self) -> Iterator[NTUName]:
        for performer in range(1, self.performers + 1):
            for camera in CAMERAS:
                for action in range(1, len(ACTIONS) + 1):
                    yield NTUName(1 + (performer - 1) % 17, camera, performer, 1, action)
