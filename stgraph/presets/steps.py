"""Steps that released programs share, on keypoints ``[M, T, V, C]`` in which zero is not there.

Each returns new keypoints of the same type of number and leaves its input alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

NEGLIGIBLE = 1e-6  # kennymckormick/pyskl:pyskl/datasets/pipelines/pose_related.py, rotation_matrix
UP, ACROSS = (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)
SPINE = (0, 1)  # NTU-25: spine base, spine mid
SHOULDERS = (4, 8)  # NTU-25: left, right


def check_clip(
    keypoints: Tensor, preset: str, *, channels: tuple[int, ...] = (), joints: int = 1
) -> None:
    """Refuse, with a ValueError, what is not ``[M, T, V, C]`` or lacks what a preset works on."""
    if keypoints.dim() != 4:
        raise ValueError(
            f"Keypoints are [persons, frames, joints, channels], these are "
            f"{list(keypoints.shape)}; add the missing axes, such as keypoints[None]."
        )
    if channels and keypoints.shape[3] not in channels:
        needed = " or ".join(map(str, channels))
        raise ValueError(
            f"The preset '{preset}' needs {needed} channels, these keypoints have "
            f"{keypoints.shape[3]}; choose a preset that is made for them, see presets.PRESETS."
        )
    if keypoints.shape[2] < joints:
        raise ValueError(
            f"The preset '{preset}' looks at joint {joints - 1}, these keypoints have joints 0 to "
            f"{keypoints.shape[2] - 1}; choose a preset that is made for them, see presets.PRESETS."
        )


def zero_fill(keypoints: Tensor) -> Tensor:
    """The clip with 0 in place of NaN: the first step of every preset."""
    return torch.where(keypoints.isnan(), 0.0, keypoints)


def there(keypoints: Tensor) -> Tensor:
    """Which bodies are there, bool ``[M, T]``: those with a coordinate other than 0."""
    return zero_fill(keypoints).ne(0).flatten(2).any(dim=2)


def nonzero_sum(keypoints: Tensor) -> Tensor:
    """Whose coordinates do not add up to 0, bool ``[M, T]``: the test of 2s-AGCN and CTR-GCN."""
    return keypoints.sum(dim=(2, 3)) != 0


def reorder(keypoints: Tensor, order: Tensor) -> Tensor:
    """Person m of frame t is the former person ``order[m, t]``; ``order`` is long ``[M, T]``."""
    return keypoints[order, torch.arange(keypoints.shape[1])]


def slots(keypoints: Tensor) -> Tensor:
    """Person m becomes the m-th body of the frame: those that are there move to the first rows.

    In each frame the order of the rows stays. It is what st-gcn and 2s-AGCN see, who take the
    place of a body in its frame for its identity.
    """
    return reorder(keypoints, (~there(keypoints)).long().argsort(dim=0, stable=True))


def pad_zeros(keypoints: Tensor, frames: int, *, persons: int) -> Tensor:
    """``[persons, frames, V, C]``: the clip, and zeros after its persons and frames.

    Raises:
        ValueError: If the clip has more persons or frames.
    """
    if keypoints.shape[0] > persons or keypoints.shape[1] > frames:
        raise ValueError(
            f"Expected at most {persons} persons and {frames} frames, found {keypoints.shape[0]} "
            f"and {keypoints.shape[1]}; cut the clip, or shorten it with transforms.thin or "
            "transforms.resample."
        )
    padded = keypoints.new_zeros(persons, frames, *keypoints.shape[2:])
    padded[: keypoints.shape[0], : keypoints.shape[1]] = keypoints
    return padded


def pad_loop(keypoints: Tensor, frames: int) -> Tensor:
    """``[M, frames, V, C]``: the clip again and again, frame i is frame i mod T of the clip.

    Raises:
        ValueError: If the clip has no frame, or more than ``frames``.

    Source: kennymckormick/pyskl:pyskl/datasets/pipelines/pose_related.py, PadTo(mode="loop"); the
    padding of mmaction2 0.x.
    """
    length = keypoints.shape[1]
    if not 1 <= length <= frames:
        raise ValueError(
            f"Expected 1 to {frames} frames, found {length}; leave empty clips out, shorten long "
            "ones with transforms.thin or transforms.resample."
        )
    return keypoints[:, torch.arange(frames) % length]


def rotation_onto(vector: Tensor, axis: tuple[float, float, float]) -> Tensor:
    """The smallest rotation that turns ``vector`` to ``axis``, float64 ``[3, 3]``.

    The identity where the released programs give up: for a vector of no length, and for one that
    is parallel or antiparallel to the axis (absolute values of the cross product below 1e-6 in
    sum, or an angle below 1e-6). For a float16 vector the angle is that of its unit vector in
    float16, as pyskl measures it: near the axis that can be a degree off.

    Source: kennymckormick/pyskl:pyskl/datasets/pipelines/pose_related.py, PreNormalize3D, which
    has it from 2s-AGCN. R = I + sin(a) K + (1 - cos(a)) K K, K the cross product with the unit
    vector to turn about (Rodrigues).
    """
    start, end = vector.double(), torch.tensor(axis, dtype=torch.double)
    normal = torch.linalg.cross(start, end)
    angle = torch.atan2(normal.norm(), start @ end)
    if vector.dtype == torch.half:
        angle = (_half_unit(vector).double() @ end).clamp(-1, 1).acos()
    lengths = torch.stack([start, end, normal]).abs().sum(dim=1)
    identity = torch.eye(3, dtype=torch.double)
    if bool((lengths < NEGLIGIBLE).any()) or float(angle) < NEGLIGIBLE:
        return identity
    cross = torch.linalg.cross((normal / normal.norm()).expand(3, 3), identity).T
    return identity + angle.sin() * cross + (1 - angle.cos()) * cross @ cross


def turn_upright(
    keypoints: Tensor, *, spine: tuple[int, int] = SPINE, shoulders: tuple[int, int] = SHOULDERS
) -> Tensor:
    """The clip turned once, by frame 0 of person 0: the spine to +z, then the shoulders to +x.

    The second rotation is measured after the first and is not about z: it tilts the spine again
    where the shoulders are not at right angles to it, most of all in a body seen from behind.
    :func:`stgraph.transforms.align` does not.

    Args:
        keypoints: ``[M, T, V, 3]``, at least one person and one frame; float16 gives float32.
        spine: The joints at its lower and upper end.
        shoulders: The left and the right one.

    Source: as :func:`rotation_onto`.
    """
    start = keypoints[0, 0]
    up = rotation_onto(start[spine[1]] - start[spine[0]], UP)
    turned = keypoints.double() @ up.T
    shoulder = turned[0, 0, list(shoulders)]
    across = rotation_onto(shoulder[1] - shoulder[0], ACROSS)
    return (turned @ across.T).to(torch.promote_types(keypoints.dtype, torch.float32))


def _half_unit(vector: Tensor) -> Tensor:
    """The unit vector as NumPy finds it in float16: squares summed wider, all else rounded."""
    square = vector.float().square().sum().half()
    return vector / square.sqrt()
