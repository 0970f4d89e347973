"""File formats of skeleton clips: one reader each, all ending in :class:`Clip`."""

from stgraph.formats.arrays import read_array_clip
from stgraph.formats.bvh import read_bvh
from stgraph.formats.clip import Clip
from stgraph.formats.ctrgcn_arrays import read_ctrgcn_npz
from stgraph.formats.files import CLIP_SUFFIXES, read_clip
from stgraph.formats.kinetics import read_kinetics_clip, read_kinetics_index
from stgraph.formats.mediapipe import mediapipe_clip
from stgraph.formats.mmskeleton import read_mmskeleton_clip
from stgraph.formats.ntu import Recording, read_skeleton_file
from stgraph.formats.ntu_writer import write_skeleton_file
from stgraph.formats.openpose import read_openpose_folder
from stgraph.formats.pickles import load_pickle
from stgraph.formats.pyskl import read_pyskl_pickle
from stgraph.formats.stgcn_arrays import read_stgcn_arrays
from stgraph.formats.tracking import follow
from stgraph.formats.ucla import UCLA_CLASSES, read_ucla_clip

__all__ = [
    "CLIP_SUFFIXES",
    "Clip",
    "Recording",
    "UCLA_CLASSES",
    "follow",
    "load_pickle",
    "mediapipe_clip",
    "read_array_clip",
    "read_bvh",
    "read_clip",
    "read_ctrgcn_npz",
    "read_kinetics_clip",
    "read_kinetics_index",
    "read_mmskeleton_clip",
    "read_openpose_folder",
    "read_pyskl_pickle",
    "read_skeleton_file",
    "read_stgcn_arrays",
    "read_ucla_clip",
    "write_skeleton_file",
]
