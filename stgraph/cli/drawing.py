"""Drawing."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from stgraph import transforms, visualize
from stgraph.build import build_clip
from stgraph.cli import objects
from stgraph.cli.clips import read_keypoints
from stgraph.options import ModelOptions


def run_draw(arguments: Namespace) -> None:
    """Draw a layout, partition strategies, the two spatial ones in full, or a clip as a graph."""
    out = Path(arguments.out)
    layout = objects.layout_by_name(arguments.layout)
    if arguments.what == "layout":
        figure = visualize.draw_layout(layout).figure
    elif arguments.what == "spatial":
        figure = visualize.draw_spatial_partitions(layout)
    elif arguments.what == "partitions":
        target = None if arguments.target is None else layout.index(arguments.target)
        figure = visualize.draw_partitions(layout, target=target, released=arguments.released)
    else:
        if arguments.clip is None:
            raise ValueError("stgraph draw clip needs --clip FILE (.skeleton or .npy).")
        graph = objects.make_graph(layout, ModelOptions(temporal_kernel=3))
        keypoints = read_keypoints(Path(arguments.clip), graph.num_joints)
        seen = transforms.visible(keypoints)
        figure = visualize.draw_clip(build_clip(keypoints, graph, visible=seen)).figure
    visualize.save_figure(figure, out)
    print(f"drawn: {out}")


def draw_arguments(parser: ArgumentParser) -> None:
    """Arguments of :func:`run_draw`."""
    parser.add_argument("what", choices=["layout", "partitions", "spatial", "clip"])
    parser.add_argument("--layout", type=str, default="NTU25", help="A name or a JSON file.")
    parser.add_argument("--target", type=str | None, default=None, help="Joint to look at.")
    parser.add_argument("--released", type=bool, default=False, help="Also the 2018 program's.")
    parser.add_argument("--clip", type=str | None, default=None, help=".skeleton or .npy file.")
    parser.add_argument("--out", type=str, required=True, help="PNG, SVG or PDF file.")
