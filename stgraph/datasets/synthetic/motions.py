"""Actions as gestures: how a person raises a hand, sits down, circles arms, turns, waves, walks.

Every function takes a performer, the action's tempo ``[T]`` (how much of it is done, 0 to 1) and
a random generator, and returns the gesture of one person in the figure's own space.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stgraph.datasets.synthetic.figure import Array, Body, Gesture

FRAMES_PER_SECOND = 30.0
_HANGING = (0.1, 0.2, 0.15, 0.3)  # elevation, azimuth, splay, bend
_ON_THIGHS = (0.45, 0.1, 0.12, 0.95)


@dataclass(frozen=True)
class Performer:
    """A person with habits.

    Attributes:
        body: Sizes.
        pace: Standard score of slowness: a performer of 1 takes longer than most.
        left_handed: Which arm acts.
        vigour: Size of the movements, around 1.
        elbow: Extra bend of the elbows in radians.
        lean: Habitual lean forwards in radians.
        stance: Half the distance of the feet in metres.
        outwards: Azimuth in which an arm is raised, in radians.
    """

    body: Body
    pace: float
    left_handed: bool
    vigour: float
    elbow: float
    lean: float
    stance: float
    outwards: float


def draw_performer(number: int, partner: bool = False) -> Performer:
    """The performer of that number, always the same; ``partner`` is the one they act with."""
    rng = np.random.default_rng([number, int(partner)])
    body = Body(float(rng.uniform(1.5, 1.95)), *rng.normal(1, 0.04, 4).clip(0.9, 1.1).tolist())
    return Performer(
        body,
        pace=float(rng.normal()),
        left_handed=bool(rng.random() < 0.2),
        vigour=float(np.clip(rng.normal(1, 0.12), 0.75, 1.25)),
        elbow=float(rng.uniform(-0.15, 0.35)),
        lean=float(rng.normal(0.04, 0.04)),
        stance=float(rng.uniform(0.08, 0.16)),
        outwards=float(rng.uniform(0.1, 1.0)),
    )


def stand(performer: Performer, tempo: Array, rng: np.random.Generator) -> Gesture:
    """Standing at ease with a little sway: what all actions start from."""
    frames, body = len(tempo), performer.body
    sway = _drift(frames, 12, rng)
    root = np.array([0, body.standing_height, 0]) + [0.012, 0.004, 0.01] * sway[:, :3]
    arms = np.tile(_HANGING, (frames, 2, 1)) + 0.05 * sway[:, 4:].reshape(frames, 2, 4)
    arms[..., 3] += performer.elbow
    feet = [(side * performer.stance, body.ankle_height, 0.02) for side in (-1, 1)]
    return Gesture(
        root=root,
        yaw=0.03 * sway[:, 3],
        pitch=performer.lean + 0.015 * sway[:, 4],
        arms=arms,
        feet=np.tile(feet, (frames, 1, 1)),
        feet_yaw=np.tile([0.2, -0.2], (frames, 1)),
    )


def raise_hand(performer: Performer, tempo: Array, rng: np.random.Generator) -> Gesture:
    """Lift the acting hand over the head and keep it there."""
    height = float(np.clip(2.5 * performer.vigour + rng.normal(0, 0.12), 1.9, 2.95))
    outwards = performer.outwards + rng.normal(0, 0.15)
    bend = abs(0.25 + performer.elbow + rng.normal(0, 0.1))
    gesture = stand(performer, tempo, rng)
    return _with_hand(performer, gesture, (height, outwards, 0.1, bend), tempo)


def wave(performer: Performer, tempo: Array, rng: np.random.Generator) -> Gesture:
    """Raise a hand, swing the forearm from side to side, lower it."""
    waves = max(2, round(len(tempo) / FRAMES_PER_SECOND * rng.uniform(0.9, 1.5)))
    up = _smooth(np.minimum(tempo, 1 - tempo) / rng.uniform(0.25, 0.4))
    gesture = stand(performer, tempo, rng)
    level = 1.35 * performer.vigour + rng.normal(0, 0.12)
    gesture = _with_hand(performer, gesture, (level, 1.3, 0.0, 1.7), up)
    swing = 0.55 * performer.vigour * up * np.sin(2 * np.pi * waves * tempo)
    gesture.arms[:, _hand(performer), 3] += swing
    return gesture


def sit_down(performer: Performer, tempo: Array, rng: np.random.Generator) -> Gesture:
    """Bow, move the hips back and down onto a seat, lay the hands on the thighs."""
    body, gesture = performer.body, stand(performer, tempo, rng)
    seat = body.ankle_height + body.shank * rng.uniform(0.9, 1.1) + 0.05
    back = body.thigh * rng.uniform(0.8, 1.0)
    goal = [0, seat - body.standing_height, back]
    bow = rng.uniform(0.5, 0.8) * performer.vigour * np.sin(np.pi * tempo)
    slouch = rng.normal(0, 0.08)
    share = tempo[:, None, None]
    return replace(
        gesture,
        root=gesture.root + tempo[:, None] * goal,
        pitch=gesture.pitch + bow + slouch * tempo,
        arms=(1 - share) * gesture.arms + share * np.array(_ON_THIGHS),
    )


def circle_arms(performer: Performer, tempo: Array, rng: np.random.Generator) -> Gesture:
    """Both straight arms up in front, over the top and down behind: circles backwards."""
    circles = max(1, round(len(tempo) / FRAMES_PER_SECOND * rng.uniform(0.5, 0.9)))
    splay = np.clip(0.4 * performer.vigour + rng.normal(0, 0.08), 0.15, 0.8)
    gesture = stand(performer, tempo, rng)
    moving = _smooth(np.minimum(tempo, 1 - tempo) * 6)[:, None, None]
    gesture.arms[:] = (1 - moving) * gesture.arms + moving * (0.0, 0.0, splay, 0.1)
    gesture.arms[..., 0] += 2 * np.pi * circles * tempo[:, None]
    return gesture


def turn_left(performer: Performer, tempo: Array, rng: np.random.Generator) -> Gesture:
    """Turn on the spot in small steps, from half the angle on the right to half on the left."""
    angle = np.clip(3.0 * performer.vigour + rng.normal(0, 0.3), 2.2, 4.2)
    done, lift = _steps(tempo, max(2, round(len(tempo) / FRAMES_PER_SECOND * 1.3)), rng)
    gesture = stand(performer, tempo, rng)
    turned = angle * (done - 0.5)
    sin, cos = np.sin(turned), np.cos(turned)
    x, y, z = np.moveaxis(gesture.feet, -1, 0)
    feet = np.stack([x * cos + z * sin, y + 0.06 * lift, z * cos - x * sin], axis=-1)
    yaw = gesture.yaw + angle * (tempo - 0.5)
    return replace(gesture, yaw=yaw, feet=feet, feet_yaw=gesture.feet_yaw + turned)


def walk(
    performer: Performer, tempo: Array, rng: np.random.Generator, *, distance: float
) -> Gesture:
    """Walk straight ahead for some metres; arms swing against the legs."""
    strides = max(1, round(len(tempo) / FRAMES_PER_SECOND * rng.uniform(0.7, 1.0)))
    done, lift = _steps(tempo, strides, rng)
    gesture = stand(performer, tempo, rng)
    gesture.root[:, 2] -= distance * tempo
    gesture.feet[..., 2] -= distance * done
    gesture.feet[..., 1] += 0.09 * lift
    gesture.arms[..., 0] += 1.6 * distance * performer.vigour * (done - tempo[:, None])[:, ::-1]
    return gesture


def _steps(tempo: Array, strides: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """How far each foot has come (0 to 1) and how high it is (0 to 1), both ``[T, 2]``.

    One foot swings while the other stands, in turn.
    """
    whole, part = np.divmod(tempo * strides, 1)
    swing = np.clip(2 * part[:, None] - [0, 1], 0, 1)
    if rng.random() < 0.5:
        swing = swing[:, ::-1]
    return (whole[:, None] + _smooth(swing)) / strides, np.sin(np.pi * swing)


def _with_hand(
    performer: Performer, gesture: Gesture, goal: tuple[float, ...], share: Array
) -> Gesture:
    """The gesture with the acting arm on its way to a goal."""
    hand, weight = _hand(performer), share[:, None]
    arms = gesture.arms.copy()
    arms[:, hand] = (1 - weight) * arms[:, hand] + weight * np.array(goal)
    return replace(gesture, arms=arms)


def _hand(performer: Performer) -> int:
    return 0 if performer.left_handed else 1


def _smooth(share: Array) -> Array:
    clipped = np.clip(share, 0, 1)
    return clipped * clipped * (3 - 2 * clipped)


def _drift(frames: int, count: int, rng: np.random.Generator) -> Array:
    """Slow random movements ``[T, count]``, two sines each, of about unit size."""
    seconds = np.arange(frames)[:, None] / FRAMES_PER_SECOND
    rates, phases = rng.uniform(0.1, 0.6, (2, count)), rng.uniform(0, 2 * np.pi, (2, count))
    waves = np.sin(2 * np.pi * rates[:, None] * seconds + phases[:, None])
    total: Array = waves.sum(axis=0)
    return total
