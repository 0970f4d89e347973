"""The paper's ablation, on any data set: what each choice of the graph is worth."""

from __future__ import annotations

import csv
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from jsonargparse import ArgumentParser, Namespace

from stgraph import visualize
from stgraph.cli import objects
from stgraph.cli.recipes import ConfigOrRecipe
from stgraph.cli.training import Options, conclude, fit, option_groups
from stgraph.options import DataOptions, ModelOptions, TrainingOptions

PLAIN: dict[str, Any] = {"edge_importance": False}
VARIANTS: dict[str, dict[str, Any]] = {
    "temporal": {"partition": "uniform", "max_hop": 0, **PLAIN},
    "local": {"partition": "local", **PLAIN},
    "uniform": {"partition": "uniform", **PLAIN},
    "distance-star": {
        "partition": "uniform",
        "normalization": "random_walk_laplacian",
        **PLAIN,
    },
    "distance": {"partition": "distance", **PLAIN},
    "spatial": {"partition": "spatial", **PLAIN},
    "spatial-2018": {"partition": "spatial_2018", **PLAIN},
    "spatial-importance": {"partition": "spatial", "edge_importance": True},
    "spatial-2018-importance": {"partition": "spatial_2018", "edge_importance": True},
    "product": {"partition": "spatial", "temporal": "product", **PLAIN},
    "product-importance": {"partition": "spatial", "temporal": "product", "edge_importance": True},
}
WHAT = {
    "temporal": "temporal convolution alone",
    "local": "local (unshared) convolution",
    "uniform": "uni-labeling",
    "distance-star": "distance*",
    "distance": "distance",
    "spatial": "spatial configuration",
    "spatial-2018": "spatial as released",
    "spatial-importance": "spatial + edge importance",
    "spatial-2018-importance": "spatial as released + edge importance",
    "product": "spatial, product over time",
    "product-importance": "spatial, product + edge importance",
}

# The embedded clips, two narrow blocks.
EMBEDDED = (
    DataOptions(performers=12, every=2),
    ModelOptions(blocks=[[24, 2], [48, 2]], dropout=0.0, temporal_kernel=9),
    TrainingOptions(epochs=8, batch_size=8, learning_rate=0.1, learning_rate_batch=8),
)


class Run(NamedTuple):
    """One network, trained and tested."""

    variant: str
    seed: int
    top1: float
    top5: float
    parameters: int
    seconds: float


def run_ablate(arguments: Namespace) -> None:
    """Train the paper's variants of the graph, several seeds each, and write the table."""
    out, groups = Path(arguments.out), option_groups(arguments)
    variants = arguments.variants or list(VARIANTS)
    unknown = [name for name in variants if name not in VARIANTS]
    if unknown:
        raise ValueError(f"There is no variant '{unknown[0]}'; there are {', '.join(VARIANTS)}.")
    if arguments.seeds < 1:
        raise ValueError(f"--seeds is at least 1, not {arguments.seeds}.")
    runs = []
    for seed in range(arguments.seeds):
        for variant in variants:
            runs.append(train_variant(variant, seed, groups, out))
            write_runs(runs, out)
    print(f"\n{ablation_table(runs)}\n{out}: ablation.md, ablation.png, ablation.csv")


def ablate_arguments(parser: ArgumentParser) -> None:
    """Arguments of :func:`run_ablate`."""
    data, model, training = EMBEDDED
    parser.add_argument("--config", "--recipe", action=ConfigOrRecipe, help="As in stgraph train.")
    parser.add_argument("--out", type=str, default="runs/ablation", help="Folder for the results.")
    parser.add_argument("--seeds", type=int, default=3, help="How often each variant is trained.")
    parser.add_argument(
        "--variants", nargs="*", type=str, default=[], help=f"Some of {', '.join(VARIANTS)}."
    )
    parser.add_class_arguments(TrainingOptions)
    parser.add_class_arguments(DataOptions, "data")
    parser.add_class_arguments(ModelOptions, "model")
    nested = {"data": asdict(data), "model": asdict(model)}
    parser.set_defaults(
        asdict(training)
        | {f"{group}.{key}": value for group in nested for key, value in nested[group].items()}
    )


def train_variant(variant: str, seed: int, groups: Options, out: Path) -> Run:
    """Train and test one network, or read what was found before."""
    data, model, training = groups
    folder = out / variant / f"seed-{seed}"
    chosen = (data, replace(model, **VARIANTS[variant]), replace(training, seed=seed))
    plan = {"data": asdict(data), "model": asdict(chosen[1]), "training": asdict(chosen[2])}
    known = folder / "run-of-ablation.json"
    if known.is_file():
        found = json.loads(known.read_text(encoding="utf-8"))
        if found["plan"] == plan:
            return Run(**found["run"])
    print(f"\n{WHAT[variant]}, seed {seed}: {folder}", flush=True)
    run = _trained(variant, seed, chosen, folder)
    known.write_text(json.dumps({"plan": plan, "run": run._asdict()}, indent=2) + "\n")
    return run


def _trained(variant: str, seed: int, groups: Options, folder: Path) -> Run:
    data, model, training = groups
    graph = objects.make_graph(objects.make_layout(data), model)
    clip_graph = objects.clip_graph(graph, model)
    train_set = objects.make_dataset(data, data.train_split, clip_graph, training=True)
    test_set = objects.make_dataset(data, data.test_split, clip_graph)
    start = time.monotonic()
    network = fit(train_set, test_set, graph, groups, folder, None)
    seconds = time.monotonic() - start
    found = conclude(network, groups, folder)
    parameters = sum(value.numel() for value in network.parameters() if value.requires_grad)
    return Run(variant, seed, found.accuracy(), found.accuracy(5), parameters, seconds)


def write_runs(runs: Sequence[Run], out: Path) -> None:
    """Write ``ablation.csv`` with all runs, and ``ablation.md`` and ``ablation.png`` of means."""
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "ablation.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(Run._fields)
        table.writerows(runs)
    (out / "ablation.md").write_text(ablation_table(runs), encoding="utf-8")
    found = {WHAT[name]: [100 * run.top1 for run in each] for name, each in _grouped(runs).items()}
    visualize.save_figure(visualize.draw_comparison(found).figure, out / "ablation.png")


def ablation_table(runs: Sequence[Run]) -> str:
    """Markdown: mean and standard deviation over seeds of each variant."""
    lines = [
        "| graph | top-1, % | top-5, % | parameters | training, s |",
        "|---|---|---|---|---|",
    ]
    for variant, each in _grouped(runs).items():
        top1 = _spread([100 * run.top1 for run in each])
        top5 = _spread([100 * run.top5 for run in each])
        seconds = statistics.mean(run.seconds for run in each)
        cells = (WHAT[variant], top1, top5, f"{each[0].parameters:,}", f"{seconds:.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _grouped(runs: Sequence[Run]) -> Mapping[str, list[Run]]:
    found: dict[str, list[Run]] = {name: [] for name in VARIANTS}
    for run in runs:
        found[run.variant].append(run)
    return {name: each for name, each in found.items() if each}


def _spread(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"
