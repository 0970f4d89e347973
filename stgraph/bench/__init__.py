"""The speed table of the user's machine: our side and the others, in one run, under one setting.

A :class:`Case` is a few lines of the table, a :class:`Side` one way to do its work. All sides of a
case are timed in turn in one process; the peak memory of each is taken in a process of its own.
"""

from stgraph.bench.case import Case, Side, Step
from stgraph.bench.cases import all_cases, chosen_cases
from stgraph.bench.machine import describe_machine
from stgraph.bench.measure import Figures, measure
from stgraph.bench.setting import FULL, QUICK, Setting, Sizes
from stgraph.bench.table import as_values, block, header
from stgraph.bench.timing import paired_medians, times_in_turn

__all__ = [
    "FULL",
    "QUICK",
    "Case",
    "Figures",
    "Setting",
    "Side",
    "Sizes",
    "Step",
    "all_cases",
    "as_values",
    "block",
    "chosen_cases",
    "describe_machine",
    "header",
    "measure",
    "paired_medians",
    "times_in_turn",
]
