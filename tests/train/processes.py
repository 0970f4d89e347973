"""Functions that two gloo processes run together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.multiprocessing import spawn


def together(work: Callable[..., None], folder: Path, *arguments: Any, world: int = 2) -> list[Any]:
    """What ``work(rank, *arguments)`` returns in each of so many processes."""
    spawn(_enter, (work, folder, world, arguments), nprocs=world)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(world)]


def _enter(rank: int, work: Callable[..., Any], folder: Path, world: int, arguments: Any) -> None:
    torch.set_num_threads(1)
    place = f"file://{folder / 'meeting'}"
    torch.distributed.init_process_group("gloo", init_method=place, rank=rank, world_size=world)
    torch.save(work(rank, *arguments), folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()
