"""The uniform sampling of pyskl, draw by draw: its test clips are made again from its seed.

Source: kennymckormick/pyskl:pyskl/datasets/pipelines/sampling.py, UniformSampleFrames.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import RandomState
from numpy.typing import NDArray
from torch import Tensor

FRAMES, CLIPS, SEED = 100, 10, 255


def uniform_sample(
    num_frames: int, frames: int = FRAMES, *, random: RandomState, start: int | None = None
) -> NDArray[np.int64]:
    """The numbers of ``frames`` frames spread evenly over a clip of ``num_frames``.

    A clip that is shorter is run through from a random frame on, again and again. From one of up
    to twice the frames, some are left out at random, never two that follow one another. A longer
    one is cut into equal segments, and a random frame taken from each.

    Args:
        num_frames: Frames of the clip, at least one.
        frames: How many are wanted.
        random: Where chance comes from. Two draws are always made and not used, as pyskl draws the
            share of the clip (always 1) and its place (always 0) in this way.
        start: The first frame of a shorter clip, in place of a random one.

    Raises:
        ValueError: If the clip has no frame.
    """
    if num_frames < 1:
        raise ValueError(
            f"Expected a clip of at least one frame, found {num_frames}; leave empty clips out."
        )
    random.rand()
    random.randint(1)
    if num_frames < frames:
        first = random.randint(0, num_frames) if start is None else start
        return np.arange(first, first + frames) % num_frames
    if num_frames < 2 * frames:
        left_out = random.choice(frames + 1, num_frames - frames, replace=False)
        return np.arange(frames) + np.isin(np.arange(frames), left_out).cumsum()
    edges = np.arange(frames + 1) * num_frames // frames
    return edges[:-1] + random.randint(np.diff(edges))


def clips_for_testing(
    keypoints: Tensor, frames: int = FRAMES, *, clips: int = CLIPS, seed: int = SEED
) -> Tensor:
    """The clips that pyskl tests with, ``[clips, M, frames, V, C]``, the same every time.

    The probabilities of a clip's ten are averaged there. Clips of fewer than ``frames`` frames
    start at evenly spaced ones.
    """
    random = RandomState(seed)
    length = keypoints.shape[1]
    starts = [i if length < clips else i * length // clips for i in range(clips)]
    samples = [uniform_sample(length, frames, random=random, start=start) for start in starts]
    return torch.stack([keypoints[:, torch.from_numpy(sample)] for sample in samples])


def training_clip(
    keypoints: Tensor, frames: int = FRAMES, *, generator: torch.Generator | None = None
) -> Tensor:
    """One random clip ``[M, frames, V, C]``, as pyskl trains with."""
    random = RandomState(int(torch.randint(2**32, (), generator=generator)))
    sample = uniform_sample(keypoints.shape[1], frames, random=random)
    return keypoints[:, torch.from_numpy(sample)]
