"""File formats of skeleton clips: one reader each, all ending in :class:`Clip`."""

from stgraph.formats.clip import Clip
from stgraph.formats.files import CLIP_SUFFIXES, read_clip
from stgraph.formats.ntu import Recording, read_skeleton_file
from stgraph.formats.ntu_writer import write_skeleton_file

__all__ = [
    "CLIP_SUFFIXES",
    "Clip",
    "Recording",
    "read_clip",
    "read_skeleton_file",
    "write_skeleton_file",
]
