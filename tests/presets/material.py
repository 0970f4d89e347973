"""Clips for the tests of presets: bodies that one can reckon with, and real ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

NAN = float("nan")
# NTU-25 out of the 22 joints of Bandai-Namco-Research-Motiondataset-2; hands stand for fingers.
# fmt: off
BANDAI_AS_NTU = (
    1, 2, 4, 5, 7, 8, 9, 9, 11, 12, 13, 13, 14, 15, 16, 17, 18, 19, 20, 21, 3, 9, 9, 13, 13,
)
# OpenPose-18 out of BODY_25
BODY25_AS_OPENPOSE = (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
# fmt: on


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def body(frames: int, *, seed: int = 0, width: float = 0.4, stir: float = 0.02) -> Tensor:
    """A body ``[frames, 25, 3]``, 1.8 m high, ``width`` wide and 3 m away, that walks about."""
    generator = seeded(seed)
    joints = torch.rand(25, 3, generator=generator) - 0.5
    joints[0], joints[1] = torch.tensor([-0.5, -0.5, 0.0]), torch.tensor([0.5, 0.5, 0.0])
    steps = stir * torch.randn(frames, 1, 3, generator=generator)
    points = joints * torch.tensor([width, 1.8, 0.3]) + steps.cumsum(0)
    return points + torch.tensor([0.3, 0.1, 3.0])


def clip_of(frames: int, *rows: tuple[int, Tensor]) -> Tensor:
    """A clip ``[M, frames, V, C]`` of bodies that each come at a frame and are NaN elsewhere."""
    clip = torch.full((len(rows), frames, *rows[0][1].shape[1:]), NAN)
    for row, (start, points) in zip(clip, rows):
        row[start : start + len(points)] = points
    return clip


def numbered(*frames: float, joints: int = 1, channels: int = 1) -> Tensor:
    """A person ``[T, joints, channels]`` whose every coordinate is the number of its frame."""
    return torch.tensor(frames).float()[:, None, None].repeat(1, joints, channels)


def read_bandai(folder: Path, clips: tuple[int, ...]) -> list[Tensor]:
    """Recorded people ``[1, T, 25, 3]`` in metres, y up, who start facing a camera 3 m away."""
    archive = np.load(folder / "data" / "bandai_motion" / "motion2.npz")
    xyz, offsets = archive["xyz"], archive["offsets"]
    recorded = [xyz[offsets[clip] : offsets[clip + 1]][:, BANDAI_AS_NTU] for clip in clips]
    round_y, away = torch.tensor([-1.0, 1.0, -1.0]), torch.tensor([0.0, 0.0, 3.0])
    return [torch.from_numpy(points).float()[None] * round_y + away for points in recorded]


def read_openpose(folder: Path, stream: str) -> Tensor:
    """Detected people ``[M, T, 18, 3]`` in pixels, NaN where a joint was not found."""
    files = sorted((folder / "data" / "openpose_body25").glob(f"{stream}/*.json"))
    frames = [json.loads(file.read_text())["people"] for file in files]
    people = [[person["pose_keypoints_2d"] for person in frame] for frame in frames]
    found = [[numbers for numbers in frame if numbers] for frame in people]
    clip = torch.full((max(map(len, found)), len(found), 25, 3), NAN)
    for time, frame in enumerate(found):
        for place, numbers in enumerate(frame):
            clip[place, time] = torch.tensor(numbers).view(25, 3)
    clip[clip[..., 2] == 0] = NAN
    return clip[:, :, BODY25_AS_OPENPOSE]
