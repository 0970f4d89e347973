"""What CTR-GCN and the programs after it (InfoGCN, HD-GCN, BlockGCN) feed to their networks.

Source: Uason-Chen/CTR-GCN:data/ntu/ and data/ntu120/ (from microsoft/SGN:data/ntu/) for the stored
arrays, feeders/feeder_ntu.py and feeders/tools.py for what is done when they are read.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from stgraph.presets.actors import (
    bodies_by_id,
    by_motion,
    two_actors,
    without_ghosts,
    without_short,
)
from stgraph.presets.steps import check_clip, nonzero_sum, pad_zeros, zero_fill
from stgraph.transforms import random_rotation

FRAMES, PERSONS = 64, 2
CENTER = 1  # NTU-25: spine mid
OVERLAP = 1  # frames that two bodies of one actor may share
TEST_SHARE = 0.95  # config/nturgbd-cross-subject/default.yaml, p_interval
TRAINING_SHARES = (0.5, 1.0)
ROTATION = 0.3  # radians; feeders/tools.py, random_rot


def ntu60(keypoints: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """One or two actors, centred once, cropped and resized in time: ``[2, 64, V, 3]``.

    A missing second person is zero, as in the arrays of NTU RGB+D 60.

    Args:
        keypoints: ``[M, T, V, 3]``, rows are all bodies of the file by id, joints as on NTU-25.
        generator: With one, as for training, a random crop and a random rotation.

    Raises:
        ValueError: If there are not three channels, if nobody is seen, or if of several bodies
            none is seen in more than 11 frames.
    """
    check_clip(keypoints, "ctrgcn", channels=(3,), joints=CENTER + 1)
    clip = move_to_origin(denoise(zero_fill(keypoints)))
    return _load(pad_zeros(clip, clip.shape[1], persons=PERSONS), generator)


def ntu120(keypoints: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """As :func:`ntu60`, but a missing second person is a copy of the first.

    So it is in the arrays of NTU RGB+D 120 (Uason-Chen/CTR-GCN:data/ntu120/seq_transformation.py).
    """
    check_clip(keypoints, "ctrgcn-120", channels=(3,), joints=CENTER + 1)
    clip = move_to_origin(denoise(zero_fill(keypoints)))
    return _load(clip.expand(PERSONS, -1, -1, -1), generator)


def denoise(keypoints: Tensor) -> Tensor:
    """The one or two actors of a clip, ``[1 or 2, T', V, 3]``, without the frames that lack both.

    With one id its frames are taken as they are. Of several, short ones and ghosts are dropped
    and the rest made two; see :mod:`stgraph.presets.actors`. The filter for too much and too
    little motion of the released program is off there and left out here.
    """
    bodies, frames = bodies_by_id(keypoints)
    if len(bodies) == 1:
        return bodies[0].points[None]
    bodies = without_short(bodies)
    if len(bodies) > 1:
        bodies = by_motion(without_ghosts(bodies, spare_last=True))
    if len(bodies) == 1:
        clip = bodies[0].points[None]
    else:
        clip = two_actors(bodies, frames, overlap=OVERLAP)
    return clip[:, clip.sum(dim=(0, 2, 3)) != 0]


def move_to_origin(actors: Tensor) -> Tensor:
    """The clip moved so that actor 1 has joint 1 at the origin in the first frame it is there.

    Of two actors, the frames of each that add up to 0 are zero again afterwards.
    """
    first = int(actors[0].ne(0).flatten(1).any(dim=1).nonzero()[0])
    moved = actors - actors[0, first, CENTER]
    if len(actors) == 1:
        return moved
    return torch.where(nonzero_sum(actors)[..., None, None], moved, 0.0)


def crop_resize(
    keypoints: Tensor, frames: int = FRAMES, *, generator: torch.Generator | None = None
) -> Tensor:
    """The middle 95 % of a clip, or a random 50 to 100 % of it, resized to ``frames`` frames.

    The random part has at least 64 frames, or all. Resizing is linear between frames, each of
    which stands for the middle of its span (``align_corners=False``).

    Args:
        keypoints: ``[M, T, V, C]``; as many of its first frames count as do not add up to 0.
        frames: How many frames the result has.
        generator: With one, the random part.

    Raises:
        ValueError: If no frame counts.
    """
    length = int((keypoints.sum(dim=(0, 2, 3)) != 0).sum())
    if length == 0:
        raise ValueError(
            f"Expected a frame whose coordinates do not add up to 0, found none in "
            f"{keypoints.shape[1]}; leave the clip out."
        )
    if generator is None:
        begin = int((1 - TEST_SHARE) * length / 2)
        end = length - begin
    else:
        low, high = TRAINING_SHARES
        share = low + (high - low) * float(torch.rand((), generator=generator))
        kept = min(max(int(length * share), FRAMES), length)
        begin = int(torch.randint(length - kept + 1, (), generator=generator))
        end = begin + kept
    tracks = keypoints[:, begin:end].double().permute(0, 2, 3, 1).flatten(0, 2)
    resized = interpolate(tracks[None], size=frames, mode="linear", align_corners=False)[0]
    persons, _, joints, channels = keypoints.shape
    clip = resized.unflatten(0, (persons, joints, channels)).permute(0, 3, 1, 2)
    return clip.contiguous().to(keypoints.dtype)


def _load(clip: Tensor, generator: torch.Generator | None) -> Tensor:
    """What the feeder makes of a stored clip.

    Stored clips are padded with zeros to 300 frames, which the crop takes away again; so none
    are added here, and longer clips are welcome.
    """
    cropped = crop_resize(clip, generator=generator)
    if generator is None:
        return cropped
    return random_rotation(cropped, ROTATION, generator=generator)
