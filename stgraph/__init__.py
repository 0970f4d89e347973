"""ST-GCN (Yan et al. 2018) as a sparse graph library on PyTorch Geometric."""

from stgraph import datasets, layouts, normalization, partition, presets, transforms
from stgraph.build import build_clip, to_keypoints
from stgraph.checkpoints import load_checkpoint, save_checkpoint
from stgraph.data import SkeletonData
from stgraph.graph import EdgeLabels, SkeletonGraph
from stgraph.nn import STGCN, STGCNConv, STGCNPlusPlus, STGCNv010
from stgraph.skeleton import SkeletonLayout

__version__ = "0.1.0"

__all__ = [
    "STGCN",
    "EdgeLabels",
    "STGCNConv",
    "STGCNPlusPlus",
    "STGCNv010",
    "SkeletonData",
    "SkeletonGraph",
    "SkeletonLayout",
    "build_clip",
    "datasets",
    "layouts",
    "load_checkpoint",
    "normalization",
    "partition",
    "presets",
    "save_checkpoint",
    "to_keypoints",
    "transforms",
]
