"""Peak memory of a step, in a process that does nothing else."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from dataclasses import replace
from pathlib import Path

import torch

from stgraph.bench.case import Side
from stgraph.bench.setting import Setting

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
STEPS = 2  # the first makes gradients and momentum, the second finds them


def peak_growth(side: Side, setting: Setting) -> int:
    """Bytes at the peak of two steps, beyond those held when data and network were made.

    A step on small sizes goes first, so that what libraries load on first use is not counted.
    """
    side.prepare(replace(setting, quick=True)).run()
    step = side.prepare(setting)
    gc.collect()
    _return_freed()
    before = _held_on_gpu() if setting.device == "cuda" else _held()
    for _ in range(STEPS):
        step.run()
    setting.wait()
    after = torch.cuda.max_memory_allocated() if setting.device == "cuda" else _peak()
    return after - before


def _return_freed() -> None:
    """Give freed memory back to the system, where the C library can, so that it counts if used."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _held_on_gpu() -> int:
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    return torch.cuda.memory_allocated()


def _held() -> int:
    """Bytes in memory now; on Linux the peak starts anew from here."""
    if not STATUS.exists():
        return _peak()
    CLEAR.write_text("5")
    return _from_status("VmRSS")


def _peak() -> int:
    """The most bytes in memory so far."""
    if STATUS.exists():
        return _from_status("VmHWM")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def _from_status(key: str) -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith(key):
            return 1024 * int(line.split()[1])
    raise ValueError(f"{STATUS} has no line {key}; measure times alone, with --memory false.")
