"""Sums over all processes of distributed training, for statistics of the joint batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def are_several() -> bool:
    """Whether this is one of several processes that train together."""
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return False
    return distributed.get_world_size() > 1


def total(x: Tensor) -> Tensor:
    """The sum over all processes, which all get; its gradient is the sum of theirs."""
    out: Tensor = _Total.apply(x)
    return out


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return _reduced(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return _reduced(grads[0])


def _reduced(x: Tensor) -> Tensor:
    out = x.clone(memory_format=torch.contiguous_format)
    torch.distributed.all_reduce(out)
    return out
