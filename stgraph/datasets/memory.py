"""Data sets without a folder: arrays that are at hand, or clips out of any reader."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from stgraph.datasets.base import ClipDataset
from stgraph.datasets.folder import class_order
from stgraph.datasets.options import ServingOptions
from stgraph.datasets.store import Store
from stgraph.formats import Clip
from stgraph.graph import SkeletonGraph
from stgraph.skeleton import SkeletonLayout

if TYPE_CHECKING:
    from typing_extensions import Unpack


def from_arrays(
    keypoints: Sequence[ArrayLike],
    labels: Sequence[str] | Sequence[int],
    skeleton: SkeletonLayout | SkeletonGraph,
    *,
    names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    **options: Unpack[ServingOptions],
) -> ClipDataset:
    """A data set of arrays in memory.

    Args:
        keypoints: One array per clip, ``[M, T, V, C]`` or for one person ``[T, V, C]``; any M and
            T, NaN where a joint was not seen.
        labels: A class for each clip, as words or as numbers from 0.
        skeleton: The layout of the V joints, or the graph that clips are to be built with; of a
            layout the paper's spatial partition is taken.
        names: What the clips are called; by default ``"clip0"``, ``"clip1"`` ...
        class_names: One per class, in order. Default: the words in order, or the numbers from 0.
        options: See :class:`ServingOptions`.

    Raises:
        ValueError: If an array is no clip of that skeleton, or numbers of things differ.

    Example::

        bones = [("hand", "elbow"), ("elbow", "shoulder")]
        layout = SkeletonLayout.from_names("arm", bones, center="shoulder")
        clips = datasets.from_arrays([left, right], ["wave", "rest"], layout)
        train, test = clips[:80], clips[80:]
    """
    names = [f"clip{number}" for number in range(len(keypoints))] if names is None else names
    if not len(keypoints) == len(labels) == len(names):
        raise ValueError(
            f"Expected a label and a name for each of {len(keypoints)} arrays, found {len(labels)} "
            f"labels and {len(names)} names."
        )
    plain = [label.item() if hasattr(label, "item") else label for label in labels]
    classes = _classes(plain) if class_names is None else tuple(class_names)
    numbers = [_number(label, classes) for label in plain]
    clips = (
        Clip(name, _four_axes(array, name), label=number)
        for name, array, number in zip(names, keypoints, numbers, strict=True)
    )
    return from_clips(clips, skeleton, classes, **options)


def from_clips(
    clips: Iterable[Clip],
    skeleton: SkeletonLayout | SkeletonGraph,
    class_names: Sequence[str],
    *,
    split: str | None = None,
    **options: Unpack[ServingOptions],
) -> ClipDataset:
    """A data set of clips that a reader of :mod:`stgraph.formats` gives, kept in memory.

    Args:
        clips: The clips; all have the same joints and channels.
        skeleton: Their layout, or the graph that they are to be built with.
        class_names: One per label.
        split: Only the clips that say they belong to this split.
        options: See :class:`ServingOptions`.

    Raises:
        ValueError: If there are none, they do not fit together, or a label has no name.
    """
    if isinstance(skeleton, SkeletonLayout):
        skeleton = SkeletonGraph.from_layout(skeleton)
    chosen = [clip for clip in clips if split is None or split in clip.splits]
    if not chosen:
        raise ValueError("Expected at least one clip, found none. Check the split.")
    _check_together(chosen, skeleton.num_joints, len(class_names))
    store = Store.of(chosen)
    return ClipDataset(store, np.arange(len(store)), skeleton, tuple(class_names), **options)


def _check_together(clips: list[Clip], joints: int, classes: int) -> None:
    channels = clips[0].keypoints.shape[3]
    for clip in clips:
        if clip.keypoints.shape[2:] != (joints, channels):
            raise ValueError(
                f"Clip '{clip.name}': expected {joints} joints with {channels} channels, found "
                f"{list(clip.keypoints.shape[2:])}. Check the layout."
            )
        if clip.label is not None and not 0 <= clip.label < classes:
            raise ValueError(
                f"Clip '{clip.name}': expected a label from 0 to {classes - 1}, found "
                f"{clip.label}. Give a class name for each."
            )


def _four_axes(array: ArrayLike, name: str) -> np.ndarray:
    values = np.asarray(array)
    if values.dtype.kind not in "fiu" or values.ndim not in (3, 4):
        raise ValueError(
            f"Clip '{name}': expected numbers [persons, frames, joints, channels] or [frames, "
            f"joints, channels], found {values.dtype} of shape {list(values.shape)}."
        )
    return np.asarray(values if values.ndim == 4 else values[None], dtype=np.float32)


def _classes(labels: list[Any]) -> tuple[str, ...]:
    """The words in order, or the numbers from 0."""
    if any(isinstance(label, str) for label in labels):
        return class_order(map(str, labels))
    return tuple(map(str, range(1 + max(map(int, labels), default=-1))))


def _number(label: Any, classes: tuple[str, ...]) -> int:
    if isinstance(label, str) and label in classes:
        return classes.index(label)
    if isinstance(label, int) and label >= 0:
        return label
    raise ValueError(f"Expected labels of {', '.join(classes)}, found '{label}'.")
