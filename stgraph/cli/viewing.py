"""Clips on a page, with what a network sees in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser, Namespace
from torch import Tensor

from stgraph import transforms
from stgraph.build import build_clip
from stgraph.checkpoints import Checkpoint, read_checkpoint
from stgraph.cli import objects
from stgraph.cli.clips import read_keypoints
from stgraph.options import DataOptions
from stgraph.player import Scene, View, write_player
from stgraph.responses import respond
from stgraph.skeleton import SkeletonLayout

FLAT = ("OPENPOSE18", "BODY25", "COCO17", "COCO17_CYCLIC", "HALPE26")  # x, y and a score
KINECT = ("NTU25", "NTU25_PYSKL", "NTU_EDGE24", "UCLA20")


def run_view(arguments: Namespace) -> None:
    """Write a page that plays clips in 3-D, and shows what a network sees in them."""
    checkpoint = read_checkpoint(arguments.checkpoint) if arguments.checkpoint else None
    scenes = [make_scene(Path(file), arguments, checkpoint) for file in arguments.files]
    write_player(scenes, arguments.out)
    print(f"{arguments.out}: open it in a browser")


def view_arguments(parser: ArgumentParser) -> None:
    """Arguments of :func:`run_view`."""
    parser.add_argument("files", nargs="+", type=str, help="Clips in any format that is read.")
    parser.add_argument("-o", "--out", type=str, default="clip.html", help="The page.")
    parser.add_argument(
        "--checkpoint", type=str | None, default=None, help="Show what this network sees."
    )
    parser.add_argument("--preset", type=str | None, default=None, help="As in stgraph predict.")
    parser.add_argument(
        "--layout", type=str, default="NTU25", help="Without a check point: a name or a JSON file."
    )
    parser.add_argument("--fps", type=float, default=30.0, help="Frames a second of the files.")
    parser.add_argument(
        "--view",
        choices=["auto", "y", "z", "kinect", "image"],
        default="auto",
        help="Axes: y or z upwards, kinect (y upwards, seen by the sensor), image (y downwards).",
    )


def make_scene(path: Path, arguments: Namespace, checkpoint: Checkpoint | None) -> Scene:
    """The clip of a file, with what the network of a check point sees in it."""
    if checkpoint is None:
        layout = objects.layout_by_name(arguments.layout)
        keypoints = read_keypoints(path, layout.num_joints)
        axes = _axes(keypoints, layout, arguments.view)
        return Scene(path.stem, keypoints, layout, fps=arguments.fps, **axes)
    return _seen(path, arguments, checkpoint)


def _seen(path: Path, arguments: Namespace, checkpoint: Checkpoint) -> Scene:
    """The clip as it is prepared for a network, with what that sees in it."""
    model, layout = checkpoint.model.eval(), checkpoint.model.graph.layout
    data = objects.data_options(checkpoint, arguments.preset)
    raw = read_keypoints(path, layout.num_joints, "all" if data.name == "folder" else data.bodies)
    given = objects.Preparation(layout, data)(raw)
    shown = objects.Preparation(layout, replace(data, stream="joint"))(raw)
    clip = build_clip(given, model.graph, visible=transforms.visible(given))
    found = respond(model, clip)
    if data.preset or data.pad:  # whose zeros are nobody
        shown = shown.masked_fill(shown.eq(0).all(dim=3, keepdim=True), torch.nan)
    response = shown.new_full(given.shape[:3], torch.nan)
    response[clip.person, clip.frame, clip.joint] = found.strength.to(shown.dtype)
    view = arguments.view
    if view == "auto" and objects.stands_along_z(data):
        view = "z"
    return Scene(
        path.stem,
        shown,
        layout,
        fps=arguments.fps * _pace(data, raw, shown),
        response=response,
        class_names=checkpoint.class_names,
        class_frames=found.frame,
        class_shares=found.shares,
        **_axes(raw, layout, view),
    )


def _pace(data: DataOptions, raw: Tensor, shown: Tensor) -> float:
    """How many frames of the prepared clip there are for one of the file."""
    if data.every > 1:
        return 1 / data.every
    shorter = bool(data.frames) or shown.shape[1] < raw.shape[1]
    return shown.shape[1] / raw.shape[1] if shorter else 1.0


def _axes(keypoints: Tensor, layout: SkeletonLayout, view: str) -> dict[str, Any]:
    flat = layout.name in FLAT or keypoints.shape[3] == 2
    known: View = "image" if flat or layout.name.startswith("MEDIAPIPE") else "y"
    if layout.name in KINECT:
        known = "kinect"
    return {"coordinates": 2 if flat else 3, "view": known if view == "auto" else view}
