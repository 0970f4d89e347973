"""What all data sets share: clips in a store, splits as positions in it, graphs made late."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Dataset

from stgraph import transforms
from stgraph.build import add_edges, clip_nodes
from stgraph.data import SkeletonData
from stgraph.datasets.options import (
    DatasetOptions,
    KeypointTransform,
    ServingOptions,
    check_options,
)
from stgraph.datasets.processing import Checks, write_store
from stgraph.datasets.sources import ClipSource
from stgraph.datasets.store import Store
from stgraph.graph import SkeletonGraph
from stgraph.skeleton import SkeletonLayout

if TYPE_CHECKING:
    from typing_extensions import Unpack

MAX_SEED = 2**63 - 1


class ClipDataset(Dataset):
    """Clips at some positions of a store, as graphs; a PyG data set.

    Args:
        store: The clips.
        positions: Those that the data set consists of, in its order.
        graph: The labelled frame that clips are built with.
        class_names: One per label.
        options: See :class:`ServingOptions`.
    """

    def __init__(
        self,
        store: Store,
        positions: NDArray[np.int64],
        graph: SkeletonGraph,
        class_names: tuple[str, ...],
        **options: Unpack[ServingOptions],
    ) -> None:
        check_options(options, ServingOptions)
        super().__init__(None, options.get("transform"))
        self.graph, self.class_names = graph, class_names
        self._serve(store, positions, options)

    def _serve(self, store: Store, positions: NDArray[np.int64], options: ServingOptions) -> None:
        if self.graph.num_joints != store.joints:
            raise ValueError(
                f"The clips have {store.joints} joints, the graph's layout "
                f"'{self.graph.layout.name}' has {self.graph.num_joints}; use a graph of theirs."
            )
        self.store, self.positions = store, positions
        self.keypoint_transform = options.get("keypoint_transform")
        self.augment = options.get("augment")

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def channels(self) -> int:
        """C of the stored keypoints."""
        return self.store.channels

    @property
    def chosen(self) -> NDArray[np.int64]:
        """The positions in the store of the clips of this data set, subsets considered."""
        return self.positions[np.fromiter(self.indices(), dtype=np.int64, count=len(self))]

    @property
    def labels(self) -> Tensor:
        """The classes of the clips, long ``[len(self)]``; -1 if not known."""
        return torch.from_numpy(self.store.labels[self.chosen])

    @property
    def names(self) -> list[str]:
        """The names of the clips."""
        return self.store.table["name"].take(self.chosen).to_pylist()

    @property
    def sizes(self) -> NDArray[np.int64]:
        """M T V of each clip as stored: how many nodes it has, if it is seen and taken whole."""
        chosen = self.chosen
        return self.store.persons[chosen] * self.store.frames[chosen] * self.store.joints

    def facts(self, name: str) -> NDArray[Any]:
        """A fact of all clips, such as ``"camera"`` or ``"frames"``."""
        return self.store.column(name)[self.chosen]

    def keypoints(self, index: int) -> Tensor:
        """The stored keypoints ``[M, T, V, C]`` of a clip, float32, a copy."""
        return self._stored(self.indices()[index])

    def len(self) -> int:
        return len(self.positions)

    def get(self, idx: int) -> SkeletonData:
        return add_edges(self._nodes(idx, None), self.graph)

    def draw(self, index: int, seed: int) -> SkeletonData:
        """The clip, augmented by this seed, and still without edges.

        A transform of the data set needs to see edges: then they are there.
        """
        nodes = self._nodes(self.indices()[index], seed)
        if self.transform is None:
            return nodes
        return self.transform(add_edges(nodes, self.graph))

    def _nodes(self, idx: int, seed: int | None) -> SkeletonData:
        position = int(self.positions[idx])
        name = self.store.name(position)
        keypoints = self._stored(idx)
        try:
            if self.keypoint_transform is not None:
                keypoints = self.keypoint_transform(keypoints)
            if self.augment is not None:
                seed = int(torch.randint(MAX_SEED, ())) if seed is None else seed
                keypoints = self.augment(keypoints, torch.Generator().manual_seed(seed))
        except ValueError as error:
            raise ValueError(f"Clip {name}: {error}") from error
        return clip_nodes(
            keypoints,
            self.graph,
            y=int(self.store.labels[position]),  # -1: not known
            visible=transforms.visible(keypoints),
            name=name,
        )

    def _stored(self, idx: int) -> Tensor:
        view = self.store.keypoints(int(self.positions[idx]))
        return torch.from_numpy(np.array(view, dtype=np.float32))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} clips, {self.num_classes} classes)"


class SkeletonDataset(ClipDataset):
    """A PyG data set of clips whose keypoints lie on disk and whose edges are made when asked for.

    ``root/raw`` holds what people gave, ``root/processed/<tag>`` the :class:`Store` that was made
    of it, once; later the raw files are not looked at. A data set of your own gives :attr:`tag`,
    :attr:`layout` and :meth:`raw_clips`, and :meth:`members` where clips do not themselves say
    which splits they belong to.

    Args:
        root: The folder of the data set.
        split: Which part to take.
        graph: The labelled frame that clips are built with. Default: the layout with the paper's
            spatial partition.
        options: See :class:`DatasetOptions` and :class:`ServingOptions`.
    """

    tag: str
    layout: SkeletonLayout

    def __init__(
        self,
        root: str | Path,
        split: str = "train",
        *,
        graph: SkeletonGraph | None = None,
        **options: Unpack[DatasetOptions],
    ) -> None:
        check_options(options, DatasetOptions)
        self.split, self._options = split, options
        self.graph = graph or SkeletonGraph.from_layout(self.layout)
        if options.get("dtype", "float32") != "float32":
            self.tag = f"{self.tag}-{options['dtype']}"
        Dataset.__init__(
            self,
            str(root),
            options.get("transform"),
            options.get("pre_transform"),
            log=False,
            force_reload=options.get("force_reload", False),
        )
        store = Store.open(self.processed_paths[0])
        self._check_skipped(store)
        self.class_names = self.classes_of(store)
        self._serve(store, self._members(store, split), options)

    @property
    def processed_file_names(self) -> list[str]:
        return [self.tag]

    def raw_clips(self) -> tuple[ClipSource, tuple[str, ...]]:
        """The raw clips, and the class names; :class:`ValueError` if there are none."""
        raise NotImplementedError

    def members(self, store: Store, split: str) -> NDArray[np.int64]:
        """The positions in the store of the clips of a split."""
        return store.members(split)

    def splits(self, store: Store) -> list[str]:
        """The splits that there are."""
        return store.splits()

    def classes_of(self, store: Store) -> tuple[str, ...]:
        """The class names that were given when the store was made."""
        return tuple(store.about["class_names"])

    def process(self) -> None:
        store = Path(self.processed_paths[0])
        with FileLock(f"{store}.raw.lock"):  # unpacking and generating are for one process too
            if self.force_reload or not store.is_dir():
                self._process_alone()

    def _process_alone(self) -> None:
        clips, class_names = self.raw_clips()
        change = self.pre_transform
        checks = Checks(
            self.graph.num_joints, len(class_names), None if change is None else _OnArrays(change)
        )
        write_store(
            self.processed_paths[0],
            clips,
            checks,
            about={"class_names": class_names},
            dtype=self._options.get("dtype", "float32"),
            workers=self._options.get("workers", 0),
            on_error=self._options.get("on_error", "fail"),
            anew=self.force_reload,
            title=f"Reading {type(self).__name__}",
        )

    def _check_skipped(self, store: Store) -> None:
        skipped = store.about.get("skipped", 0)
        if skipped and self._options.get("on_error", "fail") == "fail":
            raise ValueError(
                f"{store.folder} leaves out {skipped} clips that could not be used (skipped.txt "
                "there); say on_error='skip' to go without them, or mend them and say "
                "force_reload=True."
            )

    def _members(self, store: Store, split: str) -> NDArray[np.int64]:
        known = self.splits(store)
        positions = self.members(store, split) if split in known else np.empty(0, dtype=np.int64)
        if not len(positions):
            raise ValueError(
                f"{self} has no clips in the split '{split}'; its {len(store)} clips are in: "
                f"{', '.join(known)}."
            )
        return positions

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.root}, split={self.split!r})"


class _OnArrays:
    """A function on tensors as one on arrays, so that raw clips can be prepared."""

    def __init__(self, change: KeypointTransform) -> None:
        self.change = change

    def __call__(self, keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
        return self.change(torch.from_numpy(keypoints)).numpy()

    def __repr__(self) -> str:
        code = getattr(self.change, "__code__", None)
        name = getattr(self.change, "__qualname__", repr(self.change))
        cells = [cell.cell_contents for cell in getattr(self.change, "__closure__", None) or ()]
        return f"{name} {code and code.co_code.hex()} {code and code.co_consts!r} {cells!r}"
