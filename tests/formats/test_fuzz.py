"""A few hostile files for every reader; `python -m tests.formats.fuzz` makes many."""

from __future__ import annotations

import pytest

from .cases import CASES
from .fuzzing import fuzz


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile_files_are_read_or_refused_by_name(case, tmp_path):
    fuzz(case, 300, tmp_path)
