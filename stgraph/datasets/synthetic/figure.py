"""A jointed figure: bodies, what they do in every frame, and where that puts the 25 NTU joints.

Everything happens in the figure's own space, in metres: the person stands on the floor at the
origin and looks along -z, x points to their right, y up. That is Kinect camera space for a
person who faces the camera. Arrays of angles are in radians, ``[T]`` is one value per frame,
and pairs are (left, right).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RIGHT, UP, BACK = np.eye(3)
SIDES = np.array([-1.0, 1.0])
HIP_DROP = 0.03


@dataclass(frozen=True)
class Body:
    """Sizes of one person, as shares of an average person's (1 is average), and the height in m."""

    height: float = 1.72
    trunk: float = 1.0
    arm: float = 1.0
    leg: float = 1.0
    width: float = 1.0

    @property
    def thigh(self) -> float:
        return 0.24 * self.height * self.leg

    @property
    def shank(self) -> float:
        return 0.24 * self.height * self.leg

    @property
    def ankle_height(self) -> float:
        return 0.04 * self.height

    @property
    def hip_width(self) -> float:
        return 0.05 * self.height * self.width

    @property
    def standing_height(self) -> float:
        """Height of the spine base over the floor with the knees almost straight."""
        return self.ankle_height + 0.985 * (self.thigh + self.shank) + HIP_DROP


@dataclass(frozen=True, eq=False)
class Gesture:
    """What a body does, frame by frame.

    Attributes:
        root: ``[T, 3]`` place of the spine base.
        yaw: ``[T]`` turn to the left.
        pitch: ``[T]`` lean forwards.
        arms: ``[T, 2, 4]`` per arm: elevation (0 hangs, pi/2 level, pi up), azimuth of the
            elevation (0 in front, pi/2 outwards), splay outwards, bend of the elbow.
        feet: ``[T, 2, 3]`` wished places of the ankles.
        feet_yaw: ``[T, 2]`` turn of the feet to the left.
    """

    root: Array
    yaw: Array
    pitch: Array
    arms: Array
    feet: Array
    feet_yaw: Array


def pose(body: Body, gesture: Gesture) -> Array:
    """The joints of a gesture, ``[T, 25, 3]`` in NTU-25 order; bones keep their lengths exactly.

    Spine and arms by forward kinematics, legs by two-bone inverse kinematics. Where the legs are
    too short for the wished feet, the hips come down.
    """
    gesture = _within_reach(body, gesture)
    joints = np.empty((len(gesture.root), 25, 3))
    trunk = rotation(gesture.yaw, gesture.pitch)
    _place_spine(joints, body, gesture, trunk)
    _place_arms(joints, body, gesture, trunk)
    _place_legs(joints, body, gesture)
    return joints


def rotation(yaw: Array, pitch: Array) -> Array:
    """Matrices ``[T, 3, 3]`` that lean forwards by ``pitch``, then turn left by ``yaw``."""
    (sin_yaw, cos_yaw), (sin, cos) = (np.sin(yaw), np.cos(yaw)), (np.sin(pitch), np.cos(pitch))
    zero = np.zeros_like(sin)
    rows = (
        (cos_yaw, -sin_yaw * sin, sin_yaw * cos),
        (zero, cos, sin),
        (-sin_yaw, -cos_yaw * sin, cos_yaw * cos),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _place_spine(joints: Array, body: Body, gesture: Gesture, trunk: Array) -> None:
    size = body.height * body.trunk
    joints[:, 0] = gesture.root
    joints[:, 1] = joints[:, 0] + 0.15 * size * trunk @ UP
    joints[:, 20] = joints[:, 1] + 0.13 * size * trunk @ UP
    joints[:, 2] = joints[:, 20] + 0.035 * size * trunk @ UP
    head = rotation(gesture.yaw, 0.4 * gesture.pitch)
    joints[:, 3] = joints[:, 2] + body.height * head @ (0.08 * UP - 0.015 * BACK)
    shoulders = body.height * body.width * (0.105 * SIDES[:, None] * RIGHT - 0.02 * UP)
    joints[:, (4, 8)] = joints[:, 20, None] + shoulders @ trunk.swapaxes(1, 2)
    hips = body.hip_width * SIDES[:, None] * RIGHT - HIP_DROP * UP
    upright = rotation(gesture.yaw, np.zeros_like(gesture.yaw))
    joints[:, (12, 16)] = joints[:, 0, None] + hips @ upright.swapaxes(1, 2)


def _place_arms(joints: Array, body: Body, gesture: Gesture, trunk: Array) -> None:
    upper, fore, thumbwards = _arm_directions(gesture.arms) @ trunk.swapaxes(1, 2)
    size = body.height * body.arm
    joints[:, (5, 9)] = joints[:, (4, 8)] + 0.165 * size * upper
    joints[:, (6, 10)] = joints[:, (5, 9)] + 0.145 * size * fore
    joints[:, (7, 11)] = joints[:, (6, 10)] + 0.042 * size * fore
    joints[:, (21, 23)] = joints[:, (7, 11)] + 0.045 * size * fore
    joints[:, (22, 24)] = joints[:, (7, 11)] + 0.022 * size * (fore + thumbwards)


def _arm_directions(arms: Array) -> Array:
    """Unit vectors ``[3, T, 2, 3]`` of upper arm, forearm and thumb side, for an upright trunk."""
    elevation, azimuth, splay, bend = np.moveaxis(arms, -1, 0)[..., None]
    outwards = SIDES[:, None] * RIGHT
    ahead = np.sin(azimuth) * outwards - np.cos(azimuth) * BACK
    circle = np.sin(elevation) * ahead - np.cos(elevation) * UP
    upper = _unit(np.cos(splay) * circle + np.sin(splay) * outwards)
    rising = np.cos(elevation) * ahead + np.sin(elevation) * UP
    hinge = _unit(_across(rising, upper))
    fore = np.cos(bend) * upper + np.sin(bend) * hinge
    return np.stack([upper, fore, np.cos(bend) * hinge - np.sin(bend) * upper])


def _place_legs(joints: Array, body: Body, gesture: Gesture) -> None:
    hips = joints[:, (12, 16)]
    reach = np.linalg.norm(gesture.feet - hips, axis=-1, keepdims=True)
    along = (gesture.feet - hips) / reach
    reach = np.clip(reach, 0.2 * body.thigh, 0.999 * (body.thigh + body.shank))
    facing = (gesture.yaw[:, None] + gesture.feet_yaw) / 2
    kneewards = _unit(_across(_forward(facing), along))
    share = (body.thigh**2 - body.shank**2 + reach**2) / (2 * reach)
    bulge = np.sqrt(np.maximum(body.thigh**2 - share**2, 0))
    joints[:, (13, 17)] = hips + share * along + bulge * kneewards
    joints[:, (14, 18)] = hips + reach * along
    toes = 0.055 * body.height * _forward(gesture.feet_yaw) - 0.025 * body.height * UP
    joints[:, (15, 19)] = joints[:, (14, 18)] + toes


def _within_reach(body: Body, gesture: Gesture) -> Gesture:
    """The gesture with its root low enough for both feet."""
    sideways = rotation(gesture.yaw, np.zeros_like(gesture.yaw)) @ RIGHT
    hips = gesture.root[:, None] + body.hip_width * SIDES[:, None] * sideways[:, None]
    apart = (gesture.feet - hips)[..., (0, 2)]
    longest = (0.995 * (body.thigh + body.shank)) ** 2
    drop = np.sqrt(np.maximum(longest - (apart**2).sum(-1), 0.1 * longest))
    highest = (gesture.feet[..., 1] + drop).min(axis=1) + HIP_DROP
    root = gesture.root.copy()
    root[:, 1] = np.minimum(root[:, 1], highest)
    return replace(gesture, root=root)


def _forward(yaw: Array) -> Array:
    return np.stack([-np.sin(yaw), np.zeros_like(yaw), -np.cos(yaw)], axis=-1)


def _across(vectors: Array, axis: Array) -> Array:
    """What is left of vectors without their part along a unit axis."""
    along: Array = (vectors * axis).sum(-1, keepdims=True)
    return vectors - along * axis


def _unit(vectors: Array) -> Array:
    lengths: Array = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / lengths
