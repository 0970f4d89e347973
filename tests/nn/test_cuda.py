"""On a GPU networks and layers say what they say on the CPU."""

from __future__ import annotations

import copy

import pytest
import torch

from stgraph.nn import STGCNConv
from stgraph.nn.backends import TypedGraph

from .networks import KINDS, batch_for, network
from .oracles import random_edges

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_training_step_is_that_of_the_cpu(kind: str, missing: float):
    here = network(kind).train()
    there = copy.deepcopy(here).cuda()
    data = batch_for(here, missing=missing)
    found = []
    for model, batch in ((here, data), (there, data.clone().cuda())):
        logits = model(batch)
        logits.square().sum().backward()
        found.append([logits, *(value.grad for value in model.parameters())])
    for ours, expected in zip(*found, strict=True):
        torch.testing.assert_close(expected.cpu(), ours, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("backend", ["spmm", "fused", "aggregate_first", "transform_first"])
def test_every_backend_is_the_reference(backend: str):
    edges = TypedGraph(*(part.cuda() for part in random_edges(90, 90, 400, 3)), 3, 90, 90)
    exact = STGCNConv(20, 12, 3, backend="reference").cuda()
    layer = STGCNConv(20, 12, 3, backend=backend).cuda()
    layer.load_state_dict(exact.state_dict())
    x, edge_weight = torch.randn(90, 20, device="cuda"), torch.rand(400, device="cuda")
    wanted = exact(x, edges, edge_weight=edge_weight)
    found = layer(x, edges, edge_weight=edge_weight)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
