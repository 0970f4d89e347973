"""What 2s-AGCN, MS-G3D and continual-skeletons feed to their networks.

Source: lshiwjx/2s-AGCN:data_gen/ntu_gendata.py and data_gen/preprocess.py for NTU RGB+D;
data_gen/kinetics_gendata.py for Kinetics. The same steps are in open-mmlab/mmaction2 0.x:
tools/data/skeleton/gen_ntu_rgbd_raw.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stgraph.presets.steps import (
    SHOULDERS,
    check_clip,
    nonzero_sum,
    pad_zeros,
    slots,
    turn_upright,
    zero_fill,
)
from stgraph.presets.stgcn import (
    FRAMES,
    OBSERVED_PERSONS,
    PERSONS,
    center_image,
    kinetics_window,
    surest,
)

SLOTS = 4  # ntu_gendata.py, max_body_kinect
CENTER = 1  # NTU-25: spine mid


def ntu(keypoints: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """Two bodies, looped to 300 frames, centred in every frame and turned: ``[2, 300, V, 3]``.

    The two of the first four places with the most energy; each repeated to the end; the first
    one's spine mid at the origin in each frame; the clip upright and facing one way by frame 0.
    Training sees what testing sees, so ``generator`` is not used.

    Args:
        keypoints: ``[M, T, V, 3]``, rows are places in the frame, joints as on NTU-25.
        generator: Not used.

    Raises:
        ValueError: If there are not three channels and at least nine joints, or more than 300
            frames.
    """
    check_clip(keypoints, "agcn", channels=(3,), joints=max(SHOULDERS) + 1)
    bodies = most_energetic(slots(zero_fill(keypoints))[:SLOTS])
    clip = loop_each(pad_zeros(bodies, FRAMES, persons=PERSONS))
    return turn_upright(center_frames(clip))


def kinetics(keypoints: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """As :func:`stgraph.presets.stgcn.kinetics`, but with y upwards.

    Raises:
        ValueError: If there are not three channels, or more than 300 frames.
    """
    return kinetics_window(kinetics_stored(keypoints), generator=generator)


def kinetics_stored(keypoints: Tensor) -> Tensor:
    """What the program keeps, and makes bones and motion of, before training moves it.

    Raises:
        ValueError: As :func:`kinetics`.
    """
    check_clip(keypoints, "agcn-kinetics", channels=(3,))
    people = center_image(slots(zero_fill(keypoints))[:OBSERVED_PERSONS])
    people[..., 1].neg_()
    return pad_zeros(surest(people), FRAMES, persons=PERSONS)


def energy(person: Tensor) -> float:
    """How much a body ``[T, V, 3]`` spreads: the deviations of x, y and z over all joints, summed.

    Over the frames whose coordinates do not add up to 0; without one it is 0.
    """
    points = person[nonzero_sum(person[None])[0]].double().flatten(0, 1)
    return float(points.std(dim=0, correction=0).sum()) if len(points) else 0.0


def most_energetic(keypoints: Tensor, persons: int = PERSONS) -> Tensor:
    """The bodies with the most :func:`energy`, most first; of equals the later row first."""
    energies = torch.tensor([energy(person) for person in keypoints], dtype=torch.double)
    # 2s-AGCN sorts upwards and turns the result round, which turns ties round too.
    return keypoints[energies.argsort(stable=True).flip(0)[:persons]]


def loop_each(keypoints: Tensor) -> Tensor:
    """Each person's frames again and again to the end, empty ones in the middle included.

    A person who is not there in frame 0 starts there, without any empty frame. A frame is empty
    whose coordinates add up to 0. Persons who are never there stay so.
    """
    return torch.stack([_loop(person) for person in keypoints])


def center_frames(keypoints: Tensor, joint: int = CENTER) -> Tensor:
    """Joint ``joint`` of person 0 at the origin in every frame, whoever is looked at.

    Joints whose coordinates add up to 0 become or stay zero.
    """
    centered = keypoints - keypoints[:1, :, joint : joint + 1]
    return torch.where(keypoints.sum(dim=3, keepdim=True) != 0, centered, 0.0)


def _loop(person: Tensor) -> Tensor:
    """One person ``[T, V, C]``, repeated to the end of the clip."""
    filled = nonzero_sum(person[None])[0]
    if not bool(filled.any()):
        return person
    length = int(filled.nonzero()[-1]) + 1
    own = person[:length] if bool(filled[0]) else person[filled]
    return own[torch.arange(len(person)) % len(own)]
