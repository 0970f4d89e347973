"""The paper's ablation, or a study of your own, on any data set: what each choice is worth."""

from __future__ import annotations

import csv
import json
import os
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch
from jsonargparse import ArgumentParser, Namespace

from stgraph import visualize
from stgraph.checkpoints import check_resume
from stgraph.cli import objects
from stgraph.cli.fusion import read_scores
from stgraph.cli.recipes import DEFAULT_RECIPES, ConfigOrRecipe
from stgraph.cli.studies import Variant, read_study, vary
from stgraph.cli.training import Options, conclude, fit, option_groups, where_to_resume
from stgraph.datasets import SkeletonDataset
from stgraph.fusion import fuse
from stgraph.options import DataOptions, ModelOptions, TrainingOptions


class Run(NamedTuple):
    """One network, trained and tested, or several whose scores are averaged."""

    variant: str
    seed: int
    top1: float
    top5: float
    parameters: int
    seconds: float


class Task(NamedTuple):
    """One network to train."""

    variant: Variant
    seed: int
    groups: Options
    folder: Path


def run_ablate(arguments: Namespace) -> None:
    """Train the paper's variants of the graph, or yours, several seeds each; write the table."""
    out, groups, study = Path(arguments.out), option_groups(arguments), read_study(arguments.study)
    names = arguments.variants or list(study)
    unknown = [name for name in names if name not in study]
    if unknown:
        raise ValueError(f"There is no variant '{unknown[0]}'; there are {', '.join(study)}.")
    if min(arguments.seeds, arguments.jobs) < 1:
        raise ValueError(
            f"--seeds and --jobs are at least 1, not {arguments.seeds} and {arguments.jobs}."
        )
    chosen = {name: study[name] for name in study if name in _with_parts(names, study)}
    tasks = [
        Task(variant, seed, vary(groups, variant, seed), out / variant.name / f"seed-{seed}")
        for seed in range(arguments.seeds)
        for variant in chosen.values()
        if not variant.fuse
    ]
    for variant in {task.variant.name: task for task in tasks}.values():
        make_sets(variant.groups)  # so that no two of the jobs make one set at once
    runs: list[Run] = []
    for task, run in zip(tasks, trained(tasks, arguments.jobs), strict=True):
        what, share = task.variant.what, 100 * run.top1
        print(f"{what}, seed {run.seed}: {share:.1f} %, {run.seconds:.0f} s", flush=True)
        runs.append(run)
        write_runs([*runs, *fused(chosen.values(), runs, out)], out, chosen)
    print(f"\n{(out / 'ablation.md').read_text()}\n{out}: ablation.md, ablation.png, ablation.csv")


def ablate_arguments(parser: ArgumentParser) -> None:
    """Arguments of :func:`run_ablate`."""
    parser.add_argument(
        "--config",
        "--recipe",
        action=ConfigOrRecipe,
        help=f"As in stgraph train; without one, the recipe {DEFAULT_RECIPES['ablate']}.",
    )
    parser.add_argument("--out", type=str, default="runs/ablation", help="Folder for the results.")
    parser.add_argument("--seeds", type=int, default=3, help="How often each variant is trained.")
    parser.add_argument(
        "--study", type=str, default="paper", help="The variants: paper, or a YAML file."
    )
    parser.add_argument("--variants", nargs="*", type=str, default=[], help="Some of the study's.")
    parser.add_argument(
        "--jobs", type=int, default=1, help="How many to train at once, sharing the cores."
    )
    parser.add_class_arguments(TrainingOptions)
    parser.add_class_arguments(DataOptions, "data")
    parser.add_class_arguments(ModelOptions, "model")


def _with_parts(names: Iterable[str], study: Mapping[str, Variant]) -> set[str]:
    """These variants, and those whose scores they take."""
    return {part for name in names for part in (name, *study[name].fuse)}


def make_sets(groups: Options) -> tuple[SkeletonDataset, SkeletonDataset]:
    """The clips of training and testing."""
    data, model, _ = groups
    graph = objects.clip_graph(objects.make_graph(objects.make_layout(data), model), model)
    return (
        objects.make_dataset(data, data.train_split, graph, training=True),
        objects.make_dataset(data, data.test_split, graph),
    )


def trained(tasks: Sequence[Task], jobs: int) -> Iterator[Run]:
    """The results of tasks in their order, of which ``jobs`` are at work at once."""
    if jobs == 1:
        yield from map(train_variant, tasks)
        return
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with ProcessPoolExecutor(
        jobs, get_context("spawn"), initializer=torch.set_num_threads, initargs=(threads,)
    ) as pool:
        yield from pool.map(train_variant, tasks)


def train_variant(task: Task) -> Run:
    """Train and test one network, go on with it, or read what was found before."""
    data, model, training = task.groups
    plan = {"data": asdict(data), "model": asdict(model), "training": asdict(training)}
    file = task.folder / "run-of-ablation.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    begun = known.get("plan") == plan
    if begun and known.get("run"):
        return Run(**known["run"])
    task.folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"plan": plan}, indent=2) + "\n", encoding="utf-8")
    log = task.folder / "log.txt"
    with open(log, "a" if begun else "w", buffering=1) as printed, redirect_stdout(printed):
        run = _trained(task, begun)
    file.write_text(json.dumps({"plan": plan, "run": run._asdict()}, indent=2) + "\n")
    return run


def _to_resume(task: Task) -> str | None:
    """The check point that an interruption left, unless it came after the last epoch."""
    resume = where_to_resume("auto", task.folder)
    if resume is not None:
        try:
            check_resume(resume, task.groups[2].epochs)
        except ValueError:
            return None
    return resume


def _trained(task: Task, begun: bool) -> Run:
    """The result of a training, from the check point in its folder on if it was ``begun`` before.

    Its seconds are those since it went on.
    """
    data, model, _ = task.groups
    train_set, test_set = make_sets(task.groups)
    graph = objects.make_graph(objects.make_layout(data), model)
    resume = _to_resume(task) if begun else None
    start = time.monotonic()
    network = fit(train_set, test_set, graph, task.groups, task.folder, resume)
    seconds = time.monotonic() - start
    title = f"{task.variant.what}, seed {task.seed}"
    found = conclude(network, task.groups, task.folder, title)
    parameters = sum(value.numel() for value in network.parameters() if value.requires_grad)
    top1, top5 = found.accuracy(), found.accuracy(5)
    return Run(task.variant.name, task.seed, top1, top5, parameters, seconds)


def fused(variants: Iterable[Variant], runs: Sequence[Run], out: Path) -> Iterator[Run]:
    """The fusions of those seeds whose parts are trained."""
    known = {(run.variant, run.seed): run for run in runs}
    for variant in variants:
        for seed in sorted({run.seed for run in runs}):
            parts = [known.get((name, seed)) for name in variant.fuse]
            if not parts or None in parts:
                continue
            each = [part for part in parts if part is not None]
            scores = [read_scores(out / part.variant / f"seed-{seed}").found for part in each]
            found = fuse(scores, list(variant.fuse.values()))
            parameters, seconds = sum(p.parameters for p in each), sum(p.seconds for p in each)
            top1, top5 = found.accuracy(), found.accuracy(5)
            yield Run(variant.name, seed, top1, top5, parameters, seconds)


def write_runs(runs: Sequence[Run], out: Path, study: Mapping[str, Variant]) -> None:
    """Write ``ablation.csv`` with all runs, and ``ablation.md`` and ``ablation.png`` of means."""
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "ablation.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(Run._fields)
        table.writerows(runs)
    rows = {
        variant.what: each
        for name, variant in study.items()
        if (each := [run for run in runs if run.variant == name])
    }
    (out / "ablation.md").write_text(ablation_table(rows), encoding="utf-8")
    found = {what: [100 * run.top1 for run in each] for what, each in rows.items()}
    visualize.save_figure(visualize.draw_comparison(found).figure, out / "ablation.png")


def ablation_table(rows: Mapping[str, Sequence[Run]]) -> str:
    """Markdown: mean and standard deviation over seeds of each variant."""
    lines = [
        "| variant | top-1, % | top-5, % | parameters | training, s |",
        "|---|---|---|---|---|",
    ]
    for what, each in rows.items():
        top1 = _spread([100 * run.top1 for run in each])
        top5 = _spread([100 * run.top5 for run in each])
        seconds = statistics.mean(run.seconds for run in each)
        cells = (what, top1, top5, f"{each[0].parameters:,}", f"{seconds:.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _spread(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"
