"""The table, as text in aligned columns and as plain values."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from stgraph.bench.case import Case, Side
from stgraph.bench.measure import Figures

SIDE, TIME, RATIO, MEMORY = 54, 13, 12, 12


def header(machine: Mapping[str, str]) -> str:
    """What it was measured on, and what the columns are."""
    lines = [f"{key + ':':11}{value}" for key, value in machine.items()]
    titles = _line("", "median", "x our time", "peak", "x our peak")
    return "\n".join([*lines, "", titles])


def block(case: Case, figures: Sequence[Figures], precision: str) -> str:
    """The lines of one case."""
    title = f"{case.key}: {case.what}" + (f", {precision}" if case.each_precision else "")
    read = {"versus": _versus, "per unit": _per_unit, "rate": _rate}[case.reading]
    rows = [
        read(row, figures[0], side) if row.seconds else f"  {row.side}: {row.failure}"
        for row, side in zip(figures, case.sides, strict=True)
    ]
    return "\n".join(["", title, *rows])


def _versus(row: Figures, first: Figures, side: Side) -> str:
    time, ours = statistics.median(row.seconds), statistics.median(first.seconds)
    ratio = peak = last = ""
    if row is not first:
        ratio = f"{time / ours:.2f}"
    if row.peak is not None:
        peak = f"{row.peak / 1e6:,.1f} MB"
    if side.bound:
        last = f"ours takes {ours / time:.2f} x as long"
    elif row is not first and row.peak is not None and first.peak:
        last = f"{row.peak / first.peak:.2f}"
    line = _line(row.side, _milliseconds(time), ratio, peak, last)
    return f"{line}  {row.failure}" if row.failure else line


def _per_unit(row: Figures, first: Figures, side: Side) -> str:
    time = statistics.median(row.seconds)
    each = f"{1e6 * time / row.amount:.2f} us"
    return _line(row.side, _milliseconds(time), each, "", f"for each of {row.amount:,.0f} nodes")


def _rate(row: Figures, first: Figures, side: Side) -> str:
    time = statistics.median(row.seconds)
    rate = f"{row.amount / time / 1e9:.1f} G/s"
    return _line(row.side, _milliseconds(time), rate, "", row.unit)


def _line(side: str, time: str, ratio: str, memory: str, last: str) -> str:
    text = f"  {side:{SIDE}}{time:>{TIME}}{ratio:>{RATIO}}{memory:>{MEMORY}}  {last}"
    return text.rstrip()


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:,.2f} ms"


def as_values(case: Case, figures: Sequence[Figures], precision: str) -> dict[str, Any]:
    """The figures of a case for JSON, with every single time."""
    return {
        "case": case.key,
        "what": case.what,
        "precision": precision,
        "sides": [
            {**row._asdict(), "median": statistics.median(row.seconds) if row.seconds else None}
            for row in figures
        ],
    }
