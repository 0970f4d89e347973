"""Clips from files that a user names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch

from stgraph import transforms
from stgraph.build import build_clip
from stgraph.checkpoints import Checkpoint
from stgraph.cli.preparation import Preparation
from stgraph.data import SkeletonData
from stgraph.datasets.ntu import Bodies, read_bodies, read_ntu_clip
from stgraph.datasets.ntu_names import parse_name
from stgraph.formats import Clip
from stgraph.formats import read_clip as read_clip_file
from stgraph.options import DataOptions
from stgraph.presets import PRESETS

OWN_CLASSES = ("folder", "kinetics", "nw-ucla")  # data sets whose classes no name of NTU numbers


def read_clip(path: Path, checkpoint: Checkpoint, data: DataOptions) -> SkeletonData:
    """The clip in a file, prepared as those that the network was trained on."""
    raw = torch.from_numpy(_raw(path, checkpoint, data).keypoints)
    given = _prepared(raw, path, checkpoint, data)
    return _built(given, path, checkpoint)


class Shown(NamedTuple):
    """A clip as a network is given it, and as people can look at it.

    Attributes:
        clip: The network's input.
        keypoints: Joints ``[M, T, V, C]`` at the same places, whatever the stream; NaN where nobody
            is.
        pace: Frames of it for one of the file.
        label: The class that the file says, or nothing.
    """

    clip: SkeletonData
    keypoints: torch.Tensor
    pace: float
    label: str


def show_clip(path: Path, checkpoint: Checkpoint, data: DataOptions) -> Shown:
    """The clip in a file, prepared for a network and for people."""
    clip = _raw(path, checkpoint, data)
    raw = torch.from_numpy(clip.keypoints)
    given = joints = _prepared(raw, path, checkpoint, data)
    if data.stream != "joint" or data.clock:
        joints = _prepared(raw, path, checkpoint, replace(data, stream="joint", clock=False))
    frames = joints.shape[1]
    if data.pad:
        frames = _prepared(raw, path, checkpoint, replace(data, pad=[])).shape[1]
    if data.preset and not PRESETS[data.preset].stretches:  # it may pad too
        frames = min(frames, raw.shape[1])
    if data.preset or data.pad:  # whose zeros are nobody
        nobody = joints.eq(0).flatten(2).all(dim=2)[..., None, None]
        joints = joints.masked_fill(nobody, torch.nan)
    built = _built(given, path, checkpoint)
    foreign = "action" in clip.facts and data.name in OWN_CLASSES
    label = said_class(clip, () if foreign else checkpoint.class_names)
    return Shown(built, joints, frames / raw.shape[1], label)


def said_class(clip: Clip, class_names: Sequence[str] = ()) -> str:
    """The class that a file says, by its own name, by its number among ``class_names``, or not."""
    if "class_name" in clip.facts or clip.label is None:
        return str(clip.facts.get("class_name", ""))
    if clip.label < len(class_names):
        return class_names[clip.label]
    return f"A{clip.label + 1:03d}" if "action" in clip.facts else f"number {clip.label}"


def _built(keypoints: torch.Tensor, path: Path, checkpoint: Checkpoint) -> SkeletonData:
    visible = transforms.visible(keypoints)
    return build_clip(keypoints, checkpoint.model.graph, visible=visible, name=path.stem)


def _raw(path: Path, checkpoint: Checkpoint, data: DataOptions) -> Clip:
    bodies = "all" if data.name == "folder" else data.bodies  # as the data set read them
    return read_file(path, bodies, checkpoint.model.graph.num_joints)


def _prepared(
    keypoints: torch.Tensor, path: Path, checkpoint: Checkpoint, data: DataOptions
) -> torch.Tensor:
    try:
        return Preparation(checkpoint.model.graph.layout, data)(keypoints)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_file(path: Path, bodies: Bodies = "two", joints: int | None = None) -> Clip:
    """The clip in a file, or in a folder of OpenPose's, of so many joints if that is given."""
    clip = read_clip_file(path) if path.suffix != ".skeleton" else _read_ntu(path, bodies)
    if joints is not None and clip.keypoints.shape[2] != joints:
        raise ValueError(
            f"{path}: expected {joints} joints, found {clip.keypoints.shape[2]}. Check the layout "
            "(--layout), which a check point brings along."
        )
    return clip


def _read_ntu(path: Path, bodies: Bodies) -> Clip:
    try:
        parse_name(path.stem)
    except ValueError:  # a file of one's own
        return Clip(path.stem, read_bodies(path, bodies), source=str(path))
    return read_ntu_clip(path, bodies)
