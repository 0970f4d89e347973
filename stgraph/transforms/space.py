"""Changes of where joints are; none of them sees a joint that was not seen, or loses one.

Every channel is taken for a coordinate: leave a score out of ``keypoints``. Random changes are the
same for the whole clip, except :func:`random_move` and :func:`random_noise`; without a generator
they draw from torch's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from stgraph.skeleton import SkeletonLayout
from stgraph.transforms.chance import normal, within
from stgraph.transforms.checks import axes, check_channels, check_extent, check_layout

# Rotations about x, y and z; each entry is a place in (0, 1, three cosines, sines, minus sines).
_ABOUT_AXES = torch.tensor(
    [
        [[1, 0, 0], [0, 2, 8], [0, 5, 2]],
        [[3, 0, 6], [0, 1, 0], [9, 0, 3]],
        [[4, 10, 0], [7, 4, 0], [0, 0, 1]],
    ]
)


def mirror(keypoints: Tensor, layout: SkeletonLayout) -> Tensor:
    """Left and right exchanged: x changes sign, joints change places with their partners.

    It keeps the lengths of bones, and twice mirrored a clip is as before. The mirror stands at
    x = 0: move image coordinates first, so that 0 is their middle.

    Raises:
        ValueError: If the layout has other joints.
    """
    check_layout(keypoints, layout)
    partners = torch.tensor(layout.mirrored, device=keypoints.device)
    mirrored = keypoints.index_select(2, partners)
    mirrored[..., 0].neg_()
    return mirrored


def rotate(keypoints: Tensor, angles: Tensor | Sequence[float]) -> Tensor:
    """The clip turned about the x axis, then y, then z, by the given angles.

    It keeps all distances. The way back is to turn about z, y and x, in this order, by the same
    angles with the other sign.

    Args:
        keypoints: ``[M, T, V, 3]``, or ``[M, T, V, 2]`` to turn in the plane.
        angles: Three in radians, or one in the plane, positive from x to y.

    Raises:
        ValueError: If there are other channels, or not as many angles.
    """
    check_channels(keypoints, (2, 3), "rotate")
    precision = torch.promote_types(keypoints.dtype, torch.float32)
    angles = torch.as_tensor(angles, dtype=precision, device=keypoints.device).flatten()
    needed = _num_angles(keypoints)
    if len(angles) != needed:
        raise ValueError(
            f"Expected {needed} angles for {keypoints.shape[3]} channels, found {len(angles)}; "
            "points in space turn about three axes, points in the plane about one."
        )
    return _turn(keypoints, angles)


def random_rotation(
    keypoints: Tensor, most: float, *, generator: torch.Generator | None = None
) -> Tensor:
    """The clip turned by one random angle about each axis, uniform within ±``most`` radians.

    In the plane, with two channels, by one. CTR-GCN and pyskl take 0.3.

    Raises:
        ValueError: If there are other channels, or ``most`` is negative.

    Source: kennymckormick/pyskl:pyskl/datasets/pipelines/pose_related.py, RandomRot;
    Uason-Chen/CTR-GCN:feeders/tools.py, random_rot.
    """
    check_channels(keypoints, (2, 3), "random_rotation")
    check_extent(most, "the greatest angle")
    return _turn(keypoints, within(most, _num_angles(keypoints), generator=generator))


def random_scale(
    keypoints: Tensor, most: float, *, generator: torch.Generator | None = None
) -> Tensor:
    """Each channel times one random factor, uniform within 1 ± ``most``.

    pyskl takes 0.2.

    Raises:
        ValueError: If ``most`` is negative.

    Source: kennymckormick/pyskl:pyskl/datasets/pipelines/pose_related.py, RandomScale.
    """
    channels = axes(keypoints)[3]
    check_extent(most, "the greatest change of scale")
    factors = 1 + within(most, channels, generator=generator)
    return keypoints * factors.to(keypoints)


def random_shear(
    keypoints: Tensor, most: float, *, generator: torch.Generator | None = None
) -> Tensor:
    """To each coordinate a share of every other is added, uniform within ±``most``.

    One linear map for the clip, with 1 on its diagonal: straight lines stay straight, the origin
    stays, lengths and angles do not. CrosSCLR and AimCLR take 0.5.

    Raises:
        ValueError: If ``most`` is negative.

    Source: LinguoLi/CrosSCLR and Levigty/AimCLR, feeder/tools.py, shear.
    """
    channels = axes(keypoints)[3]
    check_extent(most, "the greatest shear")
    matrix = within(most, channels, channels, generator=generator).fill_diagonal_(1.0)
    return keypoints @ matrix.to(keypoints)


def random_translation(
    keypoints: Tensor, most: float, *, generator: torch.Generator | None = None
) -> Tensor:
    """The clip moved by one random shift, uniform within ±``most`` in each channel.

    ``most`` is in the unit of the coordinates. Bones and motion stay as they are.

    Raises:
        ValueError: If ``most`` is negative.
    """
    channels = axes(keypoints)[3]
    check_extent(most, "the greatest shift")
    return keypoints + within(most, channels, generator=generator).to(keypoints)


def random_move(
    keypoints: Tensor,
    *,
    angle: float,
    scale: float,
    shift: float,
    generator: torch.Generator | None = None,
) -> Tensor:
    """All persons turned, scaled and shifted in x and y, differently at either end of the clip.

    For the first and the last frame an angle within ±``angle`` radians, a factor within
    1 ± ``scale`` and shifts in x and in y within ±``shift`` are drawn, all uniform; in between
    they change linearly. It is as if the camera had moved. Channels after the second stay.

    st-gcn draws from a few values within 10 degrees, 0.1 and, for images of width 1, 0.2.

    Raises:
        ValueError: If there are fewer than two channels, or an extent is negative.

    Source: yysijie/st-gcn:feeder/tools.py, random_move.
    """
    persons, frames, joints, channels = axes(keypoints)
    if channels < 2:
        raise ValueError(
            f"Expected at least 2 channels, x and y, found {channels}; random_move turns points "
            "in the plane."
        )
    for value, what in ((angle, "the angle"), (scale, "the scale"), (shift, "the shift")):
        check_extent(value, what)
    extents = torch.tensor([angle, scale, shift, shift], dtype=torch.float64)
    first, last = within(1.0, 2, 4, generator=generator).to(extents) * extents
    way = torch.linspace(0.0, 1.0, frames, dtype=torch.float64)[:, None, None]
    turn, factor, *shifts = first.lerp(last, way).unbind(-1)
    ways = torch.stack([(1 + factor) * turn.cos(), (1 + factor) * turn.sin(), *shifts])
    cos, sin, right, up = ways.to(keypoints)
    x, y = keypoints[..., 0], keypoints[..., 1]
    moved = keypoints.clone()
    moved[..., 0] = torch.addcmul(right, cos, x).addcmul(sin, y, value=-1)
    moved[..., 1] = torch.addcmul(up, sin, x).addcmul(cos, y)
    return moved


def random_noise(
    keypoints: Tensor, sigma: float, *, generator: torch.Generator | None = None
) -> Tensor:
    """Normal noise on every coordinate, of mean 0 and deviation ``sigma`` times the body's size.

    The size of a body is the diagonal of the box around the joints seen in the frame, so the unit
    of the coordinates does not matter. pyskl takes 0.01, but as the deviation of how far a joint
    moves, in a random direction.

    Raises:
        ValueError: If ``sigma`` is negative.

    Source: kennymckormick/pyskl:pyskl/datasets/pipelines/pose_related.py, RandomGaussianNoise.
    """
    axes(keypoints)
    check_extent(sigma, "sigma")
    noise = normal(keypoints.shape, generator=generator).to(keypoints)
    return keypoints + noise * (sigma * _size(keypoints.detach()))


def _size(keypoints: Tensor) -> Tensor:
    """The diagonal of the box around each body, ``[M, T, 1, 1]``; 0 where nobody was seen."""
    highest = keypoints.nan_to_num(-torch.inf).amax(dim=2, keepdim=True)
    lowest = keypoints.nan_to_num(torch.inf).amin(dim=2, keepdim=True)
    return torch.linalg.vector_norm((highest - lowest).clamp(min=0), dim=3, keepdim=True)


def _num_angles(keypoints: Tensor) -> int:
    return 3 if keypoints.shape[3] == 3 else 1


def _turn(keypoints: Tensor, angles: Tensor) -> Tensor:
    """Turned by three angles, or by one about z in the plane."""
    channels = keypoints.shape[3]
    padded = torch.cat([angles.new_zeros(3 - len(angles)), angles])
    sines = padded.sin()
    entries = torch.cat([padded.new_tensor([0.0, 1.0]), padded.cos(), sines, -sines])
    x, y, z = entries[_ABOUT_AXES.to(entries.device)]
    rotation = (z @ y @ x)[:channels, :channels]
    return keypoints @ rotation.T.to(keypoints)
