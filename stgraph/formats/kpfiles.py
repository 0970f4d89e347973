"""The keypoints of Kinetics-400, which PYSKL and MMAction2 keep in files of their own."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stgraph.formats.archives import zeros_unseen
from stgraph.formats.pickles import described, load_pickle
from stgraph.formats.refusal import DAMAGED, nobody_yet, refuse

MOST_PERSONS = 10


class KeypointFiles:
    """Finds the keypoints of annotations that have none, and puts skeletons into frames.

    An annotation says in which frame each skeleton ``[n, V, 3]`` was detected. The skeletons
    themselves lie in ``<folder>/<frame_dir>.pkl``, a dict with ``keypoint`` (MMAction2), or in the
    file that ``raw_file`` names inside the folder, a dict of such dicts by ``frame_dir`` (PYSKL).
    Paths that lead out of the folder are refused.

    Args:
        folder: Where the files lie.
        box_threshold: Leave out skeletons with a lower ``box_score``.
    """

    def __init__(self, folder: Path, box_threshold: float | None) -> None:
        self.folder, self.box_threshold = folder, box_threshold
        self._last: tuple[Path | None, Any] = (None, None)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_last": (None, None)}

    def keypoints(self, annotation: dict[Any, Any], source: str) -> NDArray[np.float32]:
        """The clip ``[M, T, V, 3]``: x, y, score; frames without a skeleton are left out.

        Persons stand in the order of their frame, which is no identity: nobody is followed. Where a
        frame has more than ten, the ten with the highest scores stay.

        Raises:
            ValueError: If there is no such file, it is damaged, or it does not fit.
        """
        path, record = self._record(annotation, source)
        values = record.get("keypoint") if isinstance(record, dict) else None
        if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
            found = described(values if isinstance(record, dict) else record)
            refuse(f"{source}, {path}", "an array 'keypoint'", found, DAMAGED)
        merged = {**annotation, **record}
        if values.ndim != 3 or values.shape[2] != 3 or not values.size:
            expected = "keypoints [skeletons, joints, 3]"
            refuse(f"{source}, {path}", expected, f"shape {list(values.shape)}", DAMAGED)
        frame = _row(merged.get("frame_inds"), len(values), "iu", f"{source}, frame_inds")
        if self.box_threshold is not None:
            score = _row(merged.get("box_score"), len(values), "f", f"{source}, box_score")
            good = score >= self.box_threshold
            values, frame = values[good], frame[good]
        return _in_frames(values, frame, path.stat().st_size, source)

    def _record(self, annotation: dict[Any, Any], source: str) -> tuple[Path, Any]:
        """The file with the skeletons, and the dict that it holds for this clip."""
        name = annotation.get("frame_dir", annotation.get("filename"))
        if "raw_file" not in annotation:
            path = self._inside(f"{name}.pkl", source)
            return path, load_pickle(path)
        path = self._inside(annotation["raw_file"], source)
        if self._last[0] != path:
            self._last = (path, load_pickle(path))
        clips = self._last[1]
        if not isinstance(clips, dict) or name not in clips:
            refuse(f"{source}, {path}", f"the clip '{name}' in it", described(clips), DAMAGED)
        return path, clips[name]

    def _inside(self, inner: Any, source: str) -> Path:
        if not isinstance(inner, str) or not inner.isprintable():
            refuse(source, "the name of a file", described(inner), DAMAGED)
        windows = PureWindowsPath(inner)
        if ".." in windows.parts or windows.anchor or PurePosixPath(inner).is_absolute():
            remedy = "Files elsewhere are not opened: correct the path."
            refuse(source, f"a file inside {self.folder}", described(inner), remedy)
        path = self.folder / inner
        if not path.is_file():
            found = f"no {path}"
            refuse(source, "the clip's keypoints", found, "Set keypoint_folder, or fetch them.")
        return path


def _row(value: Any, count: int, kinds: str, source: str) -> NDArray[Any]:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in kinds:
        refuse(source, "an array of numbers", described(value), DAMAGED)
    if value.shape != (count,):
        refuse(source, f"a number for each of {count} skeletons", described(value), DAMAGED)
    return value


def _in_frames(
    values: NDArray[Any], frame: NDArray[Any], file_size: int, source: str
) -> NDArray[np.float32]:
    skeletons = zeros_unseen(values)
    score = np.nan_to_num(skeletons[..., 2], posinf=0, neginf=0).sum(axis=1, dtype=np.float64)
    _, frame = np.unique(frame, return_inverse=True)
    place = _rank(frame)
    crowded = np.bincount(frame)[frame] > MOST_PERSONS if len(frame) else place > 0
    place = np.where(crowded, _rank(frame, -score), place)
    kept = place < MOST_PERSONS
    skeletons, frame, place = skeletons[kept], frame[kept], place[kept]
    persons, frames = int(place.max(initial=-1)) + 1, int(frame.max(initial=-1)) + 1
    keypoints = nobody_yet(source, (persons, frames, *skeletons.shape[1:]), file_size)
    keypoints[place, frame] = skeletons
    return keypoints


def _rank(frame: NDArray[np.intp], *keys: NDArray[np.float64]) -> NDArray[np.intp]:
    """The place of each skeleton among those of its frame: by the keys, else as they come."""
    order = np.lexsort((np.arange(len(frame)), *keys, frame))
    starts = np.searchsorted(frame[order], frame[order])
    rank = np.empty(len(frame), dtype=np.intp)
    rank[order] = np.arange(len(frame)) - starts
    return rank
