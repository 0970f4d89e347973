"""The machine itself: how fast it multiplies matrices and copies memory."""

from __future__ import annotations

from functools import partial

import torch

from stgraph.bench.case import Case, Side, Step
from stgraph.bench.setting import Setting, Sizes

COPIED = 1 << 28  # bytes, more than caches hold
CACHED_ROWS = 2000


def products(setting: Setting, rows: int, wide: int, narrow: int) -> Step:
    """The products of a layer, forward and backward, into memory that is there.

    ``[rows, wide] @ [wide, narrow]``, then the two of its gradients. On a CPU some rows after the
    other, which stay in its caches, so that no time is spent on memory.
    """
    most = max(1, rows // CACHED_ROWS) if setting.device == "cpu" else 1
    parts = max(count for count in range(1, most + 1) if rows % count == 0)
    part = rows // parts
    x, dx = torch.randn(2, part, wide).to(setting.device, setting.dtype)
    weight, dweight = torch.randn(2, wide, narrow).to(setting.device, setting.dtype)
    out, dout = torch.randn(2, part, narrow).to(setting.device, setting.dtype)

    def run() -> None:
        for _ in range(parts):
            torch.mm(x, weight, out=out)
            torch.mm(dout, weight.T, out=dx)
            torch.mm(x.T, dout, out=dweight)

    return Step(run, 3.0 * parts * part * wide * narrow, "multiply-adds")


def copying(setting: Setting, size: int) -> Step:
    """``size`` bytes from one place that is there to another; work counts reading and writing."""
    source, target = torch.ones(2, size, dtype=torch.uint8, device=setting.device)
    return Step(partial(target.copy_, source), 2.0 * size, "bytes")


def copying_to_new(setting: Setting, size: int) -> Step:
    """The same, into memory that is asked for each time."""
    source = torch.ones(size, dtype=torch.uint8, device=setting.device)
    return Step(source.clone, 2.0 * size, "bytes")


def rate_cases(sizes: Sizes) -> tuple[Case, ...]:
    """Products of the shapes that the layers of the network have, and copies."""
    rows = sizes.bodies * sizes.frames * 25
    shapes = ((rows, 3 * 64, 64), (rows // 2, 3 * 128, 128), (rows // 4, 3 * 256, 256))
    multiply = tuple(
        Side(
            f"products of {rows:,} x {wide} x {narrow}, forward and backward",
            partial(products, rows=rows, wide=wide, narrow=narrow),
        )
        for rows, wide, narrow in shapes
    )
    copy = (
        Side("copy into memory that is there", partial(copying, size=COPIED)),
        Side("copy into new memory", partial(copying_to_new, size=COPIED)),
    )
    return (Case("machine", "rates of this machine", (*multiply, *copy), "rate"),)
