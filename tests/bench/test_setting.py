"""A setting reaches the measuring process as it was, and is checked at the door."""

from __future__ import annotations

import pytest
import torch

from stgraph.bench import Setting


def test_a_setting_survives_the_way_to_another_process():
    setting = Setting("cpu", "bf16", 2, 7, True, "lengths.txt", 3, "tuned")
    assert Setting.from_json(setting.to_json()) == setting


def test_the_allocator_is_set_in_the_environment_for_both_choices():
    tuned, plain = (Setting(allocator=name).environment for name in ("tuned", "plain"))
    assert tuned["THP_MEM_ALLOC_ENABLE"] == "1" and plain["THP_MEM_ALLOC_ENABLE"] == "0"


@pytest.mark.parametrize("wrong", [{"threads": 0}, {"rounds": 0}])
def test_settings_that_measure_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match="at least 1"):
        Setting(**wrong)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused_with_a_remedy():
    with pytest.raises(ValueError, match="--device cpu"):
        Setting(device="cuda")
