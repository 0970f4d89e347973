"""A clip from a file of any format that holds one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stgraph.formats.arrays import read_array_clip
from stgraph.formats.bvh import read_bvh
from stgraph.formats.clip import Clip
from stgraph.formats.kinetics import read_kinetics_clip
from stgraph.formats.mmskeleton import read_mmskeleton_clip
from stgraph.formats.ntu import read_skeleton_file
from stgraph.formats.openpose import read_openpose_folder
from stgraph.formats.refusal import read_bytes, refuse
from stgraph.formats.ucla import read_ucla_clip
from stgraph.layouts import NTU25

# A key that only files of that format have.
_JSON: dict[bytes, Callable[[Path], Clip]] = {
    b'"annotations"': read_mmskeleton_clip,
    b'"skeletons"': read_ucla_clip,
    b'"skeleton"': read_kinetics_clip,
}


def read_clip(path: str | Path) -> Clip:
    """The clip in a file, or in a folder of OpenPose's files, by the reader that its kind needs.

    ==================  ==================================================================
    ``.npy``, ``.npz``  :func:`read_array_clip`
    ``.skeleton``       all bodies of :func:`read_skeleton_file`
    ``.bvh``            :func:`read_bvh`, in the file's units
    ``.json``           :func:`read_kinetics_clip`, :func:`read_mmskeleton_clip` or
                        :func:`read_ucla_clip`, after what is in it
    a folder            :func:`read_openpose_folder`, in pixels
    ==================  ==================================================================

    Raises:
        ValueError: If there is no such file, it is of another kind, or its reader refuses it.
    """
    path = Path(path)
    if path.is_dir():
        return read_openpose_folder(path)
    if path.suffix in READERS:
        return READERS[path.suffix](path)
    expected = f"a file in {', '.join(READERS)}, or a folder of OpenPose's .json files"
    found = f"'{path.suffix}'" if path.exists() else "nothing of that name"
    return refuse(path, expected, found, "Check the path, or convert the file.")


def _read_ntu(path: Path) -> Clip:
    return Clip(path.stem, read_skeleton_file(path).keypoints, layout=NTU25, source=str(path))


def _read_json(path: Path) -> Clip:
    data = read_bytes(path)
    for key, reader in _JSON.items():
        if key in data:
            return reader(path)
    if b'"people"' in data:
        refuse(path, "a clip", "one frame of OpenPose", "Name the folder that it lies in.")
    return refuse(
        path,
        "a clip of Kinetics-Skeleton, mmskeleton or NW-UCLA",
        "none of their keys",
        "Is this another format?",
    )


READERS: dict[str, Callable[[Path], Clip]] = {
    ".npy": read_array_clip,
    ".npz": read_array_clip,
    ".skeleton": _read_ntu,
    ".bvh": read_bvh,
    ".json": _read_json,
}
CLIP_SUFFIXES = tuple(READERS)
