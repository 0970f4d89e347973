"""What a measurement is made with: device, precision, threads, sizes, lengths of clips."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple

import torch

from stgraph.allocator import keep_freed_memory

Precision = Literal["fp32", "bf16"]


class Sizes(NamedTuple):
    """How much work the cases do.

    Attributes:
        batch: Clips in a batch.
        frames: To which the dense program pads; longer clips are cut.
        recipe: Frames of a clip in the recipes that sample them all to one length.
        single: Frames of the one clip whose latency is measured.
        hour: Frames of the one clip that is computed in chunks: an hour at 30 a second.
        chunk: Frames of a chunk of it.
        bodies: Bodies of ``frames`` frames on whose nodes single layers run.
        growth: Numbers of clips whose times should be proportional to them.
    """

    batch: int = 16
    frames: int = 300
    recipe: int = 100
    single: int = 80
    hour: int = 108_000
    chunk: int = 1024
    bodies: int = 8
    growth: tuple[int, ...] = (1, 4, 16, 64)


FULL = Sizes()
QUICK = Sizes(batch=2, frames=24, recipe=12, single=8, hour=100, chunk=16, bodies=2, growth=(1, 2))


@dataclass(frozen=True)
class Setting:
    """Everything that a measuring process has to know; it travels there as JSON.

    Attributes:
        device: ``cpu`` or ``cuda``.
        precision: ``fp32``, or ``bf16`` by autocast.
        threads: Of PyTorch's CPU code.
        rounds: How often each side is timed.
        quick: Small sizes, to see the commands work; the times then mean nothing.
        lengths: A file with a clip length per line; by default lengths are drawn.
        seed: Of lengths, coordinates and weights.
        allocator: ``plain``, or ``tuned``: large tensors in huge pages (``THP_MEM_ALLOC_ENABLE``),
            which PyTorch reads when it starts; or ``kept``, as the commands of stgraph do it.
    """

    device: Literal["cpu", "cuda"] = "cpu"
    precision: Precision = "fp32"
    threads: int = 1
    rounds: int = 5
    quick: bool = False
    lengths: str | None = None
    seed: int = 0
    allocator: Literal["plain", "tuned", "kept"] = "plain"

    def __post_init__(self) -> None:
        if self.threads < 1 or self.rounds < 1:
            raise ValueError(
                f"threads and rounds are at least 1, found {self.threads} and {self.rounds}."
            )
        if self.device == "cuda" and not torch.cuda.is_available():
            raise ValueError(
                "This PyTorch sees no CUDA device; measure with --device cpu, or install a PyTorch "
                "for your GPU."
            )

    @property
    def sizes(self) -> Sizes:
        return QUICK if self.quick else FULL

    @property
    def dtype(self) -> torch.dtype:
        """Of the numbers in matrix products."""
        return torch.bfloat16 if self.precision == "bf16" else torch.float32

    @property
    def wait(self) -> Callable[[], None]:
        """Returns when the device has done all that it was given."""
        return torch.cuda.synchronize if self.device == "cuda" else _nothing

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which networks compute."""
        return torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bf16")

    @property
    def environment(self) -> dict[str, str]:
        """What must be set before PyTorch starts."""
        return {
            "OMP_NUM_THREADS": str(self.threads),
            "THP_MEM_ALLOC_ENABLE": "1" if self.allocator == "tuned" else "0",
        }

    def prepare(self) -> None:
        """Set up this process; single precision may use TF32 on a GPU, on all sides."""
        torch.set_num_threads(self.threads)
        torch.manual_seed(self.seed)
        if self.allocator == "kept":
            keep_freed_memory()
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Setting:
        return cls(**json.loads(text))


def _nothing() -> None:
    pass
