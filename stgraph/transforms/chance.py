"""Random numbers for transforms: from a generator if there is one, else from torch's own.

They are drawn in float32 whatever the keypoints are, so that a seed means the same change in
every precision.
"""

from __future__ import annotations

import torch
from torch import Tensor


def fraction(*shape: int, generator: torch.Generator | None) -> Tensor:
    """Uniform from 0 up to, not including, 1."""
    return torch.rand(shape, generator=generator, device=_device(generator))


def within(most: float, *shape: int, generator: torch.Generator | None) -> Tensor:
    """Uniform within ±``most``."""
    return (2 * fraction(*shape, generator=generator) - 1) * most


def normal(shape: torch.Size, *, generator: torch.Generator | None) -> Tensor:
    """Of mean 0 and deviation 1."""
    return torch.randn(shape, generator=generator, device=_device(generator))


def below(bound: int, *, generator: torch.Generator | None) -> int:
    """One of 0, 1 ... ``bound`` - 1."""
    return int(torch.randint(bound, (), generator=generator, device=_device(generator)))


def some_of(count: int, wanted: int, *, generator: torch.Generator | None) -> Tensor:
    """``wanted`` different ones of 0, 1 ... ``count`` - 1, in any order."""
    return torch.randperm(count, generator=generator, device=_device(generator))[:wanted]


def _device(generator: torch.Generator | None) -> torch.device:
    return torch.device("cpu") if generator is None else generator.device
