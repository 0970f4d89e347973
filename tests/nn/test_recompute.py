"""Blocks that are computed twice give the same step for less memory."""

from __future__ import annotations

import copy

import pytest
import torch

from stgraph.nn import SkeletonNetwork

from .networks import KINDS, batch_for, network


def step_of(model: SkeletonNetwork, data) -> list[torch.Tensor]:
    """Logits, gradients and running statistics of a training step with a fixed seed."""
    torch.manual_seed(3)
    logits = model(data)
    logits.square().sum().backward()
    return [logits, *(value.grad for value in model.parameters()), *model.buffers()]


@pytest.mark.parametrize("kind", KINDS)
def test_values_gradients_and_running_statistics_are_those_of_one_computation(kind: str):
    plain = network(kind, dropout=0.4).train()
    twice = copy.deepcopy(plain)
    twice.recompute = True
    data = batch_for(plain)
    for one, other in zip(step_of(plain, data), step_of(twice, data), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_less_is_kept_between_forward_and_backward():
    model = network("STGCN").train()
    data, kept = batch_for(model), {}
    for recompute in (False, True):
        model.recompute, sizes = recompute, []

        def pack(value: torch.Tensor, sizes: list[int] = sizes) -> torch.Tensor:
            sizes.append(value.numel() if value.is_floating_point() else 0)
            return value

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
            model(data)
        kept[recompute] = sum(sizes)
    assert kept[True] < kept[False] / 3


def test_in_evaluation_nothing_is_computed_twice(monkeypatch):
    model = network("STGCN")
    model.recompute = True
    monkeypatch.setattr("stgraph.nn.network.recomputed", None)
    model(batch_for(model))
