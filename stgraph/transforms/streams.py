"""Bones and motion as inputs of their own, and the way back from them to joints.

Source: Shi et al., 2s-AGCN (2019) for bones and joints as two inputs; four of them in pyskl and
CTR-GCN. The pairs of joints that released programs subtract are in :mod:`stgraph.presets.streams`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stgraph.skeleton import SkeletonLayout
from stgraph.transforms.checks import axes, check_layout

STREAMS = ("joint", "bone", "joint_motion", "bone_motion")


def bones(keypoints: Tensor, layout: SkeletonLayout) -> Tensor:
    """The bone stream: every joint minus its parent, zero at joints without one.

    A bone is NaN where either of its ends was not seen; :func:`from_bones` goes back.

    Raises:
        ValueError: If a joint of the layout has two parents, or the layout has other joints.
    """
    return keypoints - _at_parents(keypoints, layout)


def motion(keypoints: Tensor) -> Tensor:
    """The motion stream: next frame minus this one, zero in the last frame.

    A motion is NaN where the joint was not seen in either frame; :func:`from_motion` goes back.
    """
    axes(keypoints)
    last = keypoints[:, -1:]
    return torch.cat([keypoints.diff(dim=1), last - last], dim=1)


def stream(
    keypoints: Tensor, name: str, layout: SkeletonLayout, *, coordinates: int | None = None
) -> Tensor:
    """One of the four inputs, ``"joint"``, ``"bone"``, ``"joint_motion"`` or ``"bone_motion"``.

    The motion of bones is the motion stream of the bone stream. A score is not subtracted: that of
    a bone or a motion is the mean of its two, a root keeps its own, and in the last frame a motion
    and its score are zero (pyskl, JointToBone and ToMotion).

    Args:
        keypoints: ``[M, T, V, C]``.
        name: One of :data:`STREAMS`.
        layout: The skeleton; its bones make a tree, or several.
        coordinates: How many channels are coordinates, from the first on; the others are scores.
            ``None`` stands for all.

    Raises:
        ValueError: If there is no such stream, there are not as many channels, or as :func:`bones`.
    """
    channels = axes(keypoints)[3]
    if name not in STREAMS:
        raise ValueError(
            f"Expected one of the streams {', '.join(STREAMS)}, found {name!r}; choose one of them."
        )
    if coordinates is not None and not 1 <= coordinates <= channels:
        raise ValueError(
            f"Expected 1 to {channels} coordinates in {channels} channels, found {coordinates}; "
            "give as many as the clip has."
        )
    count = channels if coordinates is None else coordinates
    points, score = keypoints[..., :count], keypoints[..., count:]
    if name in ("bone", "bone_motion"):
        points = bones(points, layout)
        score = (score + _at_parents(score, layout)) / 2
    if name in ("joint_motion", "bone_motion"):
        points = motion(points)
        last = score[:, -1:]
        score = torch.cat([(score[:, :-1] + score[:, 1:]) / 2, last - last], dim=1)
    return torch.cat([points, score], dim=-1)


def from_bones(stream: Tensor, root: Tensor, layout: SkeletonLayout) -> Tensor:
    """The joints whose :func:`bones` are ``stream``: the way from the root, bone after bone.

    What hangs on an unseen bone is NaN: the bone stream no longer knows where it is.

    Args:
        stream: The bone stream ``[M, T, V, C]``, coordinates only. The root's own entry is not
            looked at.
        root: Where the joint without a parent is, ``[M, T, C]``.
        layout: The skeleton, a tree.

    Raises:
        ValueError: If the layout is no tree in which all joints hang on one, or shapes differ.
    """
    persons, frames, joints, channels = axes(stream)
    check_layout(stream, layout)
    _check_shape("The path of the root", root, (persons, frames, channels))
    *steps, last = _ancestors(layout)
    points = stream.index_fill(2, _numbers(last[:1], stream), 0.0)
    # After k rounds each joint holds the sum of the first 2^k bones on its way to the root.
    for step in steps:
        points = points + points.index_select(2, _numbers(step, stream))
    return points + root[:, :, None]


def from_motion(stream: Tensor, first: Tensor) -> Tensor:
    """The keypoints whose :func:`motion` is ``stream``: the first frame, and the sum of the steps.

    After a step that is NaN a joint stays NaN: the motion stream no longer knows where it is.

    Args:
        stream: The motion stream ``[M, T, V, C]``, coordinates only. Its last frame is not looked
            at.
        first: The first frame, ``[M, V, C]``.

    Raises:
        ValueError: If shapes differ.
    """
    persons, frames, joints, channels = axes(stream)
    _check_shape("The first frame", first, (persons, joints, channels))
    return torch.cat([first[:, None], stream], dim=1)[:, :frames].cumsum(dim=1)


def _at_parents(keypoints: Tensor, layout: SkeletonLayout) -> Tensor:
    """For each joint what is at its parent, or at itself if it has none."""
    check_layout(keypoints, layout)
    return keypoints.index_select(2, _numbers(_parents(layout), keypoints))


def _parents(layout: SkeletonLayout) -> list[int]:
    """For each joint its parent, or itself if it has none."""
    parent = dict(layout.bones)
    if len(parent) < len(layout.bones):
        raise ValueError(
            f"Layout '{layout.name}' has joints with two parents, so a joint has no one bone; "
            "the bone stream needs a tree such as layouts.COCO17."
        )
    return [parent.get(joint, joint) for joint in range(layout.num_joints)]


def _ancestors(layout: SkeletonLayout) -> list[list[int]]:
    """For each joint its parent, second, fourth, eighth ... ancestor, until all are the root."""
    steps = [_parents(layout)]
    while len(set(steps[-1])) > 1 and len(steps) <= layout.num_joints.bit_length():
        steps.append([steps[-1][joint] for joint in steps[-1]])
    if len(set(steps[-1])) > 1:
        raise ValueError(
            f"Layout '{layout.name}' is no tree in which all joints hang on one, so bones do not "
            "say where they are; join its pieces, or take out a cycle."
        )
    return steps


def _numbers(joints: list[int], keypoints: Tensor) -> Tensor:
    return torch.tensor(joints, device=keypoints.device)


def _check_shape(what: str, found: Tensor, shape: tuple[int, ...]) -> None:
    if found.shape != shape:
        raise ValueError(
            f"{what} belongs to another clip: expected the shape {list(shape)}, found "
            f"{list(found.shape)}; take it from the keypoints that the stream was made of."
        )
