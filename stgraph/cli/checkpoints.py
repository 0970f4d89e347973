"""What check points say of clips, and check points from one form into another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser, Namespace
from torch_geometric.data import Batch

from stgraph import visualize
from stgraph.checkpoints import FAMILIES, read_checkpoint, save_checkpoint
from stgraph.cli import objects
from stgraph.cli.clips import read_clip
from stgraph.evaluate import Evaluation, evaluate, predict_logits


def run_evaluate(arguments: Namespace) -> None:
    """Measure a check point on a labelled split: metrics, per-class table, confusion matrix."""
    checkpoint = read_checkpoint(arguments.checkpoint)
    checkpoint.model.to(device_of(arguments.device))
    changed = {key: arguments[key] for key in ("root", "name") if arguments[key]}
    if arguments.split:
        changed["test_split"] = arguments.split
    prepared = objects.data_options(checkpoint, arguments.preset)
    if not {**checkpoint.data, **changed}.get("name"):
        raise ValueError(
            f"{arguments.checkpoint} does not say which data set it is for; add --name and --root, "
            "for example --name ntu60-xsub --root datasets/ntu-rgbd."
        )
    data = replace(prepared, **changed)
    draws = arguments.clips
    clips = objects.make_dataset(data, data.test_split, checkpoint.model.graph, draws=draws)
    if clips.class_names != checkpoint.class_names:
        raise ValueError(
            f"The check point knows {len(checkpoint.class_names)} classes, the data set "
            f"{len(clips.class_names)}, and their names differ; evaluate on the set it was "
            "trained for."
        )
    given = Path(arguments.checkpoint).resolve()
    home = given if given.is_dir() else given.parent
    home = home.parent if home.name == "checkpoints" else home
    kind = [*filter(None, [arguments.split]), *([f"{draws}-clips"] if draws > 1 else [])]
    out = Path(arguments.out or home / "-".join(["evaluation", *kind]))
    found = evaluate(
        checkpoint.model,
        clips,
        batch_size=arguments.batch_size,
        workers=arguments.workers,
        draws=draws,
    )
    write_evaluation(found, out)


def run_predict(arguments: Namespace) -> None:
    """Name the most probable classes of clips, in any format that is read."""
    checkpoint = read_checkpoint(arguments.checkpoint)
    checkpoint.model.to(device_of(arguments.device))
    if arguments.top < 1:
        raise ValueError(f"--top is at least 1, not {arguments.top}.")
    data = objects.data_options(checkpoint, arguments.preset)
    for path in arguments.files:
        clip = read_clip(Path(path), checkpoint, data)
        share = predict_logits(checkpoint.model, Batch.from_data_list([clip]))[0].softmax(dim=0)
        best = share.topk(min(arguments.top, len(share)))
        print(path)
        for value, index in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            print(f"  {100 * value:5.1f} %  {checkpoint.class_names[index]}")


def run_convert(arguments: Namespace) -> None:
    """Turn a check point of a released program into one of stgraph, or the other way round."""
    layout = objects.layout_by_name(arguments.layout) if arguments.layout else None
    known = read_checkpoint(arguments.checkpoint, layout)
    out = Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    family = None if arguments.to == "stgraph" else arguments.to
    save_checkpoint(known.model, out, family=family, class_names=known.class_names, data=known.data)
    model, numbers = known.model, sum(value.numel() for value in known.model.parameters())
    print(f"{type(model).__name__}: {numbers:,} parameters, {model.num_classes} classes")
    print(model.graph)
    print(f"clips: {_preparation(known.data)}")
    if family is not None:
        print("class names, and how clips are prepared, have no place in that format")
    print(f"written: {out} ({arguments.to})")


def _preparation(data: Mapping[str, Any]) -> str:
    if data.get("preset") == "unknown":
        return "it is not known how they were prepared; predict and evaluate will ask for --preset"
    if data.get("preset"):
        return f"prepared by the preset {data['preset']}"
    return "prepared as in training here" if data else "taken as they are"


def evaluate_arguments(parser: ArgumentParser) -> None:
    """Arguments of :func:`run_evaluate`."""
    parser.add_argument("checkpoint", type=str, help="Written by stgraph train.")
    parser.add_argument("--name", type=str | None, default=None, help="Another data set.")
    parser.add_argument("--root", type=str | None, default=None, help="Its folder.")
    parser.add_argument("--split", type=str | None, default=None, help="Its split.")
    parser.add_argument(
        "--clips",
        type=int,
        default=1,
        help="Draw so many of each clip, frames sampled at random, and average probabilities.",
    )
    _preset_argument(parser)
    parser.add_argument("--out", type=str | None, default=None, help="Folder for the tables.")
    parser.add_argument("--workers", type=int, default=1, help="Processes that read clips.")
    parser.add_argument("--batch_size", type=int, default=16, help="Clips at once.")
    parser.add_argument("--device", type=str, default="auto", help="cpu, cuda ... or auto.")


def predict_arguments(parser: ArgumentParser) -> None:
    """Arguments of :func:`run_predict`."""
    parser.add_argument("files", nargs="+", type=str, help="Clips in any format that is read.")
    parser.add_argument("--checkpoint", type=str, required=True, help="From stgraph train.")
    _preset_argument(parser)
    parser.add_argument("--top", type=int, default=5, help="How many classes to name.")
    parser.add_argument("--device", type=str, default="auto", help="cpu, cuda ... or auto.")


def _preset_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--preset",
        type=str | None,
        default=None,
        help="Prepare clips by this one of stgraph.presets, or none, whatever the file says.",
    )


def convert_arguments(parser: ArgumentParser) -> None:
    """Arguments of :func:`run_convert`."""
    families = list(dict.fromkeys(family.name for family in FAMILIES))
    parser.add_argument("checkpoint", type=str, help="Of stgraph or of a released program.")
    parser.add_argument("--out", type=str, required=True, help="File to write.")
    parser.add_argument("--to", choices=["stgraph", *families], default="stgraph")
    parser.add_argument(
        "--layout", type=str | None, default=None, help="If not found: a name or a JSON file."
    )


def write_evaluation(found: Evaluation, out: Path) -> None:
    """Write the tables and the picture of an evaluation, and print the sums."""
    write_tables(found, out)
    for name, clips, accuracy in found.per_class():
        print(f"  {name:40s} {clips:6d} clips  {accuracy or '-':>6s}")
    print(f"{len(found.names)} clips: {found.summary()}. Tables lie in {out}")


def write_tables(found: Evaluation, out: Path) -> None:
    """Write the tables and the picture of an evaluation."""
    found.write(out)
    axes = visualize.draw_confusion(found.confusion, found.class_names)
    visualize.save_figure(axes.figure, out / "confusion.png")


def device_of(name: str) -> torch.device:
    """A device by name; ``auto`` is the GPU if there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError("There is no CUDA device here; use --device cpu.")
    return device
