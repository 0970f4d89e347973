"""Storing, opening, reading and loading clips: what docs/benchmarks.md says of data.

``python -m tests.benchmarks.data store --out FOLDER`` (a few GB of disk); sharing, memory, loading.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from stgraph import STGCN, SkeletonGraph, STGCNPlusPlus, layouts, transforms
from stgraph.bench import paired_medians
from stgraph.datasets import Checks, ClipDataset, FileClips, SkeletonLoader, Store, write_store
from stgraph.datasets.ntu import read_ntu_clip
from stgraph.datasets.synthetic.kinematics import clip_rng, generate_clip
from stgraph.formats import Clip, write_skeleton_file

PADDED = (2, 300, 25, 3)
MOST_NODES = 36_000


class RandomClips:
    """Clips as long as those of NTU RGB+D, 18 % of them with two bodies; numbers are random."""

    def __init__(self, count: int) -> None:
        rng = np.random.default_rng(0)
        lengths = 22 + 48 * np.exp(0.4214 * rng.normal(size=count))
        self.frames = np.clip(lengths, 32, 225).astype(int)
        self.persons = 1 + (rng.random(count) < 0.183)
        self.noise = rng.normal(size=(2, 225, 25, 3)).astype(np.float32)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, number: int) -> Clip:
        keypoints = self.noise[: self.persons[number], : self.frames[number]]
        return Clip(f"clip{number:06d}", keypoints, label=number % 60, splits=("train",))

    def key(self, number: int) -> str:
        return str(number)


def stored(folder: Path, count: int) -> Store:
    return write_store(folder / f"store{count}", RandomClips(count), Checks(25, 60))


def measure_store(folder: Path) -> None:
    """Opening 100,000 clips, and reading random ones against ``numpy.load`` of padded files."""
    store = stored(folder, 100_000)
    opening = "import resource, sys, time; from stgraph.datasets import Store\n"
    opening += "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; start = time.time()\n"
    opening += (
        "store = Store.open(sys.argv[1]); store.members('train'); took = time.time() - start\n"
    )
    opening += "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
    opening += "print(took, (after - before) / 1024)"
    runs = [_python(opening, str(store.folder)) for _ in range(7)]
    took, grown = (statistics.median(run[i] for run in runs) for i in (0, 1))
    size = store.numbers.nbytes
    print(
        f"opening {len(store):,} clips ({size / 1e9:.2f} GB): {1e3 * took:.0f} ms, {grown:.0f} MB"
    )
    padded = folder / "padded"
    padded.mkdir(exist_ok=True)
    for number in range(2000):
        array = np.zeros(PADDED, dtype=np.float32)
        clip = store.keypoints(number)
        array[: clip.shape[0], : clip.shape[1]] = clip
        np.save(padded / f"{number}.npy", array)
    order = np.random.default_rng(1).permutation(2000)[:500].tolist()
    ours, theirs = paired_medians(
        lambda: [store.keypoints(number).copy() for number in order],
        lambda: [np.load(padded / f"{number}.npy") for number in order],
    )
    print(
        f"a random clip: {1e6 * ours / 500:.1f} us, np.load {1e6 * theirs / 500:.1f} us, "
        f"{theirs / ours:.1f} x"
    )


def measure_sharing(folder: Path, workers: int = 10) -> None:
    """What each of ten workers on one store of 100,000 clips takes for itself (Linux)."""
    store = stored(folder, 100_000)
    graph = SkeletonGraph.from_layout(layouts.NTU25)
    clips = ClipDataset(store, np.arange(len(store)), graph, ("?",) * 60)
    batches = iter(SkeletonLoader(clips, batch_size=64, shuffle=True, num_workers=workers))
    read = sum(next(batches).num_graphs for _ in range(250))
    own = [_own_memory(process.pid) for process in multiprocessing.active_children()]
    size = store.numbers.nbytes / 1e9
    print(
        f"{len(own)} workers on {size:.2f} GB, after {read:,} clips: "
        f"{min(own):.0f} to {max(own):.0f} MB of their own each"
    )


def _own_memory(process: int) -> float:
    """The megabytes that a process shares with no other."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private")) / 1024


def measure_memory(folder: Path, workers: int = 2) -> None:
    """The peak memory of making a store of ``.skeleton`` files, by number of clips."""
    made = folder / "made"
    made.mkdir(exist_ok=True)
    for number in range(100):
        path = made / f"{number}.skeleton"
        if not path.exists():
            write_skeleton_file(
                path, generate_clip(number % 11, 1 + number % 40, 1, clip_rng(0, number))
            )
    for count in (1_000, 20_000):
        raw = folder / f"raw{count}"
        raw.mkdir(exist_ok=True)
        for number in range(count):
            name = f"S{1 + number % 32:03d}C{1 + number % 3:03d}P{1 + number % 100:03d}"
            path = raw / f"{name}R{1 + number // 12000:03d}A{1 + number // 100 % 120:03d}.skeleton"
            path.exists() or os.link(made / f"{number % 100}.skeleton", path)
        text = "import sys; from tests.benchmarks.data import process\n"
        text += "process(*sys.argv[1:3], int(sys.argv[3]))"
        clips, seconds, parent, child = _python(
            text, str(raw), str(folder / f"ntu{count}"), str(workers)
        )
        print(
            f"{clips:,.0f} clips, {workers} workers: {seconds:.0f} s, "
            f"peak {parent:.0f} MB, a worker {child:.0f} MB"
        )


def process(raw: str, out: str, workers: int) -> None:
    """Make a store, and print clips, seconds, and the peaks of this process and of a worker."""
    start = time.perf_counter()
    source = FileClips(
        map(Path, sorted(entry.path for entry in os.scandir(raw))),
        partial(read_ntu_clip, bodies="all"),
    )
    store = write_store(out, source, Checks(25, 120), workers=workers, anew=True)
    taken = time.perf_counter() - start
    peaks = [
        resource.getrusage(who).ru_maxrss / 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    print(len(store), taken, *peaks)


def measure_loading(folder: Path) -> None:
    """Clips a second: the loader alone, and training steps alone."""
    store = stored(folder, 4_000)
    graph = SkeletonGraph.from_layout(layouts.NTU25)
    for model in (STGCN(3, 60, graph), STGCNPlusPlus(3, 60, graph)):
        clips = ClipDataset(store, np.arange(len(store)), model.graph, ("?",) * 60, augment=vary)
        loader = partial(SkeletonLoader, clips, max_nodes=MOST_NODES, shuffle=True)
        rates = [_loader_rate(loader(num_workers=workers)) for workers in (0, 1, 2)]
        steps = _training_rate(model, loader())
        alone = ", ".join(f"{rate:.0f}" for rate in rates)
        print(
            f"{type(model).__name__}: loader alone {alone} clips a second (0, 1, 2 workers), "
            f"training {steps:.1f}: {rates[1] / steps:.0f} x with one worker"
        )


def vary(keypoints: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    turned = transforms.random_rotation(keypoints, 0.3, generator=generator)
    return transforms.random_scale(turned, 0.1, generator=generator)


def _loader_rate(loader: SkeletonLoader) -> float:
    start, clips = time.perf_counter(), 0
    for batch in loader:
        clips += batch.num_graphs
    return clips / (time.perf_counter() - start)


def _training_rate(model: torch.nn.Module, loader: SkeletonLoader, steps: int = 5) -> float:
    batches = [batch for batch, _ in zip(loader, range(steps + 1))]
    rates = []
    for batch in batches:
        start = time.perf_counter()
        torch.nn.functional.cross_entropy(model(batch), batch.y).backward()
        rates.append(batch.num_graphs / (time.perf_counter() - start))
    return statistics.median(rates[1:])


def _python(text: str, *arguments: str) -> list[float]:
    done = subprocess.run([sys.executable, "-c", text, *arguments], capture_output=True, check=True)
    return [float(word) for word in done.stdout.split()]


MEASURES = {
    "store": measure_store,
    "sharing": measure_sharing,
    "memory": measure_memory,
    "loading": measure_loading,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=list(MEASURES))
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    MEASURES[chosen.what](chosen.out)
