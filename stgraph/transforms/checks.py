"""What transforms refuse: each with what was expected, what was found and what to do."""

from __future__ import annotations

import math

from torch import Tensor

from stgraph.skeleton import SkeletonLayout


def axes(keypoints: Tensor) -> tuple[int, int, int, int]:
    """``persons, frames, joints, channels`` of keypoints; other tensors have no such axes."""
    if keypoints.dim() != 4:
        raise ValueError(
            f"Expected keypoints [persons, frames, joints, channels], found "
            f"{list(keypoints.shape)}; add the missing axes, such as keypoints[None]."
        )
    persons, frames, joints, channels = keypoints.shape
    return persons, frames, joints, channels


def check_channels(keypoints: Tensor, counts: tuple[int, ...], what: str) -> None:
    """Refuse points of another dimension, or points with a score."""
    if axes(keypoints)[3] not in counts:
        needed = " or ".join(map(str, counts))
        raise ValueError(
            f"{what} turns points in space: keypoints need {needed} channels, these have "
            f"{keypoints.shape[3]}; leave channels that are no coordinates out."
        )


def check_joint(keypoints: Tensor, joint: int) -> None:
    """Refuse a joint that the keypoints do not have."""
    joints = axes(keypoints)[2]
    if not 0 <= joint < joints:
        raise ValueError(
            f"Expected a joint from 0 to {joints - 1}, found {joint}; layout.index gives the "
            "number of a name."
        )


def check_layout(keypoints: Tensor, layout: SkeletonLayout) -> None:
    """Refuse a layout that is not that of the keypoints."""
    joints = axes(keypoints)[2]
    if joints != layout.num_joints:
        raise ValueError(
            f"Keypoints have {joints} joints, layout '{layout.name}' has {layout.num_joints}; "
            "use the layout that the keypoints were recorded with."
        )


def check_frames(keypoints: Tensor, wanted: int) -> None:
    """Refuse a clip without frames to take, and a wish for none."""
    found = axes(keypoints)[1]
    if found < 1 or wanted < 1:
        raise ValueError(
            f"Expected at least 1 frame in a clip and 1 in the result, found {found} and "
            f"{wanted}; leave empty clips out."
        )


def check_extent(value: float, what: str) -> None:
    """Refuse what is no extent of a change: negative, infinite or NaN."""
    if not 0 <= value < math.inf:
        raise ValueError(
            f"Expected {what} to be a finite number of at least 0, found {value}; 0 changes "
            "nothing."
        )


def check_share(share: float) -> None:
    """Refuse what is no probability."""
    if not 0 <= share <= 1:
        raise ValueError(
            f"Expected a share from 0 to 1, found {share}; 0.1 is one in ten, 0 changes nothing."
        )
