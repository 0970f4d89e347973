"""The table states what was measured, ratios the right way round, and what failed."""

from __future__ import annotations

import json

from stgraph.bench import Case, Figures, Setting, Side, as_values, block, describe_machine, header
from stgraph.bench.table import MEMORY, RATIO, SIDE, TIME

SIDES = (Side("ours", None), Side("theirs", None), Side("floor", None, bound=True))
CASE = Case("key", "some work", SIDES)
FIGURES = (
    Figures("ours", (0.002, 0.001, 0.009), 100.0, peak=10_000_000),
    Figures("theirs", (0.008,), 100.0, peak=25_000_000),
    Figures("floor", (0.001,), 100.0),
)


def rows(case=CASE, figures=FIGURES):
    return block(case, figures, "fp32").splitlines()[2:]


def test_ratios_say_how_many_times_more_the_other_side_takes():
    ours, theirs, floor = (row.split() for row in rows())
    assert ours == ["ours", "2.00", "ms", "10.0", "MB"]
    assert theirs == ["theirs", "8.00", "ms", "4.00", "25.0", "MB", "2.50"]
    assert floor[:4] == ["floor", "1.00", "ms", "0.50"] and "ours takes 2.00 x" in rows()[2]


def test_columns_are_aligned():
    width = 2 + SIDE + TIME + RATIO + MEMORY
    ours, theirs, _ = rows()
    assert ours[:width].endswith("10.0 MB") and theirs[:width].endswith("25.0 MB")


def test_a_side_that_failed_is_named_and_the_others_stay():
    failed = Figures("theirs", failure="ended with code -9: no message")
    lines = rows(figures=(FIGURES[0], failed, FIGURES[2]))
    assert "2.00 ms" in lines[0] and "theirs: ended with code -9" in lines[1]
    figures = (FIGURES[0], FIGURES[1]._replace(peak=None, failure="memory: killed"), FIGURES[2])
    lines = rows(figures=figures)
    assert "8.00 ms" in lines[1] and lines[1].endswith("memory: killed")


def test_growth_is_time_for_each_node_and_rates_are_work_a_second():
    figures = (Figures("one", (0.002,), 1000.0), Figures("four", (0.004,), 4000.0))
    first, second = rows(CASE._replace(reading="per unit", sides=SIDES[:2]), figures)
    assert "2.00 us" in first and "1.00 us" in second and "4,000 nodes" in second
    figures = (Figures("copy", (0.5,), 1e10, "bytes"),)
    assert "20.0 G/s" in rows(CASE._replace(reading="rate", sides=SIDES[:1]), figures)[0]


def test_the_header_says_allocator_threads_and_that_quick_figures_mean_nothing():
    text = header(describe_machine(Setting(threads=2, quick=True, allocator="tuned")))
    for words in ("threads: 2", "THP_MEM_ALLOC_ENABLE=1", "PyTorch Geometric", "nothing else"):
        assert words in text
    assert "nothing else" not in header(describe_machine(Setting()))


def test_values_keep_every_single_time():
    values = json.loads(json.dumps(as_values(CASE, FIGURES, "fp32")))
    assert values["sides"][0]["seconds"] == [0.002, 0.001, 0.009]
    assert values["sides"][0]["median"] == 0.002 and values["precision"] == "fp32"
