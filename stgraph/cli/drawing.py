"""Drawing: one picture for each word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser, Namespace

from stgraph import transforms, visualize
from stgraph.build import build_clip
from stgraph.checkpoints import Checkpoint, read_checkpoint
from stgraph.cli import objects
from stgraph.cli.clips import Shown, read_file, show_clip
from stgraph.cli.fusion import read_scores
from stgraph.cli.viewing import axes_of
from stgraph.explain import explain
from stgraph.options import DataOptions, ModelOptions
from stgraph.player import Scene
from stgraph.report import read_curves
from stgraph.responses import respond
from stgraph.skeleton import SkeletonLayout


def run_draw(arguments: Namespace) -> None:
    """Draw a skeleton, partitions, a clip, or what a network has learnt, sees and gets wrong."""
    needed = _NEEDS.get(arguments.what, ())
    missing = [name for name in needed if getattr(arguments, name) is None]
    if missing:
        raise ValueError(
            f"stgraph draw {arguments.what} needs {', '.join('--' + name for name in needed)}; "
            f"{', '.join('--' + name for name in missing)} is missing."
        )
    out = Path(arguments.out)
    visualize.save_figure(PICTURES[arguments.what](arguments), out)
    print(f"drawn: {out}")


def draw_arguments(parser: ArgumentParser) -> None:
    """Arguments of :func:`run_draw`."""
    parser.add_argument("what", choices=list(PICTURES))
    parser.add_argument("--out", type=str, required=True, help="PNG, SVG or PDF file.")
    parser.add_argument("--layout", type=str, default="NTU25", help="A name or a JSON file.")
    parser.add_argument("--target", type=str | None, default=None, help="partitions: of a joint.")
    parser.add_argument(
        "--released", type=bool, default=False, help="partitions: also the 2018 program's."
    )
    parser.add_argument("--clip", type=str | None, default=None, help="A file that is read.")
    parser.add_argument(
        "--checkpoint", type=str | None, default=None, help="Of a network, or the folder of a run."
    )
    parser.add_argument("--preset", type=str | None, default=None, help="As in stgraph predict.")
    parser.add_argument(
        "--label", type=str | None, default=None, help="responses, explanation: of this class."
    )
    parser.add_argument("--run", type=str | None, default=None, help="The folder of a run.")
    parser.add_argument("--against", type=str | None, default=None, help="classes: another run.")


def _layout(arguments: Namespace) -> Any:
    return visualize.draw_layout(_skeleton(arguments)).figure


def _partitions(arguments: Namespace) -> Any:
    layout = _skeleton(arguments)
    target = None if arguments.target is None else layout.index(arguments.target)
    panels = visualize.draw_partitions(layout, target=target, released=arguments.released)
    return panels[0].figure


def _spatial(arguments: Namespace) -> Any:
    return visualize.draw_spatial_partitions(_skeleton(arguments))[0].figure


def _clip(arguments: Namespace) -> Any:
    graph = objects.make_graph(_skeleton(arguments), ModelOptions(temporal_kernel=3))
    keypoints = torch.from_numpy(read_file(Path(arguments.clip), joints=graph.num_joints).keypoints)
    clip = build_clip(keypoints, graph, visible=transforms.visible(keypoints))
    return visualize.draw_clip(clip).figure


def _importance(arguments: Namespace) -> Any:
    model = read_checkpoint(arguments.checkpoint).model
    learnt = [getattr(block, "importance", None) for block in model.blocks]
    if None in learnt:
        raise ValueError(f"{type(model).__name__} learns no edge importance; ST-GCN does.")
    factors = [each.factors for each in learnt if each is not None]
    return visualize.draw_importances(model.graph, factors)[0].figure


def _responses(arguments: Namespace) -> Any:
    checkpoint, data, shown, label = _asked(arguments)
    found = respond(checkpoint.model, shown.clip, label)
    layout = checkpoint.model.graph.layout
    axes = axes_of(shown.keypoints, layout, "auto", data)
    scene = Scene(arguments.clip, shown.keypoints, layout, **axes)
    clip = shown.clip.clone()
    clip.x = scene.points[clip.frame, clip.person, clip.joint, :2]
    clip.x[:, 0] *= scene.front
    ax = visualize.draw_responses(clip, layout, found.strength)
    ax.set_title(checkpoint.class_names[found.label])
    return ax.figure


def _explanation(arguments: Namespace) -> Any:
    checkpoint, _, shown, label = _asked(arguments)
    found = explain(checkpoint.model, shown.clip, label)
    graph, masks = checkpoint.model.graph, (found.node_mask, found.edge_mask)
    left, _ = visualize.draw_explanation_over_time(shown.clip, graph, *masks)
    left.figure.suptitle(checkpoint.class_names[int(found.target)])
    return left.figure


def _confusion(arguments: Namespace) -> Any:
    found = read_scores(Path(arguments.run)).found
    return visualize.draw_confusion(found.confusion, found.class_names).figure


def _curves(arguments: Namespace) -> Any:
    curves = read_curves(Path(arguments.run))
    if not curves:
        raise ValueError(f"There are no metrics in {arguments.run}; give the folder of a run.")
    return visualize.draw_curves(curves)[0].figure


def _classes(arguments: Namespace) -> Any:
    runs = [path for path in (arguments.run, arguments.against) if path is not None]
    shares = {path: dict(_shares(Path(path))) for path in runs}
    return visualize.draw_classes(shares).figure


def _shares(run: Path) -> Iterator[tuple[str, float]]:
    for name, clips, share in read_scores(run).found.per_class():
        if clips:
            yield name, float(share)


def _skeleton(arguments: Namespace) -> SkeletonLayout:
    return objects.layout_by_name(arguments.layout)


def _asked(arguments: Namespace) -> tuple[Checkpoint, DataOptions, Shown, int | None]:
    """A network, how its clips are prepared, one of them, and the class that is asked for."""
    checkpoint = read_checkpoint(arguments.checkpoint)
    checkpoint.model.eval()
    data = objects.data_options(checkpoint, arguments.preset)
    shown = show_clip(Path(arguments.clip), checkpoint, data)
    label = None if arguments.label is None else checkpoint.index(arguments.label)
    return checkpoint, data, shown, label


PICTURES: dict[str, Callable[[Namespace], Any]] = {
    "layout": _layout,
    "partitions": _partitions,
    "spatial": _spatial,
    "clip": _clip,
    "importance": _importance,
    "responses": _responses,
    "explanation": _explanation,
    "confusion": _confusion,
    "curves": _curves,
    "classes": _classes,
}
_NEEDS = {
    "clip": ("clip",),
    "importance": ("checkpoint",),
    "responses": ("checkpoint", "clip"),
    "explanation": ("checkpoint", "clip"),
    "confusion": ("run",),
    "curves": ("run",),
    "classes": ("run",),
}
