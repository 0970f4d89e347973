"""A training run that kills itself, as a power cut would: a process of its own.

``python interrupted.py DATA OUT KILL_AT RESUME OPTIONS``: losses of all steps are appended to
``OUT/losses.txt``; before step KILL_AT (counted from 0) the process is killed; -1 is never.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch
from sets import read_sets, recognizer

from stgraph.train import fit


def turned(keypoints: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Chance in the data, so that a run that goes on must go on with the same."""
    return keypoints + 0.1 * torch.randn(keypoints.shape, generator=generator)


def main(data: Path, out: Path, kill_at: int, resume: str, options: dict[str, Any]) -> None:
    torch.set_num_threads(1)
    sets = read_sets(data, augment=turned)
    trained = recognizer(sets, **options)
    step = trained.training_step

    def watched(batch: Any) -> torch.Tensor:
        if trained.global_step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        loss = step(batch)
        with open(out / "losses.txt", "a") as file:
            file.write(f"{trained.global_step} {loss.item()!r}\n")
        return loss

    trained.training_step = watched  # type: ignore[method-assign]
    metrics = fit(trained, *sets, out, resume=resume or None)
    (out / "metrics.json").write_text(json.dumps(metrics))
    torch.save(trained.model.state_dict(), out / "weights.pt")


if __name__ == "__main__":
    _, data, out, kill_at, resume, options = sys.argv
    main(Path(data), Path(out), int(kill_at), resume, json.loads(options))
