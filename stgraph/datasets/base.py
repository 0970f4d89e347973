"""What all data sets share: clips in a store, splits as positions in it, graphs made late."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Dataset
from tqdm import tqdm

from stgraph import transforms
from stgraph.build import build_clip
from stgraph.data import SkeletonData
from stgraph.datasets.store import ClipRecord, Store, write_store
from stgraph.graph import SkeletonGraph

KeypointTransform = Callable[[Tensor], Tensor]
OnError = Literal["fail", "skip"]

logger = logging.getLogger(__name__)


class SkeletonDataset(Dataset):
    """A PyG data set of clips whose keypoints lie on disk and whose edges are made when asked for.

    ``root/raw`` holds what people gave, ``root/processed`` what :class:`Store` made of it, once.
    A data set of your own gives ``tag``, ``class_names``, ``raw_items`` and ``read_item``, and
    ``split_of`` where clips do not carry their split.

    Args:
        root: The folder of the data set.
        split: Which part to take.
        graph: The labelled frame that clips are built with.
        keypoint_transform: Applied to keypoints ``[M, T, V, C]`` (NaN: not seen) before the graph
            is made; see :mod:`stgraph.transforms`.
        transform: Applied to the :class:`SkeletonData`, as in every PyG data set.
        on_error: ``"fail"`` stops at the end of processing if a raw file cannot be read; ``"skip"``
            leaves such files out and lists them in ``root/processed/<tag>/skipped.txt``.
    """

    class_names: tuple[str, ...]
    tag: str

    def __init__(
        self,
        root: str | Path,
        split: str,
        graph: SkeletonGraph,
        *,
        keypoint_transform: KeypointTransform | None = None,
        transform: Callable[[SkeletonData], SkeletonData] | None = None,
        on_error: OnError = "fail",
    ) -> None:
        if on_error not in ("fail", "skip"):
            raise ValueError(f"on_error is 'fail' or 'skip', not {on_error!r}.")
        self.split = split
        self.graph = graph
        self.keypoint_transform = keypoint_transform
        self.on_error = on_error
        super().__init__(str(root), transform, log=False)
        self.store = Store(self.processed_paths[0])
        self._chosen = [
            index
            for index, record in enumerate(self.store.records)
            if self.split_of(record) == split
        ]
        if not self._chosen:
            splits = sorted({self.split_of(record) for record in self.store.records})
            raise ValueError(
                f"{self} has no clips in the split '{split}'; its {len(self.store)} clips are in: "
                f"{', '.join(splits)}."
            )

    @property
    def processed_file_names(self) -> list[str]:
        return [self.tag]

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def records(self) -> list[ClipRecord]:
        """The facts of the clips of this split, in order."""
        return [self.store.records[self._chosen[index]] for index in self.indices()]

    @property
    def labels(self) -> Tensor:
        """The classes of the clips of this split, long ``[len(self)]``."""
        return torch.tensor([record.label for record in self.records])

    def keypoints(self, index: int) -> Tensor:
        """The stored keypoints ``[M, T, V, C]`` of a clip of this split, a copy."""
        return self._stored(self.indices()[index])

    def raw_items(self) -> Iterable[Path]:
        """The raw files, one per clip."""
        raise NotImplementedError

    def read_item(self, path: Path) -> tuple[str, int, str, NDArray[np.float32]]:
        """Name, label, split and keypoints of one clip; :class:`ValueError` if it is unusable."""
        raise NotImplementedError

    def split_of(self, record: ClipRecord) -> str:
        return record.split

    def process(self) -> None:
        failures: list[str] = []
        write_store(self.processed_paths[0], self._readable(failures))
        if failures:
            report = Path(self.processed_paths[0]) / "skipped.txt"
            report.write_text("\n".join(failures) + "\n", encoding="utf-8")
            logger.warning("%d files could not be read, see %s", len(failures), report)

    def _readable(self, failures: list[str]) -> Iterator[tuple[str, int, str, NDArray[np.float32]]]:
        items = list(self.raw_items())
        channels: int | None = None
        for path in tqdm(items, desc=f"Reading {type(self).__name__}", disable=None):
            try:
                clip = self._checked(path)
                channels = channels or clip[3].shape[3]
                if clip[3].shape[3] != channels:
                    raise ValueError(
                        f"{path} has {clip[3].shape[3]} channels, the clips before it have "
                        f"{channels}; all clips of a data set have the same."
                    )
                yield clip
            except ValueError as error:
                failures.append(str(error))
        if failures and self.on_error == "fail":
            raise ValueError(
                f"{len(failures)} of {len(items)} files cannot be used, the first: {failures[0]} "
                "Mend or remove them, or leave them out with on_error='skip'."
            )

    def _checked(self, path: Path) -> tuple[str, int, str, NDArray[np.float32]]:
        name, label, split, keypoints = self.read_item(path)
        check_keypoints(keypoints, self.graph.num_joints, path)
        if not 0 <= label < self.num_classes:
            raise ValueError(
                f"{path} has the label {label}, but there are {self.num_classes} classes, "
                f"0 to {self.num_classes - 1}."
            )
        return name, label, split, keypoints

    def len(self) -> int:
        return len(self._chosen)

    def get(self, idx: int) -> SkeletonData:
        record = self.store.records[self._chosen[idx]]
        keypoints = self._stored(idx)
        if self.keypoint_transform is not None:
            try:
                keypoints = self.keypoint_transform(keypoints)
            except ValueError as error:
                raise ValueError(f"Clip {record.name}: {error}") from error
        visible = transforms.visible(keypoints)
        return build_clip(keypoints, self.graph, y=record.label, visible=visible, name=record.name)

    def _stored(self, position: int) -> Tensor:
        return torch.from_numpy(np.array(self.store.keypoints(self._chosen[position])))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.root}, split={self.split!r})"


def check_keypoints(keypoints: NDArray[np.float32], joints: int, path: Path | str) -> None:
    """The door that every clip from a file passes.

    Raises:
        ValueError: If the shape is not ``[M, T, V, C]``, a coordinate is infinite, a joint is NaN
            in some channels only, or nothing was seen at all.
    """
    if keypoints.ndim != 4 or keypoints.shape[2] != joints:
        raise ValueError(
            f"{path} holds an array of shape {list(keypoints.shape)}, expected "
            f"[persons, frames, {joints} joints, channels]; check the layout."
        )
    lost = np.isnan(keypoints)
    if np.isinf(keypoints).any() or (lost.any(axis=-1) != lost.all(axis=-1)).any():
        raise ValueError(
            f"{path} holds infinite or half-missing joints; a joint is finite in all channels, or "
            "NaN in all if it was not seen."
        )
    if lost.all():
        raise ValueError(f"{path} shows nobody: no joint is seen in {keypoints.shape[1]} frames.")
