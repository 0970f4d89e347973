"""Labelled 3-D clips of eleven actions, made by a moving figure and seen by a noisy sensor.

Five pairs of actions are one another's reversal in time, so the mean pose of a clip says nothing
about which of the pair it is: a model has to look at the motion.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stgraph.datasets.synthetic import motions
from stgraph.datasets.synthetic.figure import Array, Gesture, pose, rotation
from stgraph.datasets.synthetic.motions import Performer, draw_performer

_Motion = Callable[[Performer, Array, np.random.Generator], Gesture]


class _Action(NamedTuple):
    name: str
    motion: _Motion | None  # None: two persons walk
    reversed: bool


_ACTIONS = (
    _Action("raise hand", motions.raise_hand, False),
    _Action("lower hand", motions.raise_hand, True),
    _Action("sit down", motions.sit_down, False),
    _Action("stand up", motions.sit_down, True),
    _Action("circle arms forwards", motions.circle_arms, True),
    _Action("circle arms backwards", motions.circle_arms, False),
    _Action("turn left", motions.turn_left, False),
    _Action("turn right", motions.turn_left, True),
    _Action("wave", motions.wave, False),
    _Action("walk towards each other", None, False),
    _Action("walk backwards from each other", None, True),
)

ACTIONS: tuple[str, ...] = tuple(action.name for action in _ACTIONS)
TWO_PERSON_ACTIONS: tuple[int, ...] = (9, 10)
REVERSED_PAIRS: tuple[tuple[int, int], ...] = ((0, 1), (2, 3), (4, 5), (6, 7), (9, 10))

# As in NTU RGB+D the first camera looks from between the other two: yaw and height.
_CAMERAS = {1: (0.0, 1.25), 2: (-np.pi / 4, 1.1), 3: (np.pi / 4, 1.4)}

_LENGTHS = (22.0, 48.0, 0.4214)  # shift, median above it, log-scale; fitted to NTU RGB+D
_SHORTEST, _LONGEST = 32, 225
_NOISE = 0.01  # metres
_OFTEN_LOST = (3, 5, 6, 7, 9, 10, 11, 14, 15, 18, 19, 21, 22, 23, 24)
_UNSTEADY = {3: 1.2, **dict.fromkeys((7, 11, 15, 19), 1.4), **dict.fromkeys(range(21, 25), 1.8)}


def clip_rng(seed: int, *identity: int) -> np.random.Generator:
    """The random generator of one clip, whatever was generated before it.

    ``identity`` is any tuple of whole numbers that names the clip, such as the five of an
    :class:`~stgraph.datasets.ntu_names.NTUName`.
    """
    return np.random.default_rng([seed, *identity])


def generate_clip(
    action: int, performer: int, camera: int, rng: np.random.Generator, *, setup: int = 1
) -> NDArray[np.float32]:
    """A clip as a Kinect would record it, ``[M, T, 25, 3]`` float32 metres in camera space.

    M is 2 for the actions in ``TWO_PERSON_ACTIONS``, else 1. NaN marks lost joints and absent
    persons. Body, pace, handedness and style belong to the performer's number, height and
    distance to camera and set-up; size, speed and place of the movement vary with ``rng``.

    Args:
        action: Position in ``ACTIONS``, which is the label.
        performer: Number of the performer, from 1.
        camera: 1 in front, 2 and 3 at 45 degrees to either side.
        rng: Source of all chance, see :func:`clip_rng`.
        setup: Number of the set-up (distance and height of the cameras), from 1.

    Raises:
        ValueError: If action, camera, performer or set-up does not exist.
    """
    return sense(film(perform(action, performer, rng), camera, rng, setup=setup), rng)


def perform(
    action: int, performer: int, rng: np.random.Generator, *, frames: int | None = None
) -> Array:
    """The action without camera and noise, ``[M, T, 25, 3]`` on the floor, facing -z."""
    if not 0 <= action < len(_ACTIONS) or performer < 1:
        raise ValueError(
            f"Actions are 0 to {len(_ACTIONS) - 1}, performers count from 1, "
            f"found action {action} and performer {performer}."
        )
    actor = draw_performer(performer)
    frames = clip_length(actor.pace, rng) if frames is None else frames
    tempo = _tempo(frames, rng)
    motion = _ACTIONS[action].motion
    if motion is None:
        joints = _meet(actor, draw_performer(performer, partner=True), tempo, rng)
    else:
        joints = pose(actor.body, motion(actor, tempo, rng))[None]
    return joints[:, ::-1] if _ACTIONS[action].reversed else joints


def clip_length(pace: float, rng: np.random.Generator) -> int:
    """A number of frames as in NTU RGB+D: median 70, mean 74, 5 % below 46, 5 % above 118.

    A shifted log-normal cut to 32 and 225; 16 % of the variance of its logarithm belong to the
    performer, whose ``pace`` is a standard score.
    """
    shift, median, scale = _LENGTHS
    score = 0.4 * pace + np.sqrt(1 - 0.4**2) * rng.normal()
    return int(np.clip(round(shift + median * np.exp(scale * score)), _SHORTEST, _LONGEST))


def film(joints: Array, camera: int, rng: np.random.Generator, *, setup: int = 1) -> Array:
    """The joints in the space of a camera, from a chance place in front of it."""
    if camera not in _CAMERAS or setup < 1:
        raise ValueError(
            f"Cameras are {', '.join(map(str, _CAMERAS))}, set-ups count from 1, "
            f"found camera {camera} and set-up {setup}."
        )
    yaw, height = _CAMERAS[camera]
    room = np.random.default_rng([setup])
    distance, height = room.uniform(2.5, 3.5), height + room.uniform(-0.3, 0.3)
    turned = joints @ rotation(np.array(yaw + rng.normal(0, 0.1)), np.zeros(())).T
    aside, further = rng.uniform(-0.4, 0.4, 2)
    return turned + np.array([aside, -height, distance + further])


def sense(joints: Array, rng: np.random.Generator) -> NDArray[np.float32]:
    """Joints as a sensor gives them: 1 cm of noise, some joints, persons and frames lost (NaN)."""
    persons, frames = joints.shape[:2]
    seen = (joints + _noise(joints.shape, rng)).astype(np.float32)
    for person in range(persons):
        for joint in rng.choice(_OFTEN_LOST, rng.poisson(1.0)):
            seen[person, _span(frames, 12, rng), joint] = np.nan
    if rng.random() < 0.1:
        seen[:, _span(frames, 4, rng)] = np.nan
    if persons > 1 and rng.random() < 0.3:
        seen[rng.integers(persons), _span(frames, 20, rng)] = np.nan
    return seen


def _span(frames: int, longest: int, rng: np.random.Generator) -> slice:
    length = int(rng.integers(1, min(longest, frames // 2) + 1))
    start = int(rng.integers(0, frames - length + 1))
    return slice(start, start + length)


def _noise(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Gaussian noise that lasts a few frames, larger at hands, feet and head and in depth."""
    persons, frames, joints, channels = shape
    kernel = np.array([0.3, 0.6, 1.0, 0.6, 0.3])
    white = rng.normal(size=(persons, frames + len(kernel) - 1, joints, channels))
    windows = np.lib.stride_tricks.sliding_window_view(white, len(kernel), axis=1)
    unsteady = np.array([_UNSTEADY.get(joint, 0.8) for joint in range(joints)])[:, None]
    scale: Array = _NOISE * unsteady * np.array([0.8, 0.8, 1.2])
    lasting: Array = windows @ (kernel / np.linalg.norm(kernel))
    return lasting * scale


def _tempo(frames: int, rng: np.random.Generator) -> Array:
    """How much of the action is done in each frame: wait, move, wait."""
    wait, rest = rng.uniform(0.02, 0.18, 2)
    moved: Array = np.clip((np.linspace(0, 1, frames) - wait) / (1 - wait - rest), 0, 1)
    moved = moved ** np.exp(rng.normal(0, 0.15))
    eased = moved**3 * (10 - 15 * moved + 6 * moved**2)
    gentle = rng.uniform(0.5, 1.0)
    return gentle * eased + (1 - gentle) * moved


def _meet(first: Performer, second: Performer, tempo: Array, rng: np.random.Generator) -> Array:
    """Two persons side by side in the picture walk towards each other, ``[2, T, 25, 3]``."""
    far, near = rng.uniform(1.9, 2.6), rng.uniform(0.7, 1.0)
    sides = rng.permutation([-1.0, 1.0])
    clips = []
    for performer, side in zip((first, second), sides, strict=True):
        gesture = motions.walk(performer, tempo, rng, distance=(far - near) / 2)
        turn = rotation(np.array(side * np.pi / 2), np.zeros(()))
        clips.append(pose(performer.body, gesture) @ turn.T + [side * far / 2, 0, 0])
    return np.stack(clips)
