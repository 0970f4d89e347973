"""Which joints were seen, where the clip stands, and who is in it."""

from __future__ import annotations

import torch
from torch import Tensor

from stgraph.transforms.checks import axes, check_channels, check_joint


def visible(keypoints: Tensor) -> Tensor:
    """Which joints were seen, bool ``[M, T, V]``: those without NaN."""
    return ~keypoints.isnan().any(dim=-1)


def center(keypoints: Tensor, joint: int) -> Tensor:
    """The clip moved so that ``joint`` of the first person starts at the origin.

    "Starts" means the first frame in which it was seen; if never, the next person's is taken. One
    shift for the whole clip, so that how people walk about is kept (unlike 2s-AGCN, which centres
    every frame). All channels move: leave a score out of ``keypoints``.

    Raises:
        ValueError: If the keypoints have no such joint.
    """
    check_joint(keypoints, joint)
    path = keypoints[:, :, joint].flatten(0, 1)
    seen = ~path.isnan().any(dim=-1)
    if not bool(seen.any()):
        return keypoints.clone()
    origin = path[seen.nonzero()[0, 0]].clone()
    return keypoints - origin


def align(keypoints: Tensor, up: tuple[int, int], across: tuple[int, int]) -> Tensor:
    """The clip turned once, in 3-D, so that the first person starts upright and facing one way.

    Args:
        keypoints: ``[M, T, V, 3]``.
        up: Two joints, such as spine base and spine mid; the way from one to the other becomes +z.
        across: Two joints, such as left and right shoulder; the way between them, as far as it is
            at right angles to the first, becomes +x.

    The view normalisation of 2s-AGCN and pyskl (joints 0, 1 and 4, 8 on NTU-25), in one rotation,
    measured in the first frame that shows all four joints. A clip without such a frame stays, and
    so does one whose two ways are parallel there.

    Raises:
        ValueError: If there are not three channels, or a joint is not there.
    """
    check_channels(keypoints, (3,), "align")
    for joint in (*up, *across):
        check_joint(keypoints, joint)
    joints = keypoints[:, :, [*up, *across]].flatten(0, 1)
    whole = (~joints.isnan().flatten(1).any(dim=1)).nonzero()
    if len(whole) == 0:
        return keypoints.clone()
    start = joints[whole[0, 0]].double()
    z = start[1] - start[0]
    z = z / z.norm()
    way = start[3] - start[2]
    x = way - (way @ z) * z
    if not bool(x.norm() > 1e-6 * way.norm()):  # parallel or of no length: no plane to turn to
        return keypoints.clone()
    x = x / x.norm()
    rotation = torch.stack([x, torch.linalg.cross(z, x), z])
    return keypoints @ rotation.T.to(keypoints.dtype)


def keep_persons(keypoints: Tensor, most: int) -> Tensor:
    """The ``most`` persons that move most, in that order; the others are left out.

    Energy is the standard deviation of x, y and z over a person's seen joints, summed (2s-AGCN);
    that of a person who was never seen is 0, and of equals the earlier comes first.

    Raises:
        ValueError: If ``most`` is below 1.
    """
    if most < 1:
        raise ValueError(f"Expected to keep at least 1 person, found {most}; ask for 1 or more.")
    order = _energy(keypoints).argsort(descending=True, stable=True)
    return keypoints[order[:most]]


def _energy(keypoints: Tensor) -> Tensor:
    """The deviation of each coordinate over a person's seen joints, summed, ``[M]``."""
    persons, frames, joints, channels = axes(keypoints)
    # Each coordinate in a row of its own, for equal persons to have equal energies to the last bit.
    rows = keypoints.reshape(persons, frames * joints, channels).mT.contiguous()
    seen = ~rows.isnan().any(dim=1, keepdim=True)
    count = seen.sum(dim=2, keepdim=True).clamp(min=1)
    mean = rows.where(seen, 0.0).sum(dim=2, keepdim=True) / count
    square = (rows - mean).where(seen, 0.0).square().sum(dim=2, keepdim=True) / count
    return square.sqrt().sum(dim=(1, 2))
