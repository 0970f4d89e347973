"""The check point of a released program
=====================================

Files of st-gcn, mmskeleton, mmaction2 and pyskl are recognised by the names of their weights; no
code in them is run. Give one, and a clip of NTU RGB+D::

    python examples/released_checkpoint.py --checkpoint st_gcn.ntu-xsub.pt --clip a.skeleton

Without a file one is written in the form of st-gcn first, with chance weights, and read again; a
clip is generated.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch_geometric.data import Batch

from stgraph import STGCN, SkeletonGraph, build_clip, layouts, partition, save_checkpoint
from stgraph.checkpoints import read_checkpoint
from stgraph.datasets import read_bodies
from stgraph.datasets.synthetic.kinematics import clip_rng, generate_clip
from stgraph.presets import PRESETS


def write_file(path: Path) -> STGCN:
    """A network with the graph of the released program, in its file format."""
    torch.manual_seed(0)
    graph = SkeletonGraph.from_layout(layouts.NTU25, partition.spatial_2018)
    model = STGCN(3, 60, graph).eval()
    save_checkpoint(model, path, family="st-gcn")
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description="Read a released check point, name an action.")
    parser.add_argument("--checkpoint", type=Path, help="default: one is written")
    parser.add_argument("--clip", type=Path, help=".skeleton file; default: a generated clip")
    parser.add_argument("--preset", default="stgcn", choices=list(PRESETS), help="of its program")
    args = parser.parse_args()

    path, written = args.checkpoint, None
    if path is None:
        path = Path("runs/released/st_gcn.pt")
        written = write_file(path)
    names = list(torch.load(path, weights_only=True))
    print(f"{path}: {len(names)} entries, such as {names[0]} and {names[-1]}")

    # The network is found from the shapes: blocks, joints, subsets, classes.
    known = read_checkpoint(path)
    print(
        f"{type(known.model).__name__} of {known.model.num_classes} classes on {known.model.graph}"
    )

    # Clips have to be prepared as the program did it: here two bodies and 300 frames, with zeros
    # for all that is not there. That is what presets are.
    preset = PRESETS[args.preset]
    if args.clip is None:
        raw = torch.from_numpy(generate_clip(0, 1, 1, clip_rng(0, 1)))
    else:
        raw = torch.from_numpy(read_bodies(args.clip, preset.bodies))
    clip = build_clip(preset.prepare(raw), known.model.graph)
    with torch.no_grad():
        logits = known.model(Batch.from_data_list([clip]))
    for share, label in zip(*logits[0].softmax(dim=0).topk(3)):
        print(f"  {share:6.1%}  {known.class_names[int(label)]}")
    if written is not None:
        with torch.no_grad():
            same = written(Batch.from_data_list([clip]))
        print(f"largest difference after writing and reading: {(same - logits).abs().max():.1e}")


if __name__ == "__main__":
    main()
