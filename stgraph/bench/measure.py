"""A case measured in processes of its own: one for all times, one for each side's memory.

A fresh process is needed to set PyTorch's allocator, and for peaks that are nobody else's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, NamedTuple

from stgraph.bench.case import Case
from stgraph.bench.setting import Setting
from stgraph.bench.timing import times_in_turn


class Figures(NamedTuple):
    """What was measured of one side.

    Attributes:
        side: Its name.
        seconds: One time for each round; empty if it failed.
        amount: Work of a step, in ``unit``.
        unit: Nodes, multiply-adds or bytes.
        peak: Peak memory in bytes; ``None`` if it was not measured.
        failure: Why there is no time or no memory.
    """

    side: str
    seconds: tuple[float, ...] = ()
    amount: float = 0.0
    unit: str = "nodes"
    peak: int | None = None
    failure: str = ""


class ChildFailure(Exception):
    """A measuring process ended without figures."""


def measure(case: Case, setting: Setting, *, memory: bool) -> tuple[Figures, ...]:
    """Figures of all sides, in their order; what fails is said in them, and the rest goes on."""
    try:
        rows = _child(setting, case=case.key, task="time")
    except ChildFailure as failure:
        return tuple(Figures(side.name, failure=str(failure)) for side in case.sides)
    found = [Figures(**{**row, "seconds": tuple(row["seconds"])}) for row in rows]
    for number, side in enumerate(case.sides):
        if memory and case.reading == "versus" and not side.bound:
            found[number] = _with_memory(found[number], case, number, setting)
    return tuple(found)


def _with_memory(figures: Figures, case: Case, number: int, setting: Setting) -> Figures:
    try:
        peak = _child(setting, case=case.key, task="memory", side=number)
    except ChildFailure as failure:
        return figures._replace(failure=f"memory: {failure}")
    return figures._replace(peak=peak)


def _child(setting: Setting, **job: Any) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "stgraph.bench", setting.to_json(), json.dumps(job)],
        env={**os.environ, **setting.environment},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise ChildFailure(f"ended with code {done.returncode}: {last[0][:200]}")
    return json.loads(done.stdout.splitlines()[-1])


def time_sides(case: Case, setting: Setting) -> list[dict[str, Any]]:
    """Times of all sides in turn, in this process, as plain values."""
    steps = [side.prepare(setting) for side in case.sides]
    taken = times_in_turn(
        [step.run for step in steps],
        case.rounds(setting),
        warm_up=3 if setting.device == "cuda" else 1,
        wait=setting.wait,
    )
    return [
        Figures(side.name, tuple(seconds), step.amount, step.unit)._asdict()
        for side, step, seconds in zip(case.sides, steps, taken, strict=True)
    ]
