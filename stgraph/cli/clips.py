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
from stgraph.options import DataOptions


def read_clip(path: Path, checkpoint: Checkpoint, data: DataOptions) -> SkeletonData:
    """The clip in a file, prepared as those that the network was trained on."""
    graph = checkpoint.model.graph
    keypoints = read_keypoints(path, graph.num_joints, data.bodies)
    try:
        keypoints = objects.Preparation(graph.layout, data, training=False)(keypoints)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return build_clip(keypoints, graph, visible=transforms.visible(keypoints), name=path.stem)


def read_keypoints(path: Path, joints: int, bodies: Bodies = "two") -> torch.Tensor:
    """The keypoints of a file, NaN where a joint was not seen."""
    if not path.is_file():
        raise ValueError(f"There is no file {path}.")
    if path.suffix == ".skeleton":
        keypoints = torch.from_numpy(datasets.read_bodies(path, bodies))
    elif path.suffix == ".npy":
        keypoints = torch.from_numpy(datasets.read_array(path))
    else:
        raise ValueError(f"{path} is neither a .skeleton nor a .npy file.")
    datasets.check_keypoints(keypoints.numpy(), joints, path)
    return keypoints
