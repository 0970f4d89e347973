"""Landmarks of MediaPipe: arrays that were saved, or results as they come out of its tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stgraph.formats.clip import Clip
from stgraph.formats.refusal import refuse, shown
from stgraph.layouts import MEDIAPIPE33
from stgraph.skeleton import SkeletonLayout

_XYZ, _VISIBILITY = slice(0, 3), 3


def mediapipe_clip(
    landmarks: NDArray[Any] | Iterable[Any],
    name: str,
    *,
    layout: SkeletonLayout = MEDIAPIPE33,
    min_visibility: float = 0.0,
    label: int | None = None,
) -> Clip:
    """A clip out of the landmarks of MediaPipe.

    * An array ``[T, V, C]`` or ``[M, T, V, C]`` with the channels x, y, z, or x, y, z, visibility,
      or x, y, z, visibility, presence. A frame of NaN or of zeros is one without a detection.
    * Or an item per frame: ``result.pose_landmarks`` or ``result.hand_landmarks`` of the tasks, a
      list of people, each a list of landmarks; of the older solutions ``results.pose_landmarks``,
      one list for one person; ``None`` or an empty list where nobody was found.

    x, y and z are kept in the units they come in: of the image's width and height, or metres for
    world landmarks. Visibility becomes the fourth channel if it is known: if the array has it, or
    any landmark has one above 0 (those of hands never have). Presence is left out. Persons stand in
    the order of their frame, which is no identity: nobody is followed.

    Args:
        landmarks: As above.
        name: What the clip is called.
        layout: ``layouts.HAND21`` for hands.
        min_visibility: Joints below it were not seen, 0 to 1.
        label: The class, if it is known.

    Raises:
        ValueError: If the landmarks are not of that kind, do not fit the layout or have no
            visibility to compare with, or nobody is seen.

    Source: google-ai-edge/mediapipe, mediapipe/tasks/python/components/containers/landmark.py.
    """
    source = f"Clip '{name}'"
    if isinstance(landmarks, np.ndarray):
        values = _of_array(landmarks, source)
    else:
        values = _of_results(landmarks, layout, source)
    values[_unseen(values, min_visibility, source)] = np.nan
    return Clip(name, values, label, layout=layout, source=source)


def _unseen(values: NDArray[np.float32], least: float, source: str) -> NDArray[np.bool_]:
    """Which joints were not seen, ``[M, T, V]``."""
    lost = np.asarray(np.isnan(values[..., _XYZ]).all(axis=-1))
    lost |= (values[..., _XYZ] == 0).all(axis=(2, 3))[..., None]
    if values.shape[3] > _VISIBILITY:
        lost |= values[..., _VISIBILITY] < least
    elif least > 0:
        remedy = "Leave min_visibility out."
        refuse(source, "landmarks with a visibility", "x, y and z only", remedy)
    return lost


def _of_array(landmarks: NDArray[Any], source: str) -> NDArray[np.float32]:
    fits = landmarks.ndim in (3, 4) and landmarks.shape[-1] in (3, 4, 5)
    if not fits or landmarks.dtype.kind not in "fiu":
        expected = "numbers [frames, joints, 3 to 5] or [persons, frames, joints, 3 to 5]"
        found = f"shape {list(landmarks.shape)} of {landmarks.dtype.name}"
        refuse(source, expected, found, "The channels: x, y, z, visibility, presence.")
    with np.errstate(over="ignore", invalid="ignore"):
        persons = landmarks if landmarks.ndim == 4 else landmarks[None]
        return np.array(persons[..., : _VISIBILITY + 1], dtype=np.float32)


def _of_results(results: Iterable[Any], layout: SkeletonLayout, source: str) -> NDArray[np.float32]:
    """``[M, T, V, 3 or 4]``, NaN for persons absent from a frame."""
    frames = [_people(result, f"{source}, frame {at}") for at, result in enumerate(results)]
    most = max(map(len, frames), default=0)
    shape = (most, len(frames), layout.num_joints, _VISIBILITY + 1)
    keypoints = np.full(shape, np.nan, dtype=np.float32)
    for frame, people in enumerate(frames):
        for person, joints in enumerate(people):
            place = f"{source}, frame {frame}, person {person}"
            keypoints[person, frame] = _joints(joints, layout, place)
    visible = bool((keypoints[..., _VISIBILITY] > 0).any())
    return keypoints if visible else keypoints[..., _XYZ]


def _people(result: Any, place: str) -> Sequence[Any]:
    """The landmarks of each person in a frame."""
    if result is None:
        return ()
    people = getattr(result, "landmark", result)  # the older solutions wrap one person
    if not isinstance(people, Sequence) or isinstance(people, str):
        remedy = "Pass result.pose_landmarks of every frame, or one array for all of them."
        refuse(place, "a list of people", f"a {type(result).__name__}", remedy)
    if people and hasattr(people[0], "x"):
        return (people,)
    return [getattr(person, "landmark", person) for person in people]


def _joints(joints: Any, layout: SkeletonLayout, place: str) -> NDArray[np.float32]:
    """``[V, 4]`` of one person."""
    try:
        rows = [(p.x, p.y, p.z, getattr(p, "visibility", None) or 0.0) for p in joints]
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.array(rows, dtype=np.float64).astype(np.float32)
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        remedy = "Pass result.pose_landmarks of every frame."
        refuse(place, "landmarks with x, y and z", shown(str(error)), remedy)
    if len(values) != layout.num_joints:
        expected = f"{layout.num_joints} landmarks of layout '{layout.name}'"
        refuse(place, expected, f"{len(values)}", "Name the layout: layouts.HAND21 for hands.")
    return values
