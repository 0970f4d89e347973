"""What all tests share: real recordings, seeds, threads, drawings without a screen, extensions."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
THREADS = max(1, 2 // WORKERS)
# Set before torch and matplotlib are imported, and inherited by the commands that tests start.
os.environ.setdefault("OMP_NUM_THREADS", str(THREADS))
os.environ.setdefault("MPLBACKEND", "Agg")

import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
import torch_geometric.typing  # noqa: E402

torch.set_num_threads(THREADS)
hypothesis.settings.register_profile("unhurried", deadline=None)  # on machines that do more
hypothesis.settings.load_profile("unhurried")

REPOSITORY = Path(__file__).resolve().parent.parent
EXTENSIONS = ("torch_scatter", "torch_sparse", "pyg_lib")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real recordings and published numbers, which is no part of the repository."""
    folder = Path(os.environ.get("STGRAPH_SHARED", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs the folder {folder}, which is absent; STGRAPH_SHARED names another")
    return folder


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same random numbers in every test, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture
def enable_extensions() -> None:
    """PyG as it was installed."""


@pytest.fixture
def disable_extensions(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyG as if torch-scatter, torch-sparse and pyg-lib were not installed."""
    for flag in vars(torch_geometric.typing).copy():
        if flag.startswith("WITH_") and not flag.startswith(("WITH_PT", "WITH_WINDOWS")):
            monkeypatch.setattr(torch_geometric.typing, flag, False)
    for package in EXTENSIONS:
        monkeypatch.setitem(sys.modules, package, None)


@pytest.fixture
def without_extensions(request: pytest.FixtureRequest) -> bool:
    """For `torch_geometric.testing.withoutExtensions`, which runs a test both ways."""
    request.getfixturevalue(request.param)
    return bool(request.param == "disable_extensions")
