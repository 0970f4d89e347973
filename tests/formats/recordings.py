"""Made-up NTU RGB+D recordings: lines by hand, and one that shows what real files contain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

LONG_IDS = (72057594037937513, 72057594037937524, 72057594037937600, 72057594037937601)
"""The first two are the same number as floats."""


def everything(rng: np.random.Generator) -> dict[str, Any]:
    """Arguments of `write_skeleton_file`: four ids in six frames with all quirks of the format.

    An actor (row 0) whose id changes (to row 3) after a frame without bodies, a ghost (row 1) that
    hardly moves, a third body in one frame (row 2), lost joints, inferred joints, joints without
    pixels, and coordinates so small that they are written with an exponent.
    """
    persons, frames, joints = 4, 6, 25
    keypoints = rng.normal((0, 0, 3), (0.5, 0.5, 0.2), (persons, frames, joints, 3))
    keypoints[1] = keypoints[1, :1] + rng.normal(0, 1e-4, (frames, joints, 3))
    keypoints[0, 0, 5, 1] = -2.5e-6
    for row, seen in ((0, [0, 1]), (1, [0, 1, 3, 4, 5]), (2, [1]), (3, [3, 4])):
        keypoints[row, np.setdiff1d(np.arange(frames), seen)] = np.nan
    keypoints[1, 4, [7, 21, 22]] = np.nan
    state = rng.integers(1, 3, (persons, frames, joints))
    state[np.isnan(keypoints).any(axis=-1)] = 0
    unmapped = rng.random((persons, frames, joints)) < 0.1
    return {
        "keypoints": keypoints.astype(np.float32),
        "body_ids": LONG_IDS,
        "tracking_state": state,
        "unmapped": unmapped,
    }


def joint_line(x: float = 0.1, pixels: str = "1 2 3 4", state: str = "2") -> str:
    return f"{x} 0.2 3.3 {pixels} 1 0 0 0 {state}"


def body_lines(body_id: object, joint: str | None = None) -> list[str]:
    return [f"{body_id} 0 1 1 1 1 0 0 0 2", "25", *[joint or joint_line()] * 25]


def save(folder: Path, lines: list[str], end: str = "\r\n") -> Path:
    path = folder / "S001C001P001R001A001.skeleton"
    path.write_bytes((end.join(lines) + end).encode())
    return path


def one_body(folder: Path, joint: str | None = None, frames: int = 2) -> Path:
    frame = ["1", *body_lines(LONG_IDS[0], joint)]
    return save(folder, [str(frames), *frame * frames])


def edited(folder: Path, line: int, text: str) -> Path:
    path = one_body(folder)
    lines = path.read_text().split("\n")
    lines[line - 1] = text
    path.write_text("\n".join(lines))
    return path
