"""Who of the bodies in an NTU file acts: the denoising that CTR-GCN and pyskl share.

It comes from SGN: microsoft/SGN:data/ntu/get_raw_skes_data.py and get_raw_denoised_data.py. Where
the two programs differ, the steps here take an argument.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from stgraph.presets.steps import there

# microsoft/SGN:data/ntu/get_raw_denoised_data.py
SHORT = 11  # noise_len_thres, frames
WIDE = 0.8  # noise_spr_thres1, width over height
NOISY = 0.69754  # noise_spr_thres2, share of wide frames

_LEAVE_OUT = "Leave the clip out, as the released program would stop at it."


class Body(NamedTuple):
    """What was seen under one id.

    Attributes:
        points: Its frames, ``[n, V, 3]``. They count as consecutive: after a gap they shift
            forward, as in the released programs.
        start: The first of them, counted among the frames that show anybody.
        motion: The variances of x, y and z over all joints and frames, summed.
    """

    points: Tensor
    start: int
    motion: float

    @property
    def end(self) -> int:
        """The frame after its last."""
        return self.start + len(self.points)


def motion_of(points: Tensor) -> float:
    """The variances of x, y and z over joints and frames ``[n, V, 3]``, summed."""
    return float(points.double().flatten(0, 1).var(dim=0, correction=0).sum())


def bodies_by_id(keypoints: Tensor) -> tuple[list[Body], int]:
    """The bodies of a clip in order of appearance, and how many frames show anybody.

    A row whose joints are all 0 in a frame is absent from it; other frames are dropped.

    Raises:
        ValueError: If no frame shows anybody.
    """
    seen = there(keypoints)
    number = seen.any(dim=0).cumsum(dim=0) - 1
    bodies = []
    for person, frames in zip(keypoints, seen):
        points = person[frames]
        if len(points):
            bodies.append(Body(points, int(number[frames][0]), motion_of(points)))
    if not bodies:
        raise ValueError(
            f"Expected a frame that shows somebody, found none in {keypoints.shape[1]}. "
            f"{_LEAVE_OUT}"
        )
    return sorted(bodies, key=lambda body: body.start), int(number[-1]) + 1


def by_motion(bodies: list[Body]) -> list[Body]:
    """The bodies, those with the most motion first; equals keep their order."""
    return sorted(bodies, key=lambda body: body.motion, reverse=True)


def without_short(bodies: list[Body]) -> list[Body]:
    """The bodies that were seen in more than 11 frames.

    Raises:
        ValueError: If there is none.
    """
    kept = [body for body in bodies if len(body.points) > SHORT]
    if not kept:
        lengths = ", ".join(str(len(body.points)) for body in bodies)
        raise ValueError(
            f"Expected a body that is seen in more than {SHORT} frames, found {len(bodies)} "
            f"bodies of {lengths} frames. {_LEAVE_OUT}"
        )
    return kept


def wide_frames(points: Tensor) -> Tensor:
    """The frames of ``[n, V, 3]`` in which a body is wider than 0.8 of its height, bool ``[n]``."""
    extent = points.amax(dim=1) - points.amin(dim=1)
    return extent[:, 0] > WIDE * extent[:, 1]


def without_ghosts(bodies: list[Body], *, spare_last: bool) -> list[Body]:
    """The bodies that are wide in less than 69.754 % of their frames.

    Tables and chairs are seen as wide bodies. The motion of one that stays and is wide at times
    is that of its other frames, if it is less.

    Args:
        bodies: In the order in which they are looked at.
        spare_last: Whether the last one left stays whatever it is (CTR-GCN).

    Raises:
        ValueError: If none stays.
    """
    kept: list[Body] = []
    left = len(bodies)
    for body in bodies:
        wide = wide_frames(body.points)
        if not bool(wide.any()) or (spare_last and left == 1):
            kept.append(body)
        elif float(wide.double().mean()) >= NOISY:
            left -= 1
        else:
            calm = motion_of(body.points[~wide])
            kept.append(body._replace(motion=min(body.motion, calm)))
    if not kept:
        raise ValueError(
            f"Expected a body that is taller than wide, found {len(bodies)} bodies that are wider "
            f"than {WIDE} of their height in over {NOISY:.0%} of their frames. {_LEAVE_OUT}"
        )
    return kept


def two_actors(bodies: list[Body], frames: int, *, overlap: int) -> Tensor:
    """The bodies as two persons ``[2, frames, V, 3]``, zero where neither of theirs was seen.

    The first body is actor 1. Each further one continues actor 1 if it shares at most ``overlap``
    frames with it, or else actor 2, or else is dropped; what is shared is overwritten.

    Args:
        bodies: Those with the most motion first.
        frames: The length of the clip.
        overlap: 1 in CTR-GCN, 0 in pyskl.
    """
    first, *others = bodies
    actors = first.points.new_zeros(2, frames, *first.points.shape[1:])
    actors[0, first.start : first.end] = first.points
    # Actor 2 counts as there from frame 0 on, even before its first body.
    spans = [(first.start, first.end), (0, overlap)]
    for body in others:
        for actor, (start, end) in enumerate(spans):
            if min(end, body.end) - max(start, body.start) <= overlap:
                actors[actor, body.start : body.end] = body.points
                spans[actor] = (min(start, body.start), max(end, body.end))
                break
    return actors
