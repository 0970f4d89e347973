"""What data sets take besides where they lie: typed keywords, described once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

import torch
from torch import Tensor

from stgraph.data import SkeletonData
from stgraph.datasets.processing import OnError

KeypointTransform = Callable[[Tensor], Tensor]
Augmentation = Callable[[Tensor, torch.Generator], Tensor]


class ServingOptions(TypedDict, total=False):
    """What is done to a clip each time it is asked for.

    Attributes:
        keypoint_transform: Applied to keypoints ``[M, T, V, C]`` (NaN: not seen) before the graph
            is made; see :mod:`stgraph.transforms`.
        augment: Applied after it, to the keypoints and a generator. A
            :class:`~stgraph.datasets.SkeletonLoader` seeds the generator for each clip and epoch,
            so that neither order nor number of workers changes what a clip becomes.
        transform: Applied to the :class:`SkeletonData`, as in every PyG data set.
    """

    keypoint_transform: KeypointTransform | None
    augment: Augmentation | None
    transform: Callable[[SkeletonData], SkeletonData] | None


class DatasetOptions(ServingOptions, total=False):
    """What data sets in a folder take besides, for the first use that makes the store.

    Attributes:
        pre_transform: Applied to keypoints ``[M, T, V, C]`` once, before they are stored.
        on_error: ``"fail"`` (default) stops at the end of processing if clips cannot be used;
            ``"skip"`` leaves them out. Both list them in ``skipped.txt``.
        workers: Processes that read raw files; default 0: this one.
        dtype: ``"float32"`` (default) or ``"float16"``, in which coordinates are kept.
        force_reload: Whether to make the store anew.
    """

    pre_transform: KeypointTransform | None
    on_error: OnError
    workers: int
    dtype: str
    force_reload: bool


def check_options(options: Any, known: Any) -> None:
    """Refuse what Python would have refused, had each option its own parameter."""
    unknown = sorted(set(options) - set(known.__annotations__))
    if unknown:
        raise TypeError(
            f"There is no option '{unknown[0]}'; there are {', '.join(known.__annotations__)}."
        )
