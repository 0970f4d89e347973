"""The command ``stgraph``: train, evaluate, predict, draw, demo."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser, Namespace
from torch_geometric.data import Batch

from stgraph import datasets, options, transforms, visualize
from stgraph.build import build_clip
from stgraph.checkpoints import (
    Checkpoint,
    check_resume,
    check_same_network,
    describe,
    read_checkpoint,
)
from stgraph.evaluate import Evaluation, evaluate, predict_logits
from stgraph.graph import SkeletonData
from stgraph.options import DataOptions, ModelOptions, TrainingOptions

Options = tuple[DataOptions, ModelOptions, TrainingOptions]

DEMO = (
    DataOptions(performers=24),
    ModelOptions(blocks="small", dropout=0.0),
    TrainingOptions(epochs=12, batch_size=8, learning_rate=0.1, weight_decay=1e-4),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 0, 1 for bad input, 2 for bad arguments.

    Set ``STGRAPH_TRACEBACK=1`` to see where an error comes from.
    """
    chosen = _parser().parse_args(arguments)
    command = chosen.subcommand
    try:
        run, _ = COMMANDS[command]
        run(chosen[command])
    except (ValueError, OSError, RuntimeError) as error:
        if os.environ.get("STGRAPH_TRACEBACK"):
            raise
        print(f"stgraph {command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"stgraph {command}: stopped.", file=sys.stderr)
        return 130
    return 0


def run_train(arguments: Namespace) -> None:
    """Train a network; everything lands in --out."""
    out = Path(arguments.out)
    data, model, training = _groups(arguments)
    if arguments.resume is not None:
        check_resume(arguments.resume, training.epochs)
    graph = options.make_graph(options.make_layout(data), model)
    train_set = options.make_dataset(data, "train", graph, training=True)
    test_set = options.make_dataset(data, data.test_split, graph)
    metrics = _fit(train_set, test_set, (data, model, training), out, arguments.resume)
    print(f"last epoch: test top-1 {100 * metrics['val_top1']:.2f} %. Results lie in {out}")


def run_evaluate(arguments: Namespace) -> None:
    """Measure a check point on a labelled split: metrics, per-class table, confusion matrix."""
    checkpoint = read_checkpoint(arguments.checkpoint)
    checkpoint.model.to(_device(arguments.device))
    changed = {key: arguments[key] for key in ("root", "name") if arguments[key]}
    if arguments.split:
        changed["test_split"] = arguments.split
    if not checkpoint.data:
        raise ValueError(
            f"{arguments.checkpoint} does not say how clips are prepared; evaluate check points "
            "of stgraph train, or others in Python with stgraph.evaluate."
        )
    data = replace(DataOptions(**checkpoint.data), **changed)
    clips = options.make_dataset(data, data.test_split, checkpoint.model.graph)
    if clips.class_names != checkpoint.class_names:
        raise ValueError(
            f"The check point knows {len(checkpoint.class_names)} classes, the data set "
            f"{len(clips.class_names)}, and their names differ; evaluate on the set it was "
            "trained for."
        )
    out = Path(arguments.out or Path(arguments.checkpoint).parent.parent / "evaluation")
    found = evaluate(
        checkpoint.model, clips, batch_size=arguments.batch_size, workers=arguments.workers
    )
    _write_evaluation(found, out)


def run_predict(arguments: Namespace) -> None:
    """Name the most probable classes of clips in .skeleton or .npy files."""
    checkpoint = read_checkpoint(arguments.checkpoint)
    checkpoint.model.to(_device(arguments.device))
    if arguments.top < 1:
        raise ValueError(f"--top is at least 1, not {arguments.top}.")
    for path in arguments.files:
        clip = _read_clip(Path(path), checkpoint)
        share = predict_logits(checkpoint.model, Batch.from_data_list([clip]))[0].softmax(dim=0)
        best = share.topk(min(arguments.top, len(share)))
        print(path)
        for value, index in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            print(f"  {100 * value:5.1f} %  {checkpoint.class_names[index]}")


def run_draw(arguments: Namespace) -> None:
    """Draw a layout, the partition strategies on it, or a clip as a graph."""
    out = Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    layout = options.layout_by_name(arguments.layout)
    if arguments.what == "layout":
        figure = visualize.draw_layout(layout).figure
    elif arguments.what == "partitions":
        target = None if arguments.target is None else layout.index(arguments.target)
        figure = visualize.draw_partitions(layout, target=target, released=arguments.released)
    else:
        if arguments.clip is None:
            raise ValueError("stgraph draw clip needs --clip FILE (.skeleton or .npy).")
        graph = options.make_graph(layout, ModelOptions(temporal_kernel=3))
        keypoints = _read_keypoints(Path(arguments.clip), graph.num_joints)
        seen = transforms.visible(keypoints)
        figure = visualize.draw_clip(build_clip(keypoints, graph, visible=seen)).figure
    _save(figure, out)
    print(f"drawn: {out}")


def run_demo(arguments: Namespace) -> None:
    """Generate clips, train a small network on them, evaluate and draw: a first look."""
    out = Path(arguments.out)
    data, model, training = DEMO
    data = replace(data, root=arguments.root, performers=arguments.performers)
    training = replace(training, epochs=arguments.epochs)
    graph = options.make_graph(options.make_layout(data), model)
    print(f"1/4  clips as .skeleton files in {data.root}")
    train_set = options.make_dataset(data, "train", graph, training=True)
    test_set = options.make_dataset(data, "test", graph)
    print(f"2/4  training on {len(train_set)} clips, testing on {len(test_set)}")
    _fit(train_set, test_set, (data, model, training), out, None)
    print("3/4  evaluating the last check point on performers it has not seen")
    checkpoint = read_checkpoint(out / "checkpoints" / "last.ckpt")
    found = evaluate(checkpoint.model, test_set)
    _write_evaluation(found, out / "evaluation")
    print("4/4  drawing")
    _save(visualize.draw_partitions(graph.layout), out / "partitions.png")
    _save(visualize.draw_clip(test_set[0]).figure, out / "clip.png")
    print(
        f"\ntop-1 accuracy {100 * found.accuracy():.1f} % on {len(test_set)} clips of unseen "
        f"performers\nresults: {out}/evaluation  pictures: {out}/*.png\n"
        f"try: stgraph predict --checkpoint {out}/checkpoints/last.ckpt FILE.skeleton"
    )


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="stgraph", description=__doc__)
    commands = parser.add_subcommands()
    for name, (command, add_arguments) in COMMANDS.items():
        sub = ArgumentParser(description=command.__doc__)
        add_arguments(sub)
        commands.add_subcommand(name, sub, help=command.__doc__)
    return parser


def _train_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--config", action="config", help="A YAML file of these options.")
    parser.add_argument("--out", type=str, default="runs/train", help="Folder for the results.")
    parser.add_argument(
        "--resume", type=str | None, default=None, help="Check point to go on from."
    )
    parser.add_class_arguments(TrainingOptions)
    parser.add_class_arguments(DataOptions, "data")
    parser.add_class_arguments(ModelOptions, "model")


def _evaluate_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=str, help="Written by stgraph train.")
    parser.add_argument("--name", type=str | None, default=None, help="Another data set.")
    parser.add_argument("--root", type=str | None, default=None, help="Its folder.")
    parser.add_argument("--split", type=str | None, default=None, help="Its split.")
    parser.add_argument("--out", type=str | None, default=None, help="Folder for the tables.")
    parser.add_argument("--workers", type=int, default=1, help="Processes that read clips.")
    parser.add_argument("--batch_size", type=int, default=16, help="Clips at once.")
    parser.add_argument("--device", type=str, default="auto", help="cpu, cuda ... or auto.")


def _predict_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=str, help=".skeleton or .npy clips.")
    parser.add_argument("--checkpoint", type=str, required=True, help="From stgraph train.")
    parser.add_argument("--top", type=int, default=5, help="How many classes to name.")
    parser.add_argument("--device", type=str, default="auto", help="cpu, cuda ... or auto.")


def _draw_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("what", choices=["layout", "partitions", "clip"])
    parser.add_argument("--layout", type=str, default="NTU25", help="A name or a JSON file.")
    parser.add_argument("--target", type=str | None, default=None, help="Joint to look at.")
    parser.add_argument("--released", type=bool, default=False, help="Also the 2018 program's.")
    parser.add_argument("--clip", type=str | None, default=None, help=".skeleton or .npy file.")
    parser.add_argument("--out", type=str, required=True, help="PNG, SVG or PDF file.")


def _demo_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--out", type=str, default="runs/demo", help="Folder for the results.")
    parser.add_argument("--root", type=str, default=DataOptions.root, help="Folder for clips.")
    parser.add_argument("--epochs", type=int, default=DEMO[2].epochs)
    parser.add_argument("--performers", type=int, default=DEMO[0].performers)


COMMANDS = {
    "train": (run_train, _train_arguments),
    "evaluate": (run_evaluate, _evaluate_arguments),
    "predict": (run_predict, _predict_arguments),
    "draw": (run_draw, _draw_arguments),
    "demo": (run_demo, _demo_arguments),
}


def _groups(arguments: Namespace) -> Options:
    return (
        DataOptions(**arguments.data.as_dict()),
        ModelOptions(**arguments.model.as_dict()),
        TrainingOptions(**{field.name: arguments[field.name] for field in fields(TrainingOptions)}),
    )


def _fit(
    train_set: datasets.SkeletonDataset,
    test_set: datasets.SkeletonDataset,
    groups: Options,
    out: Path,
    resume: str | None,
) -> dict[str, float]:
    from stgraph import train  # Lightning takes seconds to import; only training needs it.

    data, model, training = groups
    train.seed_everything(training.seed)
    recognizer = train.ActionRecognizer(
        options.make_model(train_set, model),
        training,
        train_set.class_names,
        asdict(data),
    )
    if resume is not None:
        description = describe(recognizer.model, recognizer.class_names, recognizer.data)
        check_same_network(check_resume(resume, training.epochs), description)
    options.save_config(out / "config.yaml", training, data=data, model=model)
    return train.fit(recognizer, train_set, test_set, out, resume=resume)


def _write_evaluation(found: Evaluation, out: Path) -> None:
    found.write(out)
    axes = visualize.draw_confusion(found.confusion, found.class_names)
    _save(axes.figure, out / "confusion.png")
    for name, clips, accuracy in found.per_class():
        print(f"  {name:40s} {clips:6d} clips  {accuracy or '-':>6s}")
    print(
        f"{len(found.names)} clips: top-1 {100 * found.accuracy():.2f} %, "
        f"top-5 {100 * found.accuracy(5):.2f} %. Tables lie in {out}"
    )


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError("There is no CUDA device here; use --device cpu.")
    return device


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=150, bbox_inches="tight")


def _read_clip(path: Path, checkpoint: Checkpoint) -> SkeletonData:
    graph = checkpoint.model.graph
    keypoints = _read_keypoints(path, graph.num_joints)
    if checkpoint.data:
        data = DataOptions(**checkpoint.data)
        keypoints = options.Preparation(graph.layout, data, training=False)(keypoints)
    return build_clip(keypoints, graph, visible=transforms.visible(keypoints), name=path.stem)


def _read_keypoints(path: Path, joints: int) -> torch.Tensor:
    if not path.is_file():
        raise ValueError(f"There is no file {path}.")
    if path.suffix == ".skeleton":
        keypoints = torch.from_numpy(datasets.read_skeleton_file(path).keypoints)
        if len(keypoints):
            keypoints = transforms.keep_persons(keypoints, datasets.MAX_PERSONS)
    elif path.suffix == ".npy":
        keypoints = torch.from_numpy(datasets.read_array(path))
    else:
        raise ValueError(f"{path} is neither a .skeleton nor a .npy file.")
    datasets.check_keypoints(keypoints.numpy(), joints, path)
    return keypoints
