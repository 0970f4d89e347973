"""Sides timed in turn, so that a machine whose speed drifts is fair to all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence


def _no_wait() -> None:
    pass


def times_in_turn(
    sides: Sequence[Callable[[], object]],
    rounds: int,
    *,
    warm_up: int = 1,
    wait: Callable[[], object] = _no_wait,
) -> list[list[float]]:
    """Seconds of each side in each round; a round runs all sides once, in order.

    Args:
        sides: What is timed.
        rounds: How often.
        warm_up: Untimed runs of each side before the first round.
        wait: Returns when a side's work is done; needed where a call returns before, as on GPUs.
    """
    for side in sides:
        for _ in range(warm_up):
            side()
    taken: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, times in zip(sides, taken, strict=True):
            wait()
            start = time.perf_counter()
            side()
            wait()
            times.append(time.perf_counter() - start)
    return taken


def paired_medians(
    first: Callable[[], object], second: Callable[[], object], rounds: int = 15
) -> tuple[float, float]:
    """Median seconds of two sides timed in turn; one warm-up each."""
    ours, theirs = times_in_turn((first, second), rounds)
    return statistics.median(ours), statistics.median(theirs)
