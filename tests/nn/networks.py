"""Small networks of every kind and ragged batches for them."""

from __future__ import annotations

import torch
from torch_geometric.data import Batch

from stgraph import SkeletonData, SkeletonGraph, build_clip, layouts
from stgraph.build import clip_nodes
from stgraph.nn import NETWORKS, SkeletonNetwork

from .oracles import randomize

GRAPH = SkeletonGraph.from_layout(layouts.NTU25)
BLOCKS = ((12, 1), (18, 2), (24, 2))
KINDS = list(NETWORKS)
LENGTHS = ((1, 9), (2, 14), (2, 5), (1, 1))


def network(
    kind: str,
    *,
    graph: SkeletonGraph = GRAPH,
    blocks: tuple[tuple[int, int], ...] = BLOCKS,
    dropout: float = 0.0,
) -> SkeletonNetwork:
    """Blocks in double precision, whose numbers are all random."""
    model = NETWORKS[kind](3, 5, graph, blocks=blocks, dropout=dropout).double()
    randomize(model)
    return model.eval()


def batch_for(model: SkeletonNetwork, *, missing: float = 0.0, edges: bool = False) -> SkeletonData:
    """Clips of several lengths and persons, of whose joints a share is missing."""
    make = build_clip if edges else clip_nodes
    clips = []
    for persons, frames in LENGTHS:
        keypoints = torch.randn(persons, frames, 25, 3, dtype=torch.double)
        visible = torch.rand(persons, frames, 25) >= missing
        visible[0, 0, 0] = True
        clips.append(make(keypoints, model.graph, visible=visible))
    return Batch.from_data_list(clips)
