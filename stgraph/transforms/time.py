"""Which frames of a clip are taken, and in which order.

:func:`resample`, :func:`thin` and :func:`crop_resize` are random only with a generator, and as
for testing without; the others always are, except :func:`reverse` and :func:`clock`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stgraph.transforms.chance import below, fraction, some_of
from stgraph.transforms.checks import axes, check_frames


def resample(keypoints: Tensor, frames: int, *, generator: torch.Generator | None = None) -> Tensor:
    """``frames`` frames, one from each of as many equal segments of the clip.

    The middle of each segment, or with a ``generator`` a random place in it (uniform sampling of
    pyskl's PoseC3D). Shorter clips repeat frames.

    Raises:
        ValueError: If the clip has no frame, or none are wanted.
    """
    check_frames(keypoints, frames)
    place = torch.full((frames,), 0.5)
    if generator is not None:
        place = fraction(frames, generator=generator)
    at = (torch.arange(frames, device=place.device) + place) * keypoints.shape[1] / frames
    return _frames(keypoints, at.long().clamp(max=keypoints.shape[1] - 1))


def sample_frames(
    keypoints: Tensor, frames: int, *, generator: torch.Generator | None = None
) -> Tensor:
    """``frames`` frames at random, in order; every choice of different frames is as likely.

    Unlike those of :func:`resample` they may lie close together and leave gaps. A shorter clip
    shows each frame equally often, and a random choice of its frames once more.

    Raises:
        ValueError: If the clip has no frame, or none are wanted.
    """
    check_frames(keypoints, frames)
    length = keypoints.shape[1]
    times, more = divmod(frames, length)
    chosen = some_of(length, more, generator=generator)
    often = torch.arange(length, device=chosen.device).repeat(times)
    return _frames(keypoints, torch.cat([often, chosen]).sort().values)


def thin(keypoints: Tensor, step: int, *, generator: torch.Generator | None = None) -> Tensor:
    """Every ``step``-th frame, from the first, or with a ``generator`` from a random one of these.

    Unlike :func:`resample` it leaves the tempo of long and short clips comparable.

    Raises:
        ValueError: If the clip has no frame, or the step is below 1.
    """
    check_frames(keypoints, step)
    start = 0
    if generator is not None:
        start = below(min(step, keypoints.shape[1]), generator=generator)
    return keypoints[:, start::step].clone()


def random_window(
    keypoints: Tensor, frames: int, *, generator: torch.Generator | None = None
) -> Tensor:
    """``frames`` consecutive frames from a random place; a shorter clip as it is.

    Source: yysijie/st-gcn:feeder/tools.py, random_choose, which pads shorter clips with zeros.

    Raises:
        ValueError: If the clip has no frame, or none are wanted.
    """
    check_frames(keypoints, frames)
    start = below(max(keypoints.shape[1] - frames, 0) + 1, generator=generator)
    return keypoints[:, start : start + frames].clone()


def reverse(keypoints: Tensor) -> Tensor:
    """The clip from its last frame to its first; twice reversed it is as before.

    Source: Levigty/AimCLR:feeder/tools.py, random_time_flip.
    """
    axes(keypoints)
    return keypoints.flip(1)


def clock(keypoints: Tensor) -> Tensor:
    """The moment of each frame as a further channel, in hundreds of frames from the clip's first.

    Pooling is a mean over nodes, so a network that is given nodes alone hardly knows how long a
    clip is; padded with zeros it does. A joint that was not seen is NaN in this channel too.
    """
    _, frames, _, _ = axes(keypoints)
    moment = torch.arange(frames, dtype=keypoints.dtype, device=keypoints.device) / 100
    return torch.cat([keypoints, moment[:, None, None] + 0 * keypoints[..., :1]], dim=-1)


def crop_resize(
    keypoints: Tensor,
    frames: int,
    *,
    share: tuple[float, float] = (0.5, 1.0),
    generator: torch.Generator | None = None,
) -> Tensor:
    """A part of the clip, faster or slower, so that it has ``frames`` frames.

    Between two frames a joint is on the straight line from one to the other, and each frame stands
    for the middle of its span (``align_corners=False``). A joint that one of the two lacks is
    where the other has it, and one that both lack is NaN. A result frame that falls on a frame is
    that frame: resizing a clip to its own length changes nothing.

    Args:
        keypoints: ``[M, T, V, C]``, of floating point.
        frames: How many frames the result has.
        share: The least and the greatest part of the clip that is kept.
        generator: With one, a random share, but at least ``frames`` frames or all, at a random
            place. Without, the greatest share from the middle, so that ``(0.95, 0.95)`` is what
            CTR-GCN tests with and ``(0.5, 1.0)`` what it trains with.

    Raises:
        ValueError: If the clip has no frame, none are wanted, or the shares are not in order and
            above 0 and at most 1.

    Source: Uason-Chen/CTR-GCN:feeders/tools.py, valid_crop_resize.
    """
    check_frames(keypoints, frames)
    low, high = share
    if not 0 < low <= high <= 1:
        raise ValueError(
            f"Expected the least and the greatest share, above 0 and at most 1, found {share}; "
            "(0.5, 1.0) keeps half of the clip or more."
        )
    length = keypoints.shape[1]
    if generator is None:
        begin = int((1 - high) * length / 2)
        kept = length - 2 * begin
    else:
        part = low + (high - low) * float(fraction(generator=generator))
        kept = min(max(int(length * part), frames), length)
        begin = below(length - kept + 1, generator=generator)
    return _resize(keypoints[:, begin : begin + kept], frames)


def _resize(keypoints: Tensor, frames: int) -> Tensor:
    """All of the clip in ``frames`` frames."""
    length = keypoints.shape[1]
    # Result frame i stands at (i + 1/2) length / frames - 1/2; in whole numbers, to be exact.
    place = ((2 * torch.arange(frames) + 1) * length - frames).clamp(0, 2 * frames * (length - 1))
    before = place // (2 * frames)
    weight = (place % (2 * frames)).to(keypoints.dtype) / (2 * frames)
    after = before + (weight > 0)
    start, end = _frames(keypoints, before), _frames(keypoints, after)
    from_end, from_start = start.isnan(), end.isnan()
    start, end = torch.where(from_end, end, start), torch.where(from_start, start, end)
    return start.lerp(end, weight.to(keypoints.device)[:, None, None])


def _frames(keypoints: Tensor, numbers: Tensor) -> Tensor:
    return keypoints.index_select(1, numbers.to(keypoints.device))
