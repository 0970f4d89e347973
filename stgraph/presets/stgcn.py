"""What st-gcn and mmskeleton feed to their networks.

Source: yysijie/st-gcn:tools/ntu_gendata.py and tools/utils/ntu_read_skeleton.py for NTU RGB+D;
tools/kinetics_gendata.py, feeder/feeder_kinetics.py and feeder/tools.py for Kinetics.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stgraph.presets.steps import check_clip, pad_zeros, reorder, slots, zero_fill

FRAMES, PERSONS = 300, 2
OBSERVED_PERSONS = 5  # feeder_kinetics.py, num_person_in
WINDOW = 150  # config/st_gcn/kinetics-skeleton/train.yaml, window_size
SCORE = 2  # the channel
MIDDLE = 0.5  # of an image whose width and height are 1

ANGLES = (-10.0, -5.0, 0.0, 5.0, 10.0)  # degrees; feeder/tools.py, random_move
SCALES = (0.9, 1.0, 1.1)
SHIFTS = (-0.2, -0.1, 0.0, 0.1, 0.2)


def ntu(keypoints: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """The first two bodies of each frame as they are, zeros to 300 frames: ``[2, 300, V, C]``.

    Nothing is centred, turned or ranked, frames without a body stay, and training sees what
    testing sees, so ``generator`` is not used.

    Raises:
        ValueError: If the clip has more than 300 frames.
    """
    check_clip(keypoints, "stgcn")
    return pad_zeros(slots(zero_fill(keypoints))[:PERSONS], FRAMES, persons=PERSONS)


def kinetics(keypoints: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """The two surest of five persons in each frame, around the middle of the image.

    Args:
        keypoints: ``[M, T, V, 3]``: x, y as shares of the image's width and height, y downwards,
            and a score. Rows are places in the frame; the first five bodies are looked at.
        generator: With one, as for training, 150 frames at random, moved at random.

    Returns:
        ``[2, 300, V, 3]``, or ``[2, 150, V, 3]`` with a generator. Persons are not followed from
        frame to frame.

    Raises:
        ValueError: If there are not three channels, or more than 300 frames.
    """
    check_clip(keypoints, "stgcn-kinetics", channels=(3,))
    people = center_image(slots(zero_fill(keypoints))[:OBSERVED_PERSONS])
    return kinetics_window(pad_zeros(surest(people), FRAMES, persons=PERSONS), generator=generator)


def kinetics_window(keypoints: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """The clip as it is for testing; 150 frames of it, moved, for training with a generator."""
    if generator is None:
        return keypoints
    window = random_choose(keypoints, WINDOW, generator=generator)
    return random_move(window, generator=generator)


def center_image(keypoints: Tensor) -> Tensor:
    """Keypoints ``[M, T, V, 3]`` with x and y less 0.5, but 0 where the score is 0."""
    centered = keypoints.clone()
    plane = keypoints[..., :SCORE] - MIDDLE
    centered[..., :SCORE] = torch.where(keypoints[..., SCORE:] != 0, plane, 0.0)
    return centered


def surest(keypoints: Tensor, persons: int = PERSONS) -> Tensor:
    """In each frame the bodies of the highest scores, summed over joints, highest first."""
    score = keypoints[..., SCORE].sum(dim=2)
    order = score.argsort(dim=0, descending=True, stable=True)
    return reorder(keypoints, order[:persons])


def random_choose(
    keypoints: Tensor, frames: int, *, generator: torch.Generator | None = None
) -> Tensor:
    """``frames`` consecutive frames from a random place; a shorter clip at a random one in zeros.

    Padded frames may be chosen. Source: yysijie/st-gcn:feeder/tools.py, random_choose.
    """
    length = keypoints.shape[1]
    begin = int(torch.randint(abs(length - frames) + 1, (), generator=generator))
    if length >= frames:
        return keypoints[:, begin : begin + frames].clone()
    padded = keypoints.new_zeros(keypoints.shape[0], frames, *keypoints.shape[2:])
    padded[:, begin : begin + length] = keypoints
    return padded


def random_move(keypoints: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """All persons turned, scaled and shifted in x and y, differently at either end of the clip.

    An angle of :data:`ANGLES`, a factor of :data:`SCALES` and shifts of :data:`SHIFTS` are drawn
    for the first and the last frame and change linearly in between. Zeros are shifted as well.

    Source: yysijie/st-gcn:feeder/tools.py, random_move.
    """
    frames = keypoints.shape[1]
    angle = _ramp(ANGLES, frames, generator).deg2rad()
    scale = _ramp(SCALES, frames, generator)
    shift = torch.stack([_ramp(SHIFTS, frames, generator) for _ in range(2)], dim=-1)
    sin, cos = scale * angle.sin(), scale * angle.cos()
    turn = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    moved = keypoints.clone()
    plane = torch.einsum("tij,mtvj->mtvi", turn, keypoints[..., :2].double())
    moved[..., :2] = (plane + shift[:, None]).to(keypoints.dtype)
    return moved


def two_stream_motion(keypoints: Tensor) -> Tensor:
    """Each frame less the mean of the two around it, zero at both ends of the clip.

    The second input of st-gcn's two-stream model: x[t] - x[t-1]/2 - x[t+1]/2, which is minus half
    the acceleration. Source: yysijie/st-gcn:net/st_gcn_twostream.py.
    """
    motion = torch.zeros_like(keypoints)
    around = keypoints[:, :-2] + keypoints[:, 2:]
    motion[:, 1:-1] = keypoints[:, 1:-1] - 0.5 * around
    return motion


def _ramp(choices: tuple[float, ...], frames: int, generator: torch.Generator | None) -> Tensor:
    """Two of the choices, and the straight line between them, float64 ``[frames]``."""
    first, last = torch.randint(len(choices), (2,), generator=generator).tolist()
    return torch.linspace(choices[first], choices[last], frames, dtype=torch.double)
