"""Two sides timed in turn, so that a machine whose speed drifts is fair to both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def paired_medians(
    first: Callable[[], object], second: Callable[[], object], rounds: int = 15
) -> tuple[float, float]:
    """Median seconds of each side over ``rounds`` rounds of first, second; one warm-up each."""
    sides = (first, second)
    times: tuple[list[float], list[float]] = ([], [])
    for side in sides:
        side()
    for _ in range(rounds):
        for side, taken in zip(sides, times, strict=True):
            start = time.perf_counter()
            side()
            taken.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])
