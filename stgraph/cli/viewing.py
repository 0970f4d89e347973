"""Clips on a page, with what a network sees in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser, Namespace
from torch import Tensor

from stgraph import layouts
from stgraph.checkpoints import Checkpoint, read_checkpoint
from stgraph.cli import objects
from stgraph.cli.clips import read_file, said_class, show_clip
from stgraph.options import DataOptions
from stgraph.player import Scene, View, write_player
from stgraph.presets import PRESETS
from stgraph.responses import respond
from stgraph.skeleton import SkeletonLayout

FLAT = ("OPENPOSE18", "BODY25", "COCO17", "COCO17_CYCLIC", "HALPE26")  # x, y and a score
FPS = 30.0
KINECT = ("NTU25", "NTU25_PYSKL", "NTU_EDGE24", "UCLA20")


def run_view(arguments: Namespace) -> None:
    """Write a page that plays clips in 3-D, and shows what a network sees in them."""
    _check(arguments)
    checkpoint = read_checkpoint(arguments.checkpoint) if arguments.checkpoint else None
    scenes = [make_scene(Path(file), arguments, checkpoint) for file in arguments.files]
    write_player(scenes, arguments.out)
    print(f"{arguments.out}: open it in a browser")


def _check(arguments: Namespace) -> None:
    """Refuse what would be without effect."""
    idle = ("layout",) if arguments.checkpoint else ("preset", "label")
    given = [f"--{name}" for name in idle if getattr(arguments, name) is not None]
    if given:
        why = "a check point knows its layout" if arguments.checkpoint else "give --checkpoint"
        raise ValueError(f"{' and '.join(given)} would be without effect: {why}.")
    if arguments.fps is not None and not arguments.fps > 0:
        raise ValueError(f"--fps is a number of frames a second above 0, not {arguments.fps}.")
    if Path(arguments.out).suffix not in (".html", ".htm"):
        raise ValueError(f"The page is an .html file, not {arguments.out}.")


def view_arguments(parser: ArgumentParser) -> None:
    """Arguments of :func:`run_view`."""
    parser.add_argument("files", nargs="+", type=str, help="Clips in any format that is read.")
    parser.add_argument("-o", "--out", type=str, default="clip.html", help="The page.")
    parser.add_argument(
        "--checkpoint", type=str | None, default=None, help="Show what this network sees."
    )
    parser.add_argument("--preset", type=str | None, default=None, help="As in stgraph predict.")
    parser.add_argument(
        "--label", type=str | None, default=None, help="Responses are for this class."
    )
    parser.add_argument(
        "--layout",
        type=str | None,
        default=None,
        help="Without a check point, where the file does not say it: a name or a JSON file; NTU25.",
    )
    parser.add_argument(
        "--fps",
        type=float | None,
        default=None,
        help=f"Frames a second, where the file does not say it; {FPS}.",
    )
    parser.add_argument(
        "--view",
        choices=["auto", "y", "z", "aligned", "kinect", "image"],
        default="auto",
        help="Axes: y or z upwards, aligned (z upwards, seen from the front), kinect (y upwards, "
        "seen by the sensor), image (y downwards).",
    )


def make_scene(path: Path, arguments: Namespace, checkpoint: Checkpoint | None) -> Scene:
    """The clip of a file, with what the network of a check point sees in it."""
    if checkpoint is None:
        clip = read_file(path)
        layout = clip.layout or layouts.NTU25
        if arguments.layout is not None:
            layout = objects.layout_by_name(arguments.layout)
        keypoints = torch.from_numpy(clip.keypoints)
        axes = axes_of(keypoints, layout, arguments.view)
        fps = arguments.fps or float(clip.facts.get("fps", FPS))
        return Scene(path.stem, keypoints, layout, fps=fps, label=said_class(clip), **axes)
    return _seen(path, arguments, checkpoint)


def _seen(path: Path, arguments: Namespace, checkpoint: Checkpoint) -> Scene:
    """The clip as it is prepared for a network, with what that sees in it."""
    data = objects.data_options(checkpoint, arguments.preset)
    shown = show_clip(path, checkpoint, data)
    label = None if arguments.label is None else checkpoint.index(arguments.label)
    found = respond(checkpoint.model.eval(), shown.clip, label)
    response = shown.keypoints.new_full(shown.keypoints.shape[:3], torch.nan)
    place = (shown.clip.person, shown.clip.frame, shown.clip.joint)
    response[place] = found.strength.to(response.dtype)
    return Scene(
        path.stem,
        shown.keypoints,
        checkpoint.model.graph.layout,
        fps=(arguments.fps or FPS) * shown.pace,
        label=shown.label,
        response=response,
        speaks=checkpoint.class_names[found.label],
        class_names=checkpoint.class_names,
        class_frames=found.frame,
        class_shares=found.shares,
        **axes_of(shown.keypoints, checkpoint.model.graph.layout, arguments.view, data),
    )


def axes_of(
    keypoints: Tensor, layout: SkeletonLayout, view: str, data: DataOptions | None = None
) -> dict[str, Any]:
    """How many channels are coordinates, and which way is up, if ``view`` does not say."""
    flat = layout.name in FLAT or keypoints.shape[3] == 2
    if data is not None and data.coordinates:
        flat = data.coordinates == 2
    known: View = "image" if flat or layout.name.startswith("MEDIAPIPE") else "y"
    if layout.name in KINECT:
        known = "kinect"
    if data is not None:
        known = _turned(data) or known
    return {"coordinates": 2 if flat else 3, "view": known if view == "auto" else view}


def _turned(data: DataOptions) -> View | None:
    """How bodies stand in prepared clips, if they are turned."""
    if data.preset:
        return PRESETS[data.preset].upright
    return "aligned" if data.align else None
