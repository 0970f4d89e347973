"""Data sets: keypoints on disk, graphs when asked for."""

from stgraph.datasets.base import SkeletonDataset, check_keypoints
from stgraph.datasets.folder import SkeletonFolder, folder_layout, read_array
from stgraph.datasets.ntu import BENCHMARKS, MAX_PERSONS, NTURGBD, read_bodies
from stgraph.formats.ntu import Recording, read_skeleton_file
from stgraph.formats.ntu_writer import write_skeleton_file
from stgraph.datasets.store import Store, write_store
from stgraph.datasets.synthetic import SyntheticActions

__all__ = [
    "BENCHMARKS",
    "MAX_PERSONS",
    "NTURGBD",
    "Recording",
    "SkeletonDataset",
    "SkeletonFolder",
    "Store",
    "SyntheticActions",
    "check_keypoints",
    "folder_layout",
    "read_array",
    "read_bodies",
    "read_skeleton_file",
    "write_skeleton_file",
    "write_store",
]
