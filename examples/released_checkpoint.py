"""The check point of a released program
=====================================

Files of st-gcn, mmskeleton, mmaction2 and pyskl are recognised by the names of their weights; no
code in them is run. Without a file one is written in the form of st-gcn first, with chance weights,
and read again; a clip is generated::

    python examples/released_checkpoint.py

``--checkpoint`` and ``--clip`` take files that you have: weights, and a recording of NTU RGB+D.
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
from stgraph.presets import PRESETS, check_preset


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
    parser.add_argument("--preset", choices=list(PRESETS), help="default: the file's program's")
    args = parser.parse_args()

    path, written = args.checkpoint, None
    if path is None:
        path = Path("runs/released/st_gcn.pt")
        written = write_file(path)

    # The network is found from the names and shapes of the weights, and with it the program.
    known = read_checkpoint(path)
    name = args.preset or known.data["preset"]
    if name not in PRESETS:
        raise SystemExit(f"{path} leaves open how its clips were prepared; say --preset.")
    print(f"{path}: {type(known.model).__name__} of {known.model.num_classes} classes")
    print(f"{known.model.graph}\nclips are prepared by '{name}', {PRESETS[name].source}")

    # Clips have to be prepared as the program did it, with zeros for all that is not there.
    preset = PRESETS[name]
    if args.clip is None:
        raw = torch.from_numpy(generate_clip(0, 1, 1, clip_rng(0, 1)))
    else:
        raw = torch.from_numpy(read_bodies(args.clip, preset.bodies))
    check_preset(name, known.model.graph.num_joints, raw.shape[-1])
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
