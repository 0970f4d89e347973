"""Sides are run in turn, and every round of each is kept."""

from __future__ import annotations

import time

from stgraph.bench import paired_medians, times_in_turn


def test_sides_take_turns_after_their_warm_up():
    calls = []
    sides = [lambda: calls.append("a"), lambda: calls.append("b")]
    taken = times_in_turn(sides, rounds=3, warm_up=2)
    assert "".join(calls) == "aabb" + "ababab"
    assert [len(times) for times in taken] == [3, 3]


def test_the_clock_waits_for_work_that_is_still_running():
    taken = times_in_turn([lambda: None], rounds=2, wait=lambda: time.sleep(0.02))
    assert all(seconds >= 0.02 for seconds in taken[0])


def test_medians_tell_the_slower_side_and_do_not_mind_one_outlier():
    naps = iter([0.0, 0.01, 0.3, 0.01])
    fast, slow = paired_medians(lambda: time.sleep(next(naps)), lambda: time.sleep(0.05), rounds=3)
    assert 0.01 <= fast < 0.05 <= slow
