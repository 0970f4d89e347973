"""The edges of a batch: written, searched, made by loops over frames, and copied.

``python -m tests.benchmarks.edges [FRAME_COUNTS]``; two threads, Γ = 9, NTU-25. FRAME_COUNTS is a
file with the length of each clip of NTU RGB+D, one in a line; 16 of them make the first batch.
"""

from __future__ import annotations

import argparse
import copy
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Batch

from stgraph import SkeletonGraph, layouts
from stgraph import edges as made
from stgraph.build import add_edges, clip_nodes

Shapes = list[tuple[int, int]]
Fields = dict[str, Tensor]
KEYS = ("edge_index", "edge_type", "edge_weight", "edge_template")
COUNTS = Path(__file__).resolve().parents[3] / "shared/data/ntu_metadata/frame_counts.txt"


def batch_of(shapes: Shapes, graph: SkeletonGraph) -> Any:
    clips = [clip_nodes(torch.zeros(*shape, 25, 3), graph) for shape in shapes]
    return Batch.from_data_list(clips)


def written(batch: Any, graph: SkeletonGraph) -> Fields:
    full = add_edges(copy.copy(batch), graph)
    return {key: full[key] for key in KEYS}


def searched(batch: Any, graph: SkeletonGraph) -> Fields:
    """As for nodes of which some are missing."""
    find, made.runs = made.runs, lambda nodes, joints: None
    try:
        return written(batch, graph)
    finally:
        made.runs = find


def frames_of(shapes: Shapes) -> list[tuple[int, list[int]]]:
    """The first node of each frame, and the offsets to the frames that it reaches."""
    frames, node = [], 0
    for persons, length in shapes:
        for _ in range(persons):
            for frame in range(length):
                frames.append((node, [d for d in range(-4, 5) if 0 <= frame + d < length]))
                node += 25
    return frames


def listed(shapes: Shapes, graph: SkeletonGraph) -> Fields:
    """A loop over frames and edges that fills lists."""
    labels, product = graph.labels, graph.labels.temporal == "product"
    ends = graph.edge_index.T.tolist()
    template = list(zip(ends, graph.edge_type.tolist(), graph.edge_weight.tolist(), strict=True))
    sources, targets, types, weights, numbers = [], [], [], [], []
    for first, reached in frames_of(shapes):
        for offset in reached if product else [0]:
            for number, ((source, target), label, weight) in enumerate(template):
                sources.append(first + 25 * offset + source)
                targets.append(first + target)
                types.append(label + labels.num_subsets * (offset + 4) if product else label)
                weights.append(weight)
                numbers.append(number)
        for offset in [] if product else reached:
            for joint in range(25):
                sources.append(first + 25 * offset + joint)
                targets.append(first + joint)
                types.append(labels.num_subsets + offset + 4)
                weights.append(1.0)
                numbers.append(-1)
    columns = (torch.tensor([sources, targets]), *map(torch.tensor, (types, weights, numbers)))
    return dict(zip(KEYS, columns, strict=True))


def stacked(shapes: Shapes, graph: SkeletonGraph) -> Fields:
    """A loop over frames and offsets that moves a frame's edges by tensor operators."""
    labels, product = graph.labels, graph.labels.temporal == "product"
    joints, every = torch.arange(25), torch.arange(graph.num_edges)
    ones, none = torch.ones(25), torch.full((25,), -1)
    parts = []
    for first, reached in frames_of(shapes):
        source, target = graph.edge_index + first
        for offset in reached if product else [0]:
            label = graph.edge_type + labels.num_subsets * (offset + 4 if product else 0)
            ends = torch.stack([source + 25 * offset, target])
            parts.append((ends, label, graph.edge_weight, every))
        for offset in [] if product else reached:
            ends = torch.stack([joints + first + 25 * offset, joints + first])
            label = torch.full((25,), labels.num_subsets + offset + 4)
            parts.append((ends, label, ones, none))
    columns = (torch.cat(column, dim=-1) for column in zip(*parts, strict=True))
    return dict(zip(KEYS, columns, strict=True))


def copied(fields: Fields) -> Fields:
    return {key: values.clone() for key, values in fields.items()}


def assert_same_edges(ours: Fields, theirs: Fields) -> None:
    """In whatever order."""
    rows = []
    for fields in (ours, theirs):
        (source, target), edge_type = fields["edge_index"], fields["edge_type"]
        key = (target * (1 + source.max()) + source) * (1 + edge_type.max()) + edge_type
        order = key.argsort()
        rows.append([values[..., order] for values in fields.values()])
    assert all(map(torch.equal, *rows))


def medians(sides: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each side, in turn, after one round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(1 + rounds):
        for name, side in sides.items():
            start = time.perf_counter()
            side()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken[1:]) for name, taken in times.items()}


def measure(what: str, shapes: Shapes, graph: SkeletonGraph, rounds: tuple[int, int]) -> None:
    batch = batch_of(shapes, graph)
    fields = written(batch, graph)
    loops = {"loop of lists": listed, "loop of tensors": stacked}
    for loop in loops.values():
        assert_same_edges(fields, loop(shapes, graph))
    assert_same_edges(fields, searched(batch, graph))
    size = sum(values.nbytes for values in fields.values())
    print(f"{what}, {graph.labels.temporal}: {len(fields['edge_type']):,} edges, {size:,} bytes")
    taken = medians(
        {"copied": lambda: copied(fields), "written": lambda: written(batch, graph)}, rounds[0]
    )
    taken |= medians({"searched": lambda: searched(batch, graph)}, max(3, rounds[0] // 5))
    taken |= medians({name: lambda f=f: f(shapes, graph) for name, f in loops.items()}, rounds[1])
    for name, seconds in taken.items():
        times = seconds / taken["copied"], seconds / taken["written"]
        rate = f"{1e3 * seconds:9.2f} ms {size / seconds / 1e9:7.2f} GB/s"
        print(f"  {name:16} {rate} {times[0]:8.2f} x copied {times[1]:8.1f} x written", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", nargs="?", type=Path, default=COUNTS)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--loops", type=int, default=3, help="rounds of the loops")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    rng = random.Random(0)
    lengths = rng.sample([int(line) for line in chosen.counts.read_text().split()], 16)
    ntu = [(2 if number in (3, 8, 13) else 1, length) for number, length in enumerate(lengths)]
    print(f"lengths {lengths}; THP_MEM_ALLOC_ENABLE={os.environ.get('THP_MEM_ALLOC_ENABLE')}")
    for what, shapes in (("16 clips of NTU", ntu), ("16 clips, 2 x 300", [(2, 300)] * 16)):
        for temporal in ("factorized", "product"):
            graph = SkeletonGraph.from_layout(layouts.NTU25, temporal=temporal)
            measure(what, shapes, graph, (chosen.rounds, chosen.loops))


if __name__ == "__main__":
    sys.exit(main())
