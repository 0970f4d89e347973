"""Trials: networks that are trained and tested one by one or several at once, each in its folder.

What a trial found is kept beside its check points, so what is there is not trained again, and what
was interrupted goes on.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from stgraph.allocator import keep_freed_memory
from stgraph.cli.studies import Variant
from stgraph.cli.training import AUTO, Options, conclude, fit, make_sets, where_to_resume
from stgraph.evaluate import Evaluation

FILE, LOG = "trial.json", "log.txt"


class Trial(NamedTuple):
    """One network to train and test."""

    variant: Variant
    seed: int
    groups: Options
    folder: Path

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.variant.what}, seed {self.seed}"


class Result(NamedTuple):
    """What a network reached, or several whose scores are averaged; of a part the time is NaN."""

    variant: str
    seed: int
    top1: float
    top5: float
    mean_class: float
    parameters: int
    seconds: float

    @classmethod
    def of(cls, trial: Trial, found: Evaluation, parameters: int, seconds: float) -> Result:
        """With the accuracies of an evaluation."""
        shares = found.accuracy(), found.accuracy(5), found.mean_class_accuracy()
        return cls(trial.variant.name, trial.seed, *shares, parameters, seconds)


def make_trial(variant: Variant, seed: int, groups: Options, out: Path) -> Trial:
    """The trial of a variant's options with a seed, in its place under ``out``."""
    data, model, training = groups
    seeded = (data, model, replace(training, seed=seed))
    return Trial(variant, seed, seeded, out / variant.name / f"seed-{seed}")


def run_trials(trials: Sequence[Trial], jobs: int) -> Iterator[Result | str]:
    """Results in the order of the trials, or why there is none; ``jobs`` of them run at once."""
    if jobs == 1:
        yield from map(_attempt, trials)
        return
    context, others = multiprocessing.get_context("spawn"), multiprocessing.active_children()
    threads = max(1, torch.get_num_threads() // jobs)
    with ProcessPoolExecutor(jobs, context, initializer=_enter, initargs=(threads,)) as pool:
        try:
            yield from pool.map(_attempt, trials)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                if process not in others:
                    process.terminate()
            raise


def _enter(threads: int) -> None:
    keep_freed_memory()
    torch.set_num_threads(threads)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """End this process with the one that gives it work, however that ends."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _attempt(trial: Trial) -> Result | str:
    try:
        return run_trial(trial)
    except (ValueError, OSError, RuntimeError) as error:
        return str(error)


def run_trial(trial: Trial) -> Result:
    """Train and test a network, go on with it, or read what was found before."""
    found = known_result(trial)
    if found is not None:
        return found
    begun = _read(trial.folder).get("plan") == _plan(trial)
    if not begun:
        shutil.rmtree(trial.folder / "checkpoints", ignore_errors=True)
        trial.folder.mkdir(parents=True, exist_ok=True)
        _write(trial.folder, {"plan": _plan(trial)})
    mode = "a" if begun else "w"
    with (
        open(trial.folder / LOG, mode, buffering=1, encoding="utf-8") as log,
        redirect_stdout(log),
        redirect_stderr(log),
    ):
        found = _train(trial)
    _write(trial.folder, {"plan": _plan(trial), "result": found._asdict()})
    return found


def known_result(trial: Trial) -> Result | None:
    """What this trial found before, with these options."""
    known = _read(trial.folder)
    if known.get("plan") != _plan(trial) or "result" not in known:
        return None
    return Result(**known["result"])


def _train(trial: Trial) -> Result:
    data, model, training = trial.groups
    groups = (data, model, replace(training, devices=1))
    sets, start = make_sets(groups), time.monotonic()
    resume = where_to_resume(AUTO, trial.folder)
    network = fit(sets, groups, trial.folder, resume)
    seconds = time.monotonic() - start if resume is None else math.nan
    parameters = sum(value.numel() for value in network.parameters() if value.requires_grad)
    found = conclude(network, groups, trial.folder, trial.title)
    return Result.of(trial, found, parameters, seconds)


def _plan(trial: Trial) -> dict[str, Any]:
    data, model, training = trial.groups
    return {"data": asdict(data), "model": asdict(model), "training": asdict(training)}


def _read(folder: Path) -> dict[str, Any]:
    file = folder / FILE
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def _write(folder: Path, content: dict[str, Any]) -> None:
    """As a whole or not at all."""
    partial = folder / f"{FILE}.part"
    partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    partial.replace(folder / FILE)
