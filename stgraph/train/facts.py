"""What a run depends on besides its settings: versions, machine, state of the source."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import stgraph

PACKAGES = ("torch-geometric", "lightning", "torchmetrics", "numpy", "pyarrow")


def write_facts(path: Path, seed: int) -> None:
    """Write :func:`facts_of_run` as JSON; what an earlier start of the run wrote stays, in a list.

    A run that is resumed has several entries, one for each start.
    """
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([*before, facts_of_run(seed)], indent=2)
    path.write_text(text + "\n", encoding="utf-8")


def facts_of_run(seed: int) -> dict[str, Any]:
    """Plain values: when, by which command, with which versions, on what, of which commit."""
    return {
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": sys.argv,
        "seed": seed,
        "versions": {
            "stgraph": stgraph.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,  # with the kind of build, which its metadata leave out
            **{name: _version(name) for name in PACKAGES},
        },
        "machine": {
            "system": platform.platform(),
            "cpus": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpus": [
                torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())
            ],
        },
        "git": {
            "stgraph": git_state(Path(stgraph.__file__).parent),
            "folder": git_state(Path.cwd()),
        },
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit and changed files of the repository that a folder is in; ``None`` without one."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "changed": [line[2:].strip() for line in changed.splitlines()]}


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=9,
    )
    return done.stdout.rstrip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
