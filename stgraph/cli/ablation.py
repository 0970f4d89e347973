"""The paper's ablation, or a study of your own, on any data set: what each choice is worth."""

from __future__ import annotations

import csv
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from stgraph import visualize
from stgraph.cli.fusion import read_scores
from stgraph.cli.recipes import DEFAULT_RECIPES, ConfigOrRecipe
from stgraph.cli.studies import Variant, read_study, vary
from stgraph.cli.training import Options, make_sets, option_groups
from stgraph.cli.trials import LOG, Result, Trial, known_result, make_trial, run_trials
from stgraph.fusion import fuse
from stgraph.options import DataOptions, ModelOptions, TrainingOptions
from stgraph.report import markdown_table

Study = Mapping[str, tuple[Variant, Options]]


def run_ablate(arguments: Namespace) -> None:
    """Train the paper's variants of the graph, or yours, several seeds each; write the table."""
    out = Path(arguments.out or f"runs/ablation-{Path(arguments.study).stem}")
    shared, variants = option_groups(arguments), read_study(arguments.study)
    study = {name: (variant, vary(shared, variant)) for name, variant in variants.items()}
    _check(study, arguments, shared[2])
    rows = chosen(study, arguments.variants)
    for _, groups in rows:  # now, so that no two jobs make one set, and bad options are refused
        make_sets(groups)
    trials = [
        make_trial(variant, seed, groups, out)
        for seed in range(arguments.seeds)
        for variant, groups in rows
    ]
    print(f"{len(trials)} trainings, {arguments.jobs} at once; each prints to {LOG} in its folder")
    failed = []
    for trial, found in zip(trials, run_trials(trials, arguments.jobs), strict=True):
        if isinstance(found, str):
            failed.append(trial.title)
            print(f"{trial.title}: failed. {found}", flush=True)
            continue
        print(f"{trial.title}: {100 * found.top1:.1f} %, {trial.folder}", flush=True)
        write_results(study, out)
    if failed:
        raise ValueError(f"{len(failed)} of {len(trials)} trainings failed: {', '.join(failed)}.")
    print(f"\n{(out / 'ablation.md').read_text()}\n{out}: ablation.md, ablation.png, ablation.csv")


def ablate_arguments(parser: ArgumentParser) -> None:
    """Arguments of :func:`run_ablate`."""
    parser.add_argument(
        "--config",
        "--recipe",
        action=ConfigOrRecipe,
        help=f"As in stgraph train; without one, the recipe {DEFAULT_RECIPES['ablate']}.",
    )
    parser.add_argument(
        "--out", type=str, default="", help="Folder for the results; runs/ablation-STUDY if none."
    )
    parser.add_argument("--seeds", type=int, default=3, help="How often each variant is trained.")
    parser.add_argument(
        "--study", type=str, default="paper", help="The variants: paper, or a YAML file."
    )
    parser.add_argument(
        "--variants", nargs="*", type=str, default=[], help="Train these of the study alone."
    )
    parser.add_argument(
        "--jobs", type=int, default=1, help="How many to train at once, sharing the cores."
    )
    parser.add_class_arguments(TrainingOptions)
    parser.add_class_arguments(DataOptions, "data")
    parser.add_class_arguments(ModelOptions, "model")


def chosen(study: Study, names: Sequence[str]) -> list[tuple[Variant, Options]]:
    """The variants of these names that are trained, the parts of fusions among them; none: all."""
    wanted = {part for name in names or study for part in (name, *study[name][0].fuse)}
    return [study[name] for name in study if name in wanted and not study[name][0].fuse]


def _check(study: Study, arguments: Namespace, training: TrainingOptions) -> None:
    unknown = [name for name in arguments.variants if name not in study]
    if unknown:
        raise ValueError(f"There is no variant '{unknown[0]}'; there are {', '.join(study)}.")
    if min(arguments.seeds, arguments.jobs) < 1:
        raise ValueError(
            f"--seeds and --jobs are at least 1, not {arguments.seeds} and {arguments.jobs}."
        )
    if training.devices not in ("auto", 1) or training.num_nodes != 1:
        raise ValueError(
            "Each variant is trained on one device; leave out --devices and --num_nodes, and take "
            "--jobs, or start the study on each device with --variants of its own."
        )
    for variant, _ in study.values():
        clips = {
            (data.name, data.root, data.test_split)
            for data in (study[part][1][0] for part in variant.fuse)
        }
        if len(clips) > 1:
            raise ValueError(f"Variant {variant.name} fuses scores of other clips: {clips}.")


def results(study: Study, out: Path) -> list[Result]:
    """What lies in the folder of a study's variants with these options, fusions included."""
    trained = {
        (variant.name, trial.seed): (trial, result)
        for variant, groups in study.values()
        for trial in _trials_in(out, variant, groups)
        if (result := known_result(trial)) is not None
    }
    found: list[Result] = []
    for variant, groups in study.values():
        for seed in sorted({seed for _, seed in trained}):
            if (variant.name, seed) in trained:
                found.append(trained[variant.name, seed][1])
            elif variant.fuse and all((part, seed) in trained for part in variant.fuse):
                parts = [trained[part, seed] for part in variant.fuse]
                found.append(_fused(make_trial(variant, seed, groups, out), parts))
    return found


def _trials_in(out: Path, variant: Variant, groups: Options) -> Iterator[Trial]:
    for folder in (out / variant.name).glob("seed-*"):
        seed = folder.name.removeprefix("seed-")
        if seed.isdigit():
            yield make_trial(variant, int(seed), groups, out)


def _fused(trial: Trial, parts: Sequence[tuple[Trial, Result]]) -> Result:
    scores = [read_scores(part.folder).found for part, _ in parts]
    fused = fuse(scores, list(trial.variant.fuse.values()))
    parameters, seconds = (
        sum(values) for values in zip(*((r.parameters, r.seconds) for _, r in parts), strict=True)
    )
    return Result.of(trial, fused, int(parameters), seconds)


def write_results(study: Study, out: Path) -> None:
    """Write ``ablation.csv`` with all results, ``ablation.md`` and ``ablation.png`` of means."""
    found = results(study, out)
    with open(out / "ablation.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(Result._fields)
        table.writerows(found)
    rows = {
        variant.what: each
        for name, (variant, _) in study.items()
        if (each := [result for result in found if result.variant == name])
    }
    (out / "ablation.md").write_text(ablation_table(rows), encoding="utf-8")
    shares = {what: [100 * result.top1 for result in each] for what, each in rows.items()}
    visualize.save_figure(visualize.draw_comparison(shares).figure, out / "ablation.png")


def ablation_table(rows: Mapping[str, Sequence[Result]]) -> str:
    """Markdown: mean and standard deviation over seeds of each variant."""
    header = ("variant", "top-1, %", "mean of classes, %", "top-5, %", "parameters", "training, s")
    cells = [
        (
            what,
            _spread([result.top1 for result in each]),
            _spread([result.mean_class for result in each]),
            _spread([result.top5 for result in each]),
            f"{each[0].parameters:,}",
            _mean([result.seconds for result in each]),
        )
        for what, each in rows.items()
    ]
    return markdown_table(header, cells) + "\n"


def _spread(shares: Sequence[float]) -> str:
    mean = f"{100 * statistics.mean(shares):.1f}"
    return mean if len(shares) == 1 else f"{mean} ± {100 * statistics.stdev(shares):.1f}"


def _mean(seconds: Sequence[float]) -> str:
    known = [each for each in seconds if not math.isnan(each)]
    return f"{statistics.mean(known):.0f}" if known else "-"
