"""A writer of the text format of NTU RGB+D ``.skeleton`` files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stgraph.formats.ntu_lines import JOINTS

# Kinect v2: focal length, principal point (x, y) and place of the camera along x, in pixels and
# metres, as libfreenect2 and its users quote them.
_DEPTH_CAMERA = (365.456, (254.878, 205.395), 0.0)
_COLOUR_CAMERA = (1081.37, (959.5, 539.5), 0.052)

# The other end of each joint's bone, which for the base of the spine is the middle of the spine.
# Kinect v2 gives the seven tips (head, feet, hand tips, thumbs) no orientation.
_BONE_START = np.array(
    [1, 0, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, 1, 7, 6, 11, 10]
)
_SPINE_BASE, _LEFT_HIP, _RIGHT_HIP = 0, 12, 16
_TIPS = (3, 15, 19, 21, 22, 23, 24)

_BODY_LINE = "%d 0 1 1 1 1 0 0 0 2\r\n25\r\n"
_JOINT_LINES = ("%.9g %.9g %.9g " + "%.7g " * 8 + "%d\r\n") * JOINTS


def write_skeleton_file(
    path: str | Path,
    keypoints: ArrayLike,
    *,
    body_ids: Sequence[int] | None = None,
    tracking_state: ArrayLike | None = None,
    unmapped: ArrayLike | None = None,
    final_newline: bool = True,
) -> None:
    """Write keypoints ``[M, T, 25, 3]`` in metres as one genuine NTU ``.skeleton`` file.

    Float32 coordinates are read back bit by bit (nine digits are written). A body whose joints are
    all NaN in a frame is left out of the frame, so a row that is NaN throughout is not read back;
    rows are read back in order of first appearance. Other NaN joints become 0 0 0 with tracking
    state 0. Pixels follow from a Kinect v2 without distortion. An orientation turns +y into the
    direction of the joint's bone; it is 0 0 0 0 for tips and where the bone is not known.
    The file appears when it is complete, or not at all.

    Args:
        path: Where to write; the name should follow :func:`~stgraph.datasets.ntu_names.parse_name`.
        keypoints: Coordinates; a joint is finite or NaN in all three.
        body_ids: One whole number per row, by default 2^56 + 1, 2^56 + 2, ...
        tracking_state: ``[M, T, 25]`` of 0, 1, 2; by default 2. Lost joints are always 0, and a
            joint at exactly 0 0 0 that is given 0 is read back as lost.
        unmapped: ``[M, T, 25]`` of truth values: joints whose four pixels are ``NaN`` in the file;
            those of joints that are lost or not in front of the camera always are.
        final_newline: Whether the last line ends as all others do; a few files lack that.

    Raises:
        ValueError: If shapes, numbers or ids do not fit.
    """
    points = _checked_keypoints(keypoints)
    ids = _checked_ids(body_ids, len(points))
    table = _file_columns(points, _checked_state(tracking_state, points))
    table[_checked_unmapped(unmapped, points), 3:7] = np.nan
    present: NDArray[np.bool_] = np.any(np.isfinite(points), axis=(2, 3))
    parts = [f"{points.shape[1]}\r\n"]
    for frame in range(points.shape[1]):
        rows = np.flatnonzero(present[:, frame])
        parts.append(f"{len(rows)}\r\n")
        for row in rows:
            parts.append(_BODY_LINE % ids[row])
            parts.append(_JOINT_LINES % tuple(table[row, frame].ravel().tolist()))
    text = "".join(parts).replace("nan", "NaN")
    partial = Path(path).with_name(Path(path).name + ".part")
    try:
        partial.write_bytes((text if final_newline else text.rstrip()).encode("ascii"))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _file_columns(points: NDArray[np.float64], state: NDArray[np.int8]) -> NDArray[np.float64]:
    """The twelve numbers of every joint, ``[M, T, 25, 12]``."""
    pixels = [_project(points, *camera) for camera in (_DEPTH_CAMERA, _COLOUR_CAMERA)]
    columns: list[NDArray[Any]] = [np.nan_to_num(points), *pixels]
    columns += [_orientations(points), state[..., None]]
    return np.concatenate(columns, axis=-1)


def _orientations(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit quaternions w, x, y, z ``[M, T, 25, 4]``: +z to the person's front, then +y to the bone.

    A turn by phi about +y, then the shortest one that takes +y to the unit vector d:
    q = (1 + d_y, d_z, 0, -d_x) (cos phi/2, 0, sin phi/2, 0), to unit length.
    """
    bone = points - points[..., _BONE_START, :]
    bone[..., _SPINE_BASE, :] *= -1
    length = np.linalg.norm(bone, axis=-1, keepdims=True)
    dx, dy, dz = np.moveaxis(bone / np.where(length > 0, length, np.nan), -1, 0)
    w, x, z = np.where(dy > -1, (1 + dy, dz, -dx), np.reshape((0.0, 1.0, 0.0), (3, 1, 1, 1)))
    across = np.nan_to_num(points[..., _RIGHT_HIP, :] - points[..., _LEFT_HIP, :])
    half = np.arctan2(across[..., 2], -across[..., 0])[..., None] / 2
    cos, sin = np.cos(half), np.sin(half)
    turn = np.stack((w * cos, x * cos - z * sin, w * sin, z * cos + x * sin), axis=-1)
    turn /= np.linalg.norm(turn, axis=-1, keepdims=True)
    turn[np.isnan(length[..., 0]) | (length[..., 0] == 0)] = 0
    turn[..., _TIPS, :] = 0
    return turn + 0.0  # a zero has no sign


def _project(
    points: NDArray[np.float64], focal: float, centre: tuple[float, float], offset: float
) -> NDArray[np.float64]:
    """Pixels of a pinhole camera, NaN for points that are not in front of it."""
    x, y, z = np.moveaxis(points, -1, 0)
    depth = np.where(z > 1e-3, z, np.nan)
    pixels = (centre[0] + focal * (x + offset) / depth, centre[1] - focal * y / depth)
    return np.stack(pixels, axis=-1)


def _checked_keypoints(keypoints: ArrayLike) -> NDArray[np.float64]:
    points: NDArray[np.float64] = np.asarray(keypoints, dtype=np.float64)
    if points.ndim != 4 or points.shape[2:] != (JOINTS, 3):
        raise ValueError(
            f"Keypoints of an NTU file are [M, T, 25, 3], these are {list(points.shape)}; "
            "add the missing axes or convert to the NTU-25 joints."
        )
    lost: NDArray[np.bool_] = np.isnan(points)
    partly = lost.any(axis=-1) != lost.all(axis=-1)
    if np.isinf(points).any() or np.any(partly):
        raise ValueError(
            "A joint is finite or NaN in x, y and z; some here are infinite or partly NaN. "
            "Set lost joints to NaN altogether."
        )
    return points


def _checked_ids(body_ids: Sequence[int] | None, persons: int) -> list[int]:
    default = range(2**56 + 1, 2**56 + 1 + persons)
    ids: list[object] = list(default if body_ids is None else body_ids)
    whole = [int(value) for value in ids if isinstance(value, int | np.integer) and value >= 0]
    if not len(ids) == len(whole) == len(set(whole)) == persons:
        raise ValueError(
            f"body_ids are {persons} different whole numbers, one per person, found {ids}; "
            "keep them as int, as floats neighbouring ids are equal."
        )
    return whole


def _checked_state(state: ArrayLike | None, points: NDArray[np.float64]) -> NDArray[np.int8]:
    given = np.full(points.shape[:3], 2) if state is None else np.asarray(state)
    if given.shape != points.shape[:3] or not np.isin(given, (0, 1, 2)).all():
        raise ValueError(
            f"tracking_state is {list(points.shape[:3])} of 0, 1 and 2, found "
            f"{list(given.shape)} of {np.unique(given)[:5].tolist()}."
        )
    return np.where(np.isnan(points[..., 0]), 0, given).astype(np.int8)


def _checked_unmapped(unmapped: ArrayLike | None, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    given = np.zeros(points.shape[:3], bool) if unmapped is None else np.asarray(unmapped)
    if given.shape != points.shape[:3] or given.dtype != np.bool_:
        raise ValueError(
            f"unmapped is {list(points.shape[:3])} of True and False, found "
            f"{list(given.shape)} of {given.dtype}; name every joint of every person and frame."
        )
    return given
