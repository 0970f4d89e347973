"""Several threads give the same numbers in every run."""

from __future__ import annotations

import copy

import pytest
import torch
from torch_geometric.data import Batch

from stgraph import SkeletonGraph, layouts
from stgraph.build import clip_nodes
from stgraph.nn import NETWORKS

GRAPH = SkeletonGraph.from_layout(layouts.NTU25)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_training_step_is_the_same_bit_by_bit(kind: str, missing: float, two_threads):
    """30,000 nodes: enough that PyTorch splits the work among threads."""
    model = NETWORKS[kind](3, 5, GRAPH, blocks=[(12, 1), (18, 2)], dropout=0.5)
    clips = []
    for frames in (450, 290, 460):
        visible = torch.rand(1, frames, 25) >= missing
        clips.append(clip_nodes(torch.randn(1, frames, 25, 3), model.graph, visible=visible))
    batch = Batch.from_data_list(clips)

    def step() -> list[torch.Tensor]:
        trained = copy.deepcopy(model).train()
        torch.manual_seed(0)
        logits = trained(batch)
        logits.square().sum().backward()
        return [logits, *(p.grad for p in trained.parameters()), *trained.buffers()]

    first = step()
    for _ in range(3):
        assert all(map(torch.equal, step(), first))
