"""The annotation pickles of PYSKL and MMAction2: all clips of a data set, of true length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stgraph import layouts
from stgraph.formats.archives import LazyClips, bare_name, class_label, is_class, zeros_unseen
from stgraph.formats.clip import Clip, Fact
from stgraph.formats.kpfiles import KeypointFiles
from stgraph.formats.pickles import described, load_pickle
from stgraph.formats.refusal import DAMAGED, check_memory, refuse
from stgraph.skeleton import SkeletonLayout

_BYTES_A_PLACE = 60  # of a clip's name in a split
_FOREIGN = "Is this an annotation file of PYSKL or MMAction2?"


class PysklClips(LazyClips):
    """What :func:`read_pyskl_pickle` gives.

    Attributes:
        path: The pickle.
        annotations: What it holds for each clip, not looked at yet.
        labels: Their classes, ``None`` where there is none, or none that could be one.
        splits: The places of the clips in each split. Names without a clip have none; of clips of
            the same name the first counts.
    """

    def __init__(
        self,
        path: Path,
        annotations: list[Any],
        splits: Mapping[str, Sequence[str]],
        *,
        layout: SkeletonLayout | None,
        keypoint_files: KeypointFiles,
    ) -> None:
        self.path, self.annotations, self.layout = path, annotations, layout
        self.labels = [_label_if_any(annotation) for annotation in annotations]
        self._keypoint_files = keypoint_files
        places: dict[str, int] = {}
        for at, annotation in enumerate(annotations):
            places.setdefault(_name_if_any(annotation), at)
        self.splits = {
            split: [places[name] for name in dict.fromkeys(names) if name in places]
            for split, names in splits.items()
        }
        self._splits_of: dict[int, list[str]] = {}
        for split, positions in self.splits.items():
            for at in positions:
                self._splits_of.setdefault(at, []).append(split)

    def __len__(self) -> int:
        return len(self.annotations)

    def _read(self, position: int) -> Clip:
        source, annotation = f"{self.path}, annotations[{position}]", self.annotations[position]
        if not isinstance(annotation, dict):
            refuse(source, "a dict", described(annotation), _FOREIGN)
        name = bare_name(_identifier(annotation), source)
        source = f"{source} ('{name}')"
        keypoints = self._keypoints(annotation, source)
        persons, frames, joints, channels = keypoints.shape
        return Clip(
            name,
            keypoints,
            class_label(annotation.get("label"), f"{source}, label"),
            tuple(self._splits_of.get(position, ())),
            _facts(annotation, source),
            self.layout or _layout(joints, channels, "keypoint_score" in annotation),
            source,
        )

    def _keypoints(self, annotation: dict[Any, Any], source: str) -> NDArray[np.float32]:
        if "keypoint" not in annotation:
            return self._keypoint_files.keypoints(annotation, source)
        values = _array(annotation["keypoint"], 4, f"{source}, keypoint")
        if "keypoint_score" in annotation:
            score = _array(annotation["keypoint_score"], 3, f"{source}, keypoint_score")
            if score.shape != values.shape[:3]:
                expected = f"scores {list(values.shape[:3])} as there are joints"
                refuse(source, expected, f"{list(score.shape)}", DAMAGED)
            with np.errstate(over="ignore", invalid="ignore"):
                parts = (values, score[..., None])
                values = np.concatenate(parts, axis=-1, dtype=np.float32, casting="unsafe")
        frames = annotation.get("total_frames", values.shape[1])
        if not isinstance(frames, (int, np.integer)) or frames != values.shape[1]:
            expected = f"{values.shape[1]} as total_frames, as many as the keypoints have"
            refuse(source, expected, described(frames), DAMAGED)
        return zeros_unseen(values)


def read_pyskl_pickle(
    path: str | Path,
    *,
    layout: SkeletonLayout | None = None,
    keypoint_folder: str | Path | None = None,
    box_threshold: float | None = None,
) -> PysklClips:
    """The clips of an annotation file such as ``ntu60_3danno.pkl``, made when asked for.

    The file is ``{"split": {name: [clip, ...]}, "annotations": [...]}``, or a list of annotations;
    no code in it is run. A clip's keypoints are ``[M, T, V, C]``; where there are scores, they
    become the last channel: x, y, score. Joints that are 0 in all channels were not seen. Width and
    height of the video are among the facts, pixels.

    An annotation that is broken is refused when that clip is asked for; the others can be read.

    Args:
        path: The pickle.
        layout: The skeleton. Default: 25 joints of three channels are NTU25, 17 COCO17.
        keypoint_folder: Where the keypoints of Kinetics-400 lie, which are not in the pickle: see
            :class:`KeypointFiles`. Default: the folder of the pickle.
        box_threshold: Leave out skeletons in boxes with lower scores (Kinetics-400 alone).

    Raises:
        ValueError: If the file is no such pickle; and when a clip is read that is broken.

    Source: kennymckormick/pyskl, tools/data/README.md; open-mmlab/mmaction2,
    tools/data/skeleton/README.md.
    """
    path = Path(path)
    content = load_pickle(path)
    if isinstance(content, list):
        content = {"annotations": content}
    annotations = content.get("annotations") if isinstance(content, dict) else None
    if not isinstance(annotations, list):
        refuse(path, "a dict with a list of annotations", described(content), _FOREIGN)
    files = KeypointFiles(Path(keypoint_folder or path.parent), box_threshold)
    splits = _splits(content.get("split"), path)
    return PysklClips(path, annotations, splits, layout=layout, keypoint_files=files)


def _splits(value: Any, path: Path) -> dict[str, list[str]]:
    """The bare names in each split."""
    if value is None:
        return {}
    fits = isinstance(value, dict) and all(isinstance(key, str) for key in value)
    if not fits or not all(isinstance(names, (list, tuple)) for names in value.values()):
        refuse(f"{path}, split", "lists of names", described(value), _FOREIGN)
    total = sum(map(len, value.values()))
    check_memory(f"{path}, split", _BYTES_A_PLACE * total, path.stat().st_size, f"{total} names")
    return {
        bare_name(split, f"{path}, split"): [
            bare_name(name, f"{path}, split['{split}'][{at}]") for at, name in enumerate(names)
        ]
        for split, names in value.items()
    }


def _identifier(annotation: dict[Any, Any]) -> Any:
    return annotation.get("frame_dir", annotation.get("filename"))


def _name_if_any(annotation: Any) -> str:
    name = _identifier(annotation) if isinstance(annotation, dict) else None
    return bare_name(name, "") if isinstance(name, str) and name.isprintable() and name else ""


def _label_if_any(annotation: Any) -> int | None:
    label = annotation.get("label") if isinstance(annotation, dict) else None
    return class_label(label, "") if is_class(label) else None


def _array(value: Any, axes: int, source: str) -> NDArray[Any]:
    fits = isinstance(value, np.ndarray) and value.dtype.kind in "fiu" and value.ndim == axes
    if not fits or not value.size:
        refuse(source, f"an array of numbers with {axes} axes", described(value), DAMAGED)
    return value


def _layout(joints: int, channels: int, scored: bool) -> SkeletonLayout | None:
    if joints == 17:
        return layouts.COCO17
    return layouts.NTU25 if joints == 25 and channels == 3 and not scored else None


def _facts(annotation: dict[Any, Any], source: str) -> dict[str, Fact]:
    size = annotation.get("img_shape")
    if size is None:
        return {}
    values = size.tolist() if isinstance(size, np.ndarray) and size.shape == (2,) else size
    if not isinstance(values, (tuple, list)) or len(values) != 2:
        refuse(f"{source}, img_shape", "height and width", described(size), DAMAGED)
    if not all(isinstance(n, (int, np.integer)) and 0 < n < 1 << 31 for n in values):
        refuse(f"{source}, img_shape", "height and width in pixels", "others", DAMAGED)
    return {"width": int(values[1]), "height": int(values[0])}
