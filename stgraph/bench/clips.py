"""Clips as long as those of NTU RGB+D, for both sides: as nodes, and as a padded array."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Batch

from stgraph import layouts
from stgraph.bench.setting import Setting
from stgraph.build import clip_nodes
from stgraph.graph import SkeletonGraph

# Frames per clip in NTU RGB+D 60 (18,863 clips): mean 73.87, standard deviation 22.81, 32 to 225.
# The log-normal distribution with that mean and deviation has median 70.6; 5 % of it lie below 43.0
# and 5 % above 116.0, of the real lengths below 46 and above 118.
MEAN, DEVIATION = 73.87, 22.81
SIGMA = math.sqrt(math.log1p((DEVIATION / MEAN) ** 2))
MU = math.log(MEAN) - SIGMA**2 / 2
SHORTEST, LONGEST = 32, 300
TWO_PERSONS = 0.18  # share of clips with a second person

GRAPH = SkeletonGraph.from_layout(layouts.NTU25)


class ClipSize(NamedTuple):
    """Frames and persons of a clip."""

    frames: int
    persons: int


Choose = Callable[[Setting], tuple[ClipSize, ...]]


def ragged(setting: Setting, count: int | None = None) -> tuple[ClipSize, ...]:
    """``count`` clips (by default a batch) of lengths as they come, 18 % with a second person.

    One length is drawn from each ``count``-th part of the distribution, and second persons are
    spread evenly over short and long clips, so that a single batch has nearly the mean of both.
    Quick settings divide lengths by as much as they divide other lengths.
    """
    count = count or setting.sizes.batch
    rng = np.random.default_rng(setting.seed)
    share = (np.arange(count) + rng.random(count)) / count  # of clips that are shorter
    frames = (_lengths(setting, share) * setting.sizes.frames / LONGEST).round()
    frames = frames.clip(1, setting.sizes.frames).astype(int)
    persons = np.ones(count, dtype=int)
    both = round(TWO_PERSONS * count)
    persons[((np.arange(both) + 0.5) * count / max(both, 1)).astype(int)] = 2
    return tuple(ClipSize(int(frames[i]), int(persons[i])) for i in rng.permutation(count))


def _lengths(setting: Setting, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lengths than which these shares of all clips are shorter."""
    if setting.lengths is not None:
        known = np.sort(np.array(read_lengths(setting.lengths), dtype=float))
        return known[(share * len(known)).astype(int)]
    deviations = torch.special.ndtri(torch.from_numpy(share)).numpy()
    return np.exp(MU + SIGMA * deviations).clip(SHORTEST, LONGEST)


def read_lengths(path: str) -> list[int]:
    """The clip lengths of a file, one per line.

    Raises:
        ValueError: If there are none, or a line is no positive whole number.
    """
    lines = Path(path).read_text().split()
    if not lines:
        raise ValueError(f"{path} is empty; expected a clip length (a number of frames) per line.")
    for line in lines:
        if not line.isdecimal() or int(line) < 1:
            raise ValueError(f"{path}: expected a clip length per line, found {line[:40]!r}.")
    return [int(line) for line in lines]


def full(setting: Setting) -> tuple[ClipSize, ...]:
    """A batch without any padding: every clip has two persons and all frames."""
    return (ClipSize(setting.sizes.frames, 2),) * setting.sizes.batch


def recipe(setting: Setting) -> tuple[ClipSize, ...]:
    """A batch of two persons, sampled to one length."""
    return (ClipSize(setting.sizes.recipe, 2),) * setting.sizes.batch


def single(setting: Setting) -> tuple[ClipSize, ...]:
    """One clip of one person."""
    return (ClipSize(setting.sizes.single, 1),)


def hour(setting: Setting) -> tuple[ClipSize, ...]:
    """One long clip of one person."""
    return (ClipSize(setting.sizes.hour, 1),)


def keypoints_of(clips: tuple[ClipSize, ...], seed: int = 0) -> list[Tensor]:
    """Random coordinates ``[M, T, 25, 3]`` of each clip."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(size.persons, size.frames, 25, 3, generator=generator) for size in clips]


def node_batch(keypoints: list[Tensor], device: str) -> Any:
    """The clips as a batch of nodes, as our loaders give them; networks make the edges."""
    return Batch.from_data_list([clip_nodes(clip, GRAPH) for clip in keypoints]).to(device)


def padded(keypoints: list[Tensor], device: str, frames: int | None = None) -> Tensor:
    """The clips as ``[B, 2, T, 25, 3]``, zeros where there is nothing; by default T is the longest.

    One clip is an array of two persons too, as the released programs make it.
    """
    frames = frames or max(clip.shape[1] for clip in keypoints)
    array = keypoints[0].new_zeros(len(keypoints), 2, frames, *keypoints[0].shape[2:])
    for row, clip in zip(array, keypoints, strict=True):
        row[: clip.shape[0], : clip.shape[1]] = clip
    return array.to(device)
