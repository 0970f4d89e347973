"""Mixed precision: products in bfloat16, results within a hundredth."""

from __future__ import annotations

import pytest
import torch

from stgraph.nn import STGCNConv
from stgraph.nn.backends import GENERAL, TypedGraph

from .networks import KINDS, batch_for, network
from .oracles import random_edges


def relative(ours: torch.Tensor, expected: torch.Tensor) -> float:
    return float((ours.detach().double() - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("backend", GENERAL)
def test_in_bfloat16_a_layer_and_its_gradients_are_within_a_hundredth(backend: str):
    torch.manual_seed(0)
    edges = TypedGraph(*random_edges(200, 200, 900, 3), 3, 200, 200)
    exact = STGCNConv(32, 24, 3, backend="reference").double()
    layer = STGCNConv(32, 24, 3, backend=backend)
    layer.load_state_dict(exact.state_dict())
    layer.bfloat16()
    x, edge_weight = torch.randn(200, 32).bfloat16(), torch.rand(900).bfloat16()
    found = []
    for conv, dtype in ((layer, torch.bfloat16), (exact, torch.double)):
        leaves = [v.detach().to(dtype).requires_grad_() for v in (x, edge_weight)]
        out = conv(leaves[0], edges, edge_weight=leaves[1])
        out.sum().backward()
        found.append([out, *(leaf.grad for leaf in leaves), conv.weight.grad])
    for ours, expected in zip(*found, strict=True):
        assert relative(ours, expected.detach()) < 1e-2


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_trains_under_autocast(kind: str):
    """Gradients of all parameters are there, in the parameters' own type."""
    model = network(kind).float().train()
    data = batch_for(model)
    data.x = data.x.float()
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(data)
    assert logits.dtype == torch.bfloat16
    logits.float().square().mean().backward()
    for name, value in model.named_parameters():
        assert value.grad is not None and value.grad.dtype == torch.float32, name
        assert value.grad.isfinite().all(), name


def test_a_layer_in_double_precision_stays_so_under_autocast():
    conv = STGCNConv(3, 4, 2).double()
    with torch.autocast("cpu", torch.bfloat16):
        out = conv(torch.rand(5, 3, dtype=torch.double), *random_edges(5, 5, 9, 2))
    assert out.dtype == torch.double
