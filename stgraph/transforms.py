"""Functions on keypoints ``[M, T, V, C]``; a joint that was not seen is NaN and stays so.

Each returns new keypoints and leaves its input alone. Random ones take a ``torch.Generator``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stgraph.skeleton import SkeletonLayout


def visible(keypoints: Tensor) -> Tensor:
    """Which joints were seen, bool ``[M, T, V]``: those without NaN."""
    return ~keypoints.isnan().any(dim=-1)


def center(keypoints: Tensor, joint: int) -> Tensor:
    """The clip moved so that ``joint`` of the first person starts at the origin.

    "Starts" means the first frame in which it was seen; if never, the next person's is taken. One
    shift for the whole clip, so that how people walk about is kept (unlike 2s-AGCN, which centres
    every frame). All channels move: leave a score out of ``keypoints``.
    """
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
    """
    _check_channels(keypoints, 3, "align")
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


def bones(keypoints: Tensor, layout: SkeletonLayout) -> Tensor:
    """The bone stream: every joint minus its parent, zero at joints without one."""
    child, parent = torch.tensor(layout.bones, dtype=torch.long).reshape(-1, 2).T
    if len(child.unique()) < len(child):
        raise ValueError(
            f"Layout '{layout.name}' has joints with two parents, so a joint has no one bone; "
            "the bone stream needs a tree such as layouts.COCO17."
        )
    stream = torch.where(keypoints.isnan(), keypoints, 0.0)
    stream[:, :, child] = keypoints[:, :, child] - keypoints[:, :, parent]
    return stream


def motion(keypoints: Tensor) -> Tensor:
    """The motion stream: next frame minus this one, zero in the last frame."""
    stream = torch.where(keypoints.isnan(), keypoints, 0.0)
    stream[:, :-1] = keypoints[:, 1:] - keypoints[:, :-1]
    return stream


def mirror(keypoints: Tensor, layout: SkeletonLayout) -> Tensor:
    """Left and right exchanged: x changes sign, joints change places with their partners."""
    mirrored = keypoints[:, :, list(layout.mirrored)].clone()
    mirrored[..., 0].neg_()
    return mirrored


def resample(keypoints: Tensor, frames: int, *, generator: torch.Generator | None = None) -> Tensor:
    """``frames`` frames, one from each of as many equal segments of the clip.

    The middle of each segment, or with a ``generator`` a random place in it (uniform sampling of
    pyskl's PoseC3D). Shorter clips repeat frames.
    """
    place = torch.full((frames,), 0.5)
    if generator is not None:
        place = torch.rand(frames, generator=generator)
    at = (torch.arange(frames) + place) * keypoints.shape[1] / frames
    return keypoints[:, at.long().clamp(max=keypoints.shape[1] - 1)]


def thin(keypoints: Tensor, step: int, *, generator: torch.Generator | None = None) -> Tensor:
    """Every ``step``-th frame, from the first, or with a ``generator`` from a random one of these.

    Unlike :func:`resample` it leaves the tempo of long and short clips comparable.
    """
    start = 0
    if generator is not None:
        start = int(torch.randint(min(step, keypoints.shape[1]), (), generator=generator))
    return keypoints[:, start::step].clone()


def random_rotation(
    keypoints: Tensor, most: float, *, generator: torch.Generator | None = None
) -> Tensor:
    """The clip turned by one random angle about each axis, uniform within ±``most`` radians."""
    _check_channels(keypoints, 3, "random_rotation")
    angles = (2 * torch.rand(3, generator=generator) - 1) * most
    x, y, z = (_axis_rotation(axis, angle) for axis, angle in enumerate(angles))
    return keypoints @ (z @ y @ x).T.to(keypoints.dtype)


def random_scale(
    keypoints: Tensor, most: float, *, generator: torch.Generator | None = None
) -> Tensor:
    """Each channel times one random factor, uniform within 1 ± ``most``."""
    factors = 1 + (2 * torch.rand(keypoints.shape[-1], generator=generator) - 1) * most
    return keypoints * factors.to(keypoints.dtype)


def keep_persons(keypoints: Tensor, most: int) -> Tensor:
    """The ``most`` persons that move most, in that order; the others are left out.

    Energy is the standard deviation of x, y and z over a person's seen joints, summed (2s-AGCN).
    """
    energy = torch.stack([_spread(person) for person in keypoints])
    return keypoints[energy.argsort(descending=True, stable=True)[:most]]


def _spread(person: Tensor) -> Tensor:
    points = person[visible(person[None])[0]]
    return points.std(dim=0, correction=0).sum() if len(points) else torch.tensor(0.0)


def _axis_rotation(axis: int, angle: Tensor) -> Tensor:
    first, second = ((1, 2), (2, 0), (0, 1))[axis]
    rotation = torch.eye(3)
    rotation[first, first] = rotation[second, second] = angle.cos()
    rotation[second, first] = angle.sin()
    rotation[first, second] = -angle.sin()
    return rotation


def _check_channels(keypoints: Tensor, needed: int, what: str) -> None:
    if keypoints.shape[-1] != needed:
        raise ValueError(
            f"{what} turns points in space: keypoints need {needed} channels, these have "
            f"{keypoints.shape[-1]}."
        )
