"""Training, and the demo."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import NamedTuple

from jsonargparse import ArgumentParser, Namespace

from stgraph import datasets, visualize
from stgraph.checkpoints import (
    LAST,
    check_resume,
    check_same_network,
    describe,
    epochs_done,
    read_run,
)
from stgraph.cli import objects
from stgraph.cli.checkpoints import device_of, write_tables
from stgraph.cli.recipes import ConfigOrRecipe, recipe_names
from stgraph.evaluate import Evaluation, evaluate
from stgraph.graph import SkeletonGraph
from stgraph.nn import SkeletonNetwork
from stgraph.options import DataOptions, ModelOptions, TrainingOptions
from stgraph.processes import place
from stgraph.report import write_report

Options = tuple[DataOptions, ModelOptions, TrainingOptions]
AUTO = "auto"

DEMO = (
    DataOptions(
        performers=24, align=["spine base", "spine mid", "left shoulder", "right shoulder"]
    ),
    ModelOptions(blocks="small", dropout=0.0),
    TrainingOptions(
        epochs=12, batch_size=8, learning_rate=0.1, learning_rate_batch=8, weight_decay=1e-4
    ),
)


def run_train(arguments: Namespace) -> None:
    """Train a network; everything lands in --out."""
    out = Path(arguments.out)
    groups = option_groups(arguments)
    resume = where_to_resume(arguments.resume, out)
    if resume is not None and arguments.resume != AUTO:
        check_resume(resume, groups[2].epochs)
    network = fit(make_sets(groups), groups, out, resume)
    found = conclude(network, groups, out)
    if place()[0] == 0:
        print(f"{len(found.names)} test clips: {found.summary()}")
        print(f"{out}: report.md, figures, evaluation, checkpoints, metrics.csv and more")


def train_arguments(parser: ArgumentParser) -> None:
    """Arguments of :func:`run_train`."""
    parser.add_argument(
        "--config",
        "--recipe",
        action=ConfigOrRecipe,
        help="A YAML file of these options; with --recipe one of the package, by its name: "
        f"{', '.join(recipe_names())}. Options that are written down win over files.",
    )
    parser.add_argument("--out", type=str, default="runs/train", help="Folder for the results.")
    parser.add_argument(
        "--resume",
        type=str | None,
        default=None,
        help=f"Check point to go on from, or the folder of its run; {AUTO}: that of --out, if any.",
    )
    parser.add_class_arguments(TrainingOptions)
    parser.add_class_arguments(DataOptions, "data")
    parser.add_class_arguments(ModelOptions, "model")


def where_to_resume(asked: str | None, out: Path) -> str | None:
    """The check point to go on from, if any.

    Raises:
        ValueError: If there is a run already where a new one is to be written.
    """
    there = (out / LAST).exists()
    if asked == AUTO:
        return str(out) if there else None
    if asked is None and there:
        raise ValueError(
            f"There is a run in {out} already; go on with it (--resume {out}), write elsewhere "
            "(--out), or delete it."
        )
    return asked


def run_demo(arguments: Namespace) -> None:
    """Generate clips, train a small network on them, evaluate and draw: a first look."""
    out = Path(arguments.out)
    data, model, training = DEMO
    data = replace(data, root=arguments.root, performers=arguments.performers)
    training = replace(training, epochs=arguments.epochs)
    groups = (data, model, training)
    print(f"1/4  clips as .skeleton files in {data.root}")
    sets = make_sets(groups)
    print(f"2/4  training on {len(sets.train)} clips, testing on {len(sets.test)}")
    network = fit(sets, groups, out, None)
    print("3/4  evaluating on performers it has not seen")
    found = conclude(network, groups, out)
    print("4/4  drawing")
    panels = visualize.draw_partitions(sets.graph.layout)
    visualize.save_figure(panels[0].figure, out / "partitions.png")
    visualize.save_figure(visualize.draw_clip(sets.test[0]).figure, out / "clip.png")
    print(
        f"\ntop-1 accuracy {100 * found.accuracy():.1f} % on {len(sets.test)} clips of unseen "
        f"performers\nreport: {out}/report.md  pictures: {out}/*.png\n"
        f"try: stgraph predict --checkpoint {out}/checkpoints/last.ckpt FILE.skeleton"
    )


def demo_arguments(parser: ArgumentParser) -> None:
    """Arguments of :func:`run_demo`."""
    parser.add_argument("--out", type=str, default="runs/demo", help="Folder for the results.")
    parser.add_argument("--root", type=str, default=DataOptions.root, help="Folder for clips.")
    parser.add_argument("--epochs", type=int, default=DEMO[2].epochs)
    parser.add_argument("--performers", type=int, default=DEMO[0].performers)


def option_groups(arguments: Namespace) -> Options:
    """The options of data, network and training that a command line gives."""
    return (
        DataOptions(**arguments.data.as_dict()),
        ModelOptions(**arguments.model.as_dict()),
        TrainingOptions(**{field.name: arguments[field.name] for field in fields(TrainingOptions)}),
    )


class Sets(NamedTuple):
    """The labelled frame of a network, and the clips that it is trained and tested on."""

    graph: SkeletonGraph
    train: datasets.SkeletonDataset
    test: datasets.SkeletonDataset


def make_sets(groups: Options) -> Sets:
    """The graph and the clips that the options ask for.

    Raises:
        ValueError: If they mean nothing, or the last evaluation would take equal clips for several.
    """
    data, model, training = groups
    graph = objects.make_graph(objects.make_layout(data), model)
    clip_graph = objects.clip_graph(graph, model)
    objects.check_draws(data, training.test_clips)
    return Sets(
        graph,
        objects.make_dataset(data, data.train_split, clip_graph, training=True),
        objects.make_dataset(data, data.test_split, clip_graph),
    )


def fit(sets: Sets, groups: Options, out: Path, resume: str | None) -> SkeletonNetwork:
    """Train a fresh network, or the one of a check point until it has had all its epochs."""
    from stgraph import train  # Lightning takes seconds to import; only training needs it.

    data, model, training = groups
    train.seed_everything(training.seed)
    weights = None
    if training.class_weights == "balanced":
        weights = train.balanced_weights(sets.train.labels, sets.train.num_classes)
    recognizer = train.ActionRecognizer(
        objects.make_model(sets.train, model, sets.graph),
        training,
        sets.train.class_names,
        asdict(data),
        weights,
    )
    if resume is not None:
        known = read_run(resume)
        description = describe(recognizer.model, recognizer.class_names, recognizer.data)
        check_same_network(known, description)
        if epochs_done(known) >= training.epochs:
            recognizer.load_state_dict(known["state_dict"])
            return recognizer.model
    config = objects.config_text(training, data=data, model=model)
    train.fit(recognizer, sets.train, sets.test, out, resume=resume, config=config)
    return recognizer.model


def conclude(
    network: SkeletonNetwork, groups: Options, out: Path, title: str | None = None
) -> Evaluation:
    """Evaluate the trained network and write tables, pictures and the report of the run."""
    data, _, training = groups
    draws = training.test_clips
    clips = objects.make_dataset(data, data.test_split, network.graph, draws=draws)
    device = device_of("cpu" if training.accelerator == "cpu" else "auto")
    found = evaluate(network.to(device), clips, workers=training.workers, draws=draws)
    if place()[0] == 0:
        about = {
            "clips of": f"{data.name}, {data.stream} stream, split {data.test_split}",
            "epochs": training.epochs,
            "seed": training.seed,
        }
        write_tables(found, out / "evaluation")
        frames, title = clips.facts("frames"), title or out.name
        write_report(out, found, network, frames, title=title, about=about)
    return found
