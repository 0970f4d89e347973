"""What the C library does with memory that was given back."""

from __future__ import annotations

import ctypes
import os
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt, from <malloc.h>


def keep_freed_memory() -> bool:
    """Tell glibc to keep large blocks that are freed, for the next ones.

    By default every tensor over 32 MiB is fetched from the operating system page by page, and
    handed back at once: on full clips a sixth of the time of a training step (docs/benchmarks.md).
    A process that keeps them may hold up to twice its largest need. The commands call this, unless
    ``STGRAPH_KEEP_MEMORY=0`` is set; a library should not, so importing stgraph does not.

    Returns:
        Whether it was done; where there is no glibc, nothing is.
    """
    if not sys.platform.startswith("linux") or os.environ.get("STGRAPH_KEEP_MEMORY") == "0":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, 2**31 - 1))
