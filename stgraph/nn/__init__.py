"""Layers and networks."""

from stgraph.nn.block import EdgeImportance, STGCNBlock
from stgraph.nn.chunks import in_chunks
from stgraph.nn.conv import STGCNConv
from stgraph.nn.dropout import Dropout
from stgraph.nn.level import Level
from stgraph.nn.network import TEN_BLOCKS, NodeFeatures, SkeletonNetwork
from stgraph.nn.norm import JointNorm, NodeNorm
from stgraph.nn.plan import Plan, Step
from stgraph.nn.stgcn import STGCN
from stgraph.nn.stgcn_v010 import STGCNv010, STGCNv010Block
from stgraph.nn.stgcnpp import STGCNPlusPlus, STGCNPlusPlusBlock
from stgraph.nn.temporal import MultiScaleTemporal

NETWORKS: dict[str, type[SkeletonNetwork]] = {
    "STGCN": STGCN,
    "STGCNPlusPlus": STGCNPlusPlus,
    "STGCNv010": STGCNv010,
}

__all__ = [
    "NETWORKS",
    "STGCN",
    "TEN_BLOCKS",
    "Dropout",
    "EdgeImportance",
    "JointNorm",
    "Level",
    "MultiScaleTemporal",
    "NodeFeatures",
    "NodeNorm",
    "Plan",
    "STGCNBlock",
    "STGCNConv",
    "STGCNPlusPlus",
    "STGCNPlusPlusBlock",
    "STGCNv010",
    "STGCNv010Block",
    "in_chunks",
    "SkeletonNetwork",
    "Step",
]
