"""Every case runs on small sizes; what fails in another process is said."""

from __future__ import annotations

import pytest

from stgraph.bench import QUICK, Setting, all_cases, measure
from stgraph.bench.measure import time_sides

SETTING = Setting(quick=True, rounds=1)


@pytest.mark.parametrize("case", all_cases(QUICK), ids=lambda case: case.key)
def test_every_side_of_every_case_is_timed(case):
    rows = time_sides(case, SETTING)
    assert [row["side"] for row in rows] == [side.name for side in case.sides]
    assert all(len(row["seconds"]) == 1 and row["seconds"][0] > 0 for row in rows)
    assert all(row["amount"] > 0 for row in rows)


def test_figures_come_from_processes_of_their_own(tmp_path):
    (case,) = (case for case in all_cases(QUICK) if case.key == "infer-one")
    ours, theirs = measure(case, SETTING, memory=True)
    assert (ours.side, theirs.side) == tuple(side.name for side in case.sides)
    assert len(ours.seconds) == len(theirs.seconds) == 1
    assert ours.amount == 8 * 25 and theirs.amount == 2 * 24 * 25
    assert ours.peak is not None and theirs.peak is not None and not ours.failure


def test_a_process_that_fails_leaves_its_last_words():
    case = all_cases(QUICK)[0]._replace(key="nonsense")
    figures = measure(case, SETTING, memory=True)
    assert [row.side for row in figures] == [side.name for side in case.sides]
    assert all("no case 'nonsense'" in row.failure and not row.seconds for row in figures)
