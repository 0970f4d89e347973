"""The processes that train or predict together, on one machine or several; alone there is one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def place() -> tuple[int, int]:
    """This process's rank, and how many processes there are."""
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def total(x: Tensor) -> Tensor:
    """The sum over all processes, which all get; its gradient is the sum of theirs."""
    if place()[1] == 1:
        return x
    out: Tensor = _Total.apply(x)
    return out


def gathered(own: Any) -> list[Any]:
    """What each process has, by rank."""
    world = place()[1]
    if world == 1:
        return [own]
    shares: list[Any] = [None] * world
    torch.distributed.all_gather_object(shares, own)
    return shares


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
