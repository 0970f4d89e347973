"""Dropout that spends little time on drawing random numbers."""

from __future__ import annotations

import torch
from torch import Tensor

LEVELS = 1 << 16  # of a random number of sixteen bits


class Dropout(torch.nn.Dropout):
    """``torch.nn.Dropout`` with another source of chance on the CPU.

    There PyTorch draws a float for each number, one after the other, which takes longer than the
    block's normalisations (docs/benchmarks.md). Here 64 random bits decide on four numbers, so the
    probability is a multiple of 1/65536; kept numbers are scaled by what it really is.
    """

    def forward(self, input: Tensor) -> Tensor:
        dropped = round(self.p * LEVELS)
        on_cpu = input.device.type == "cpu" and not torch.compiler.is_compiling()
        theirs = not on_cpu or dropped in (0, LEVELS)
        if theirs or not self.training:
            return super().forward(input)
        kept = random_bits(input.numel()) >= dropped - LEVELS // 2
        scale = LEVELS / (LEVELS - dropped)
        return input * kept.view(input.shape).to(input.dtype).mul_(scale)


def random_bits(size: int) -> Tensor:
    """Uniform 16-bit integers ``[size]``, from PyTorch's generator."""
    words = torch.empty(-(-size // 4), dtype=torch.int64, device="cpu").random_(-(2**63), None)
    return words.view(torch.int16)[:size]
