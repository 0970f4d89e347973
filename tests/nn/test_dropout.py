"""Dropout from random bits is dropout."""

from __future__ import annotations

import pytest
import torch

from stgraph.nn import Dropout
from stgraph.nn.dropout import random_bits


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_the_right_share_is_dropped_and_the_rest_scaled(p: float):
    x = torch.ones(400, 1000)
    out = Dropout(p)(x)
    kept = out != 0
    assert abs(float(kept.float().mean()) - (1 - p)) < 4 * (p * (1 - p) / x.numel()) ** 0.5 + 1e-9
    assert torch.unique(out[kept]).numel() == (0 if p == 1 else 1)
    if p < 1:
        torch.testing.assert_close(out.mean(), torch.tensor(1.0), rtol=0.02, atol=0.0)


def test_the_gradient_passes_where_the_value_did():
    x = torch.randn(50, 7, requires_grad=True)
    out = Dropout(0.3)(x)
    out.sum().backward()
    torch.testing.assert_close(x.grad * x, out)


def test_numbers_are_dropped_independently_of_each_other():
    kept = (Dropout(0.5)(torch.ones(20_000, 8)) != 0).float()
    correlation = torch.corrcoef(kept.T) - torch.eye(8)
    assert correlation.abs().max() < 0.04


def test_chance_follows_the_seed_and_moves_on():
    layer, x = Dropout(0.5), torch.ones(1000)
    torch.manual_seed(1)
    first, second = layer(x), layer(x)
    torch.manual_seed(1)
    assert torch.equal(layer(x), first) and not torch.equal(second, first)


def test_in_evaluation_nothing_is_dropped():
    x = torch.randn(10, 3)
    assert torch.equal(Dropout(0.5).eval()(x), x)


@pytest.mark.parametrize("dtype", [torch.double, torch.bfloat16])
def test_the_type_of_numbers_stays(dtype: torch.dtype):
    assert Dropout(0.5)(torch.ones(30, dtype=dtype)).dtype == dtype


def test_bits_cover_all_of_sixteen():
    bits = random_bits(400_001)
    assert bits.shape == (400_001,)
    assert (int(bits.min()), int(bits.max())) == (-(2**15), 2**15 - 1)
    assert abs(float(bits.double().mean()) + 0.5) < 4 * 2**16 / 12**0.5 / 400_001**0.5
