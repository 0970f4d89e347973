"""The arrays of st-gcn, 2s-AGCN and MS-G3D: one .npy file with all clips, one with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stgraph import layouts
from stgraph.formats.archives import (
    LazyClips,
    bare_name,
    class_label,
    without_padding,
    zeros_absent,
    zeros_unseen,
)
from stgraph.formats.clip import Clip
from stgraph.formats.npy import NpyArray, npy_array, opened, read_npy
from stgraph.formats.pickles import described, load_pickle
from stgraph.formats.refusal import refuse
from stgraph.skeleton import SkeletonLayout

_LAYOUTS = {
    (25, 3): layouts.NTU25,
    (18, 3): layouts.OPENPOSE18,
    (17, 3): layouts.COCO17,
    (20, 3): layouts.UCLA20,
}

_SCORED = (17, 18)  # numbers of joints that come as x, y, score


class StgcnClips(LazyClips):
    """What :func:`read_stgcn_arrays` gives.

    Attributes:
        names: Of the clips, bare.
        labels: Their classes, ``None`` where there is none.
        layout: Of all clips, if known.
    """

    def __init__(
        self,
        data: NpyArray,
        names: Sequence[str],
        labels: Sequence[int | None],
        *,
        split: str,
        layout: SkeletonLayout | None,
    ) -> None:
        self._data, self._split = data, split
        self.names, self.labels, self.layout = names, labels, layout

    def __len__(self) -> int:
        return len(self.names)

    def _read(self, position: int) -> Clip:
        values = self._data.open()[position].transpose(3, 1, 2, 0)  # [C, T, V, M] to [M, T, V, C]
        unseen = zeros_unseen if values.shape[2] in _SCORED else zeros_absent
        return Clip(
            self.names[position],
            without_padding(unseen(values)),
            self.labels[position],
            (self._split,) if self._split else (),
            layout=self.layout,
            source=f"{self._data.source}, clip {position} ('{self.names[position]}')",
        )


def read_stgcn_arrays(
    data_path: str | Path,
    label_path: str | Path,
    *,
    split: str = "",
    layout: SkeletonLayout | None = None,
) -> StgcnClips:
    """Clips out of ``train_data.npy`` and ``train_label.pkl`` and the like, read when asked for.

    The array is ``[N, C, T, V, M]`` and stays in the file; the pickle, of which no code is run, is
    a pair of names and classes. A ``.npy`` file of classes serves too; clips are then called
    ``000012`` after their place, with the split in front. Who is 0 in all joints of a frame is
    absent from it; of 17 and 18 joints, which have scores, each that is 0 was not seen. (In three
    dimensions 0 may be the centre of a clip that was centred.) Persons who are always absent are
    left out, and so are empty frames at the end, which are padding. Arrays of bones and motion are
    no clips: zeros mean other things there.

    Args:
        data_path: The array.
        label_path: Names and classes, or classes alone.
        split: The part of the data set that these clips are.
        layout: The skeleton. Default: by the number of joints, if there are three channels: 25
            NTU25, 18 OPENPOSE18, 17 COCO17, 20 UCLA20.

    Raises:
        ValueError: If a file is damaged or of another kind, or the two do not fit together; and
            when a clip is read in which nobody is seen.

    Source: yysijie/st-gcn, tools/ntu_gendata.py and feeder/feeder.py.
    """
    data = _array(data_path)
    clips, channels, frames, joints, persons = data.shape
    layout = layout or _LAYOUTS.get((joints, channels))
    if layout is not None and layout.num_joints != joints:
        expected = f"{layout.num_joints} joints of layout '{layout.name}'"
        refuse(data_path, expected, f"{joints}", "Name another layout.")
    names, labels = _names_and_labels(Path(label_path), split)
    if not len(names) == len(labels) == clips:
        found = f"{len(names)} names and {len(labels)} classes"
        refuse(label_path, f"{clips} of each as {data_path} has clips", found, "Take a pair.")
    return StgcnClips(data, names, labels, split=split, layout=layout)


def _array(path: str | Path) -> NpyArray:
    data = npy_array(path)
    if len(data.shape) != 5 or data.dtype.kind not in "fiu":
        found = f"shape {list(data.shape)} of {data.dtype.name}"
        refuse(path, "[clips, channels, frames, joints, persons]", found, "Is this the data?")
    return data


def _names_and_labels(path: Path, split: str) -> tuple[list[str], list[int | None]]:
    with opened(path) as file:
        plain = file.read(6) == b"\x93NUMPY"
    content = (None, read_npy(path)) if plain else load_pickle(path)
    if not isinstance(content, (tuple, list)) or len(content) != 2:
        remedy = "Is this the file of labels?"
        refuse(path, "a pair of names and classes", described(content), remedy)
    names, labels = content
    classes = [
        class_label(label, f"{path}, class {at}")
        for at, label in enumerate(_row(labels, "classes", path))
    ]
    if plain:
        return [f"{split}-{at:06}".lstrip("-") for at in range(len(classes))], classes
    texts = _row(names, "names", path)
    return [bare_name(name, f"{path}, name {at}") for at, name in enumerate(texts)], classes


def _row(values: Any, what: str, path: Path) -> Sequence[Any]:
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "iuU":
        return values.tolist()
    if not isinstance(values, (list, tuple)):
        refuse(path, f"a list of {what}", described(values), "Is this the file of labels?")
    return values
