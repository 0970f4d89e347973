"""Layers and networks."""

from stgraph.nn.block import EdgeImportance, STGCNBlock
from stgraph.nn.conv import STGCNConv
from stgraph.nn.level import Level
from stgraph.nn.norm import JointNorm, NodeNorm
from stgraph.nn.stgcn import STGCN, TEN_BLOCKS, NodeFeatures

__all__ = [
    "STGCN",
    "TEN_BLOCKS",
    "EdgeImportance",
    "JointNorm",
    "Level",
    "NodeFeatures",
    "NodeNorm",
    "STGCNBlock",
    "STGCNConv",
]
