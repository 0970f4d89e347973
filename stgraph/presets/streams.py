"""Bones and motion as second inputs: the pairs of joints that released programs subtract.

A program may join other joints in its graph: pyskl's hips hang on the shoulders there and on the
nose here. Joint numbers are 0-based; a joint that is paired with itself is the root.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from stgraph import layouts, transforms
from stgraph.skeleton import SkeletonLayout
from stgraph.transforms import STREAMS

SCORE = 2  # the channel

# fmt: off
# lshiwjx/2s-AGCN:data_gen/gen_bone_data.py, Uason-Chen/CTR-GCN:feeders/bone_pairs.py and
# kennymckormick/pyskl:pyskl/datasets/pipelines/pose_related.py, JointToBone
BONES_NTU = (
    (0, 1), (1, 20), (2, 20), (3, 2), (4, 20), (5, 4), (6, 5), (7, 6), (8, 20), (9, 8), (10, 9),
    (11, 10), (12, 0), (13, 12), (14, 13), (15, 14), (16, 0), (17, 16), (18, 17), (19, 18),
    (20, 20), (21, 22), (22, 7), (23, 24), (24, 11),
)
# lshiwjx/2s-AGCN:data_gen/gen_bone_data.py and pyskl as above
BONES_OPENPOSE = (
    (0, 0), (1, 0), (2, 1), (3, 2), (4, 3), (5, 1), (6, 5), (7, 6), (8, 2), (9, 8), (10, 9),
    (11, 5), (12, 11), (13, 12), (14, 0), (15, 0), (16, 14), (17, 15),
)
# pyskl as above
BONES_COCO = (
    (0, 0), (1, 0), (2, 0), (3, 1), (4, 2), (5, 0), (6, 0), (7, 5), (8, 6), (9, 7), (10, 8),
    (11, 0), (12, 0), (13, 11), (14, 12), (15, 13), (16, 14),
)
# Uason-Chen/CTR-GCN:feeders/feeder_ucla.py
BONES_UCLA = (
    (0, 1), (1, 2), (2, 2), (3, 2), (4, 2), (5, 4), (6, 5), (7, 6), (8, 2), (9, 8), (10, 9),
    (11, 10), (12, 0), (13, 12), (14, 13), (15, 14), (16, 0), (17, 16), (18, 17), (19, 18),
)
# fmt: on
PAIRS = {  # whatever a layout of these joints joins: programs pair them so
    layouts.NTU25.joint_names: BONES_NTU,
    layouts.UCLA20.joint_names: BONES_UCLA,
    layouts.OPENPOSE18.joint_names: BONES_OPENPOSE,
    layouts.COCO17.joint_names: BONES_COCO,
}


def program_stream(
    keypoints: Tensor, name: str, layout: SkeletonLayout, *, score: bool = False
) -> Tensor:
    """The input ``name`` of :data:`stgraph.transforms.STREAMS` as released programs make it.

    Args:
        keypoints: ``[M, T, V, C]`` as a preset has them.
        name: joint, bone, joint_motion or bone_motion.
        layout: The skeleton: of joints that the programs know, bones are their pairs, of others
            those of the layout.
        score: Whether the third channel, if there is one, is a score, see :func:`bone_stream`.

    Raises:
        ValueError: If there is no such stream, or a joint of the layout has two parents.
    """
    if name not in STREAMS:
        raise ValueError(f"There is no stream '{name}'; there are {', '.join(STREAMS)}.")
    score = score and keypoints.shape[3] == SCORE + 1
    if name in ("bone", "bone_motion"):
        keypoints = bone_stream(keypoints, _pairs(layout), score=score)
    if name in ("joint_motion", "bone_motion"):
        keypoints = motion_stream(keypoints, score=score)
    return keypoints


def _pairs(layout: SkeletonLayout) -> tuple[tuple[int, int], ...]:
    children = {child for child, _ in layout.bones}
    roots = ((joint, joint) for joint in range(layout.num_joints) if joint not in children)
    return PAIRS.get(layout.joint_names, (*layout.bones, *roots))


def bone_stream(
    keypoints: Tensor, pairs: Sequence[tuple[int, int]], *, score: bool = False
) -> Tensor:
    """Every joint minus the one it is paired with, zero at roots.

    Args:
        keypoints: ``[M, T, V, C]``, best as a preset returns them.
        pairs: ``(child, parent)``, such as :data:`BONES_NTU`.
        score: Whether the third channel is a score; that of a bone is the mean of its two, and a
            root keeps its own (pyskl, JointToBone).

    Raises:
        ValueError: If a pair names a joint that is not there, a joint has two parents, or the
            score is missing.
    """
    bones = tuple((child, parent) for child, parent in pairs if child != parent)
    names = tuple(f"joint {joint}" for joint in range(keypoints.shape[2]))
    stream = transforms.bones(keypoints, SkeletonLayout("bone pairs", names, bones))
    if score:
        _check_score(keypoints)
        child, parent = torch.tensor(pairs).T
        scores = keypoints[..., SCORE]
        stream[:, :, child, SCORE] = (scores[:, :, child] + scores[:, :, parent]) / 2
    return stream


def motion_stream(keypoints: Tensor, *, score: bool = False) -> Tensor:
    """The next frame minus this one, zero in the last frame.

    pyskl makes it before it samples frames (:mod:`stgraph.presets.sampling`), CTR-GCN after it has
    cropped and resized.

    Args:
        keypoints: ``[M, T, V, C]`` of joints or of bones.
        score: Whether the third channel is a score; that of a motion is the mean of its two
            (pyskl, ToMotion).

    Raises:
        ValueError: If the score is missing.
    """
    stream = transforms.motion(keypoints)
    if score:
        _check_score(keypoints)
        scores = keypoints[..., SCORE]
        stream[:, :-1, :, SCORE] = (scores[:, :-1] + scores[:, 1:]) / 2
    return stream


def _check_score(keypoints: Tensor) -> None:
    if keypoints.shape[3] != SCORE + 1:
        raise ValueError(
            f"A score is the third of three channels, these keypoints have {keypoints.shape[3]}; "
            "leave score=False."
        )
