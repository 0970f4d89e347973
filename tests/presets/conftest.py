"""Real recordings, read once."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor

from .material import read_bandai, read_openpose

CAMERA = "S00_Demo_BatchSession/S00_P01_MultiParticipants/S00_P01_T02_Participants1-2/pose"


@pytest.fixture(scope="session")
def bandai(shared: Path) -> list[Tensor]:
    return read_bandai(shared, (0, 500, 1000, 1500, 2901))


@pytest.fixture(scope="session")
def openpose(shared: Path) -> Tensor:
    return read_openpose(shared, f"{CAMERA}/cam01_json")
