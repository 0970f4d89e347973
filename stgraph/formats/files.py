"""A clip from a file of any format that holds one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stgraph import layouts
from stgraph.formats.clip import Clip
from stgraph.formats.ntu import read_skeleton_file

CLIP_SUFFIXES = (".npy", ".npz", ".skeleton", ".bvh", ".json")


def read_clip(path: str | Path) -> Clip:
    path = Path(path)
    if path.suffix == ".skeleton":
        keypoints = read_skeleton_file(path).keypoints
        return Clip(path.stem, keypoints, layout=layouts.NTU25, source=str(path))
    array = np.load(path)
    return Clip(path.stem, array if array.ndim == 4 else array[None], source=str(path))
