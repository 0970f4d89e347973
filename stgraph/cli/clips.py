"""Clips from files that a user names."""

from __future__ import annotations

from pathlib import Path

import torch

from stgraph import datasets, transforms
from stgraph.build import build_clip
from stgraph.checkpoints import Checkpoint
from stgraph.cli import objects
from stgraph.data import SkeletonData
from stgraph.datasets.ntu import Bodies
from stgraph.formats import Clip
from stgraph.formats import read_clip as read_clip_file
from stgraph.options import DataOptions


def read_clip(path: Path, checkpoint: Checkpoint, data: DataOptions) -> SkeletonData:
    """The clip in a file, prepared as those that the network was trained on."""
    graph = checkpoint.model.graph
    bodies = "all" if data.name == "folder" else data.bodies  # as the data set read them
    keypoints = read_keypoints(path, graph.num_joints, bodies)
    try:
        keypoints = objects.Preparation(graph.layout, data)(keypoints)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return build_clip(keypoints, graph, visible=transforms.visible(keypoints), name=path.stem)


def read_keypoints(path: Path, joints: int, bodies: Bodies = "two") -> torch.Tensor:
    """The keypoints of a file, or of a folder of OpenPose's, NaN where a joint was not seen."""
    if path.suffix == ".skeleton":
        clip = Clip(path.stem, datasets.read_bodies(path, bodies), source=str(path))
    else:
        clip = read_clip_file(path)
    if clip.keypoints.shape[2] != joints:
        raise ValueError(
            f"{path}: expected {joints} joints, as the network's clips have, found "
            f"{clip.keypoints.shape[2]}. Check the layout."
        )
    return torch.from_numpy(clip.keypoints)
