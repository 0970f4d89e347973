"""Networks whose normalisation is folded into the layers before it say the same."""

from __future__ import annotations

import pytest
import torch

from stgraph import SkeletonGraph, layouts
from stgraph.nn import NodeNorm

from .networks import KINDS, batch_for, network


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_fused_network_says_what_the_network_says_in_evaluation(kind: str, missing: float):
    model = network(kind)
    data = batch_for(model, missing=missing)
    torch.testing.assert_close(model.fuse()(data), model(data), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_in_single_precision_they_agree_to_five_digits(kind: str):
    model = network(kind).float()
    data = batch_for(model)
    data.x = data.x.float()
    wanted = model(data).detach()
    torch.testing.assert_close(
        model.fuse()(data), wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max())
    )


def test_it_holds_with_one_kernel_over_space_and_time():
    model = network("STGCN", graph=SkeletonGraph.from_layout(layouts.NTU25, temporal="product"))
    data = batch_for(model)
    torch.testing.assert_close(model.fuse()(data), model(data), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_folding_leaves_the_network_as_it_was(kind: str):
    model = network(kind)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train().fuse()
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize(("kind", "left"), [("STGCN", 0), ("STGCNv010", 0), ("STGCNPlusPlus", 3)])
def test_normalisations_that_follow_a_layer_are_gone(kind: str, left: int):
    """In ST-GCN++ one per block stays, over branches of which one is a maximum."""
    norms = [module for module in network(kind).fuse().modules() if isinstance(module, NodeNorm)]
    assert len(norms) == left


def test_a_fused_network_does_not_train():
    fused = network("STGCN").fuse()
    assert not fused.training and not any(p.requires_grad for p in fused.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_folding_twice_is_folding_once(kind: str):
    model = network(kind)
    data = batch_for(model)
    torch.testing.assert_close(model.fuse().fuse()(data), model(data), rtol=1e-9, atol=1e-9)
