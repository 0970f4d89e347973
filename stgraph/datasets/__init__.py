"""Data sets: keypoints on disk, graphs when asked for."""

from stgraph.datasets.archives import PYSKL, CtrgcnArrays, StgcnArrays
from stgraph.datasets.base import ClipDataset, SkeletonDataset
from stgraph.datasets.folder import SkeletonFolder, folder_layout
from stgraph.datasets.kinetics import KineticsSkeleton
from stgraph.datasets.loader import SkeletonLoader
from stgraph.datasets.memory import from_arrays, from_clips
from stgraph.datasets.ntu import BENCHMARKS, MAX_PERSONS, NTURGBD, read_bodies
from stgraph.datasets.options import DatasetOptions, ServingOptions
from stgraph.datasets.processing import Checks, write_store
from stgraph.datasets.sampler import ClipBatchSampler
from stgraph.datasets.sources import ArchiveClips, FileClips
from stgraph.datasets.store import Store
from stgraph.datasets.synthetic import SyntheticActions
from stgraph.datasets.ucla import NWUCLA

__all__ = [
    "BENCHMARKS",
    "MAX_PERSONS",
    "NTURGBD",
    "NWUCLA",
    "PYSKL",
    "ArchiveClips",
    "Checks",
    "ClipBatchSampler",
    "ClipDataset",
    "CtrgcnArrays",
    "DatasetOptions",
    "FileClips",
    "KineticsSkeleton",
    "ServingOptions",
    "SkeletonDataset",
    "SkeletonFolder",
    "SkeletonLoader",
    "StgcnArrays",
    "Store",
    "SyntheticActions",
    "folder_layout",
    "from_arrays",
    "from_clips",
    "read_bodies",
    "write_store",
]
