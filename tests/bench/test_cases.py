"""The table has the cases that it promises, and they can be chosen."""

from __future__ import annotations

import pytest

from stgraph.bench import FULL, QUICK, Setting, all_cases, chosen_cases

CASES = {case.key: case for case in all_cases()}


def names(key):
    return [side.name for side in CASES[key].sides]


def test_every_case_has_a_key_of_its_own_and_another_side():
    assert len(CASES) == len(all_cases()) == len(all_cases(QUICK))
    assert all(len(case.sides) >= 2 for case in CASES.values())


@pytest.mark.parametrize(
    "key", ["train-ragged", "train-full", "train-100", "infer-ragged", "infer-one"]
)
def test_networks_are_compared_with_the_dense_program(key):
    ours, theirs = names(key)
    assert ours == "STGCN" and theirs.startswith("dense ST-GCN")


@pytest.mark.parametrize("key", [key for key in CASES if key.startswith("conv")])
def test_layers_are_compared_with_those_of_pyg(key):
    ours, theirs = names(key)[:2]
    assert ours.startswith("STGCNConv")
    assert "RGCNConv" in theirs or (key == "conv-bodies-64" and "Conv2d((9, 1))" in theirs)


def test_cases_are_chosen_by_name_and_come_in_the_order_of_the_table():
    chosen = chosen_cases(FULL, ["growth", "train-ragged"])
    assert [case.key for case in chosen] == ["train-ragged", "growth"]
    with pytest.raises(ValueError, match=r"no case 'train'.*train-ragged"):
        chosen_cases(FULL, ["train"])


def test_sides_that_take_long_get_fewer_rounds_and_never_more_than_asked_for():
    case = CASES["conv-spatial-fast"]
    assert [case.rounds(Setting(rounds=rounds)) for rounds in (1, 2, 9)] == [1, 2, 2]
