"""The dense program, trained with a recipe of ours: how accurate, in how many minutes?

Usage, options as of ``stgraph train``; clips have to be padded::

    python -m tests.benchmarks.dense_training --config tests/benchmarks/bandai_motion.yaml \\
        --data.pad "[200, 1]" --seeds 3

Batches, augmentation, optimiser and schedule are those of ``stgraph train`` with the same options
and seeds; the network is :class:`stgraph.bench.dense.DenseSTGCN`.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace

import torch
from jsonargparse import ArgumentParser
from torch import Tensor
from torch.nn.functional import cross_entropy

from stgraph.bench.dense import DenseSTGCN
from stgraph.cli import objects
from stgraph.cli.training import Options, option_groups, train_arguments
from stgraph.data import SkeletonData
from stgraph.datasets import SkeletonDataset, SkeletonLoader
from stgraph.train import seed_everything, share_of_rate
from stgraph.train.optimization import make_optimizer
from stgraph.train.recognizer import step_seed


def dense_form(batch: SkeletonData, pad: list[int], joints: int) -> Tensor:
    """The features of padded clips as ``[B, M, T, V, C]``."""
    frames, persons = pad
    return batch.x.view(batch.num_graphs, persons, frames, joints, -1)


def loader(clips: SkeletonDataset, groups: Options, *, training: bool) -> SkeletonLoader:
    options = groups[2]
    return SkeletonLoader(
        clips,
        batch_size=options.batch_size,
        shuffle=training,
        seed=options.seed,
        num_workers=options.workers,
        persistent_workers=options.workers > 0,
    )


def train_dense(groups: Options) -> tuple[float, float]:
    """Test accuracy after the last epoch, and the seconds of all epochs, without testing."""
    data, model, options = groups
    if not data.pad:
        raise ValueError("The dense program needs clips of one shape: give --data.pad.")
    seed_everything(options.seed)
    graph = objects.make_graph(objects.make_layout(data), model)
    train_set = objects.make_dataset(data, data.train_split, graph, training=True)
    test_set = objects.make_dataset(data, data.test_split, graph)
    ours = objects.make_model(train_set, model, graph)
    network = DenseSTGCN(
        ours.in_channels,
        ours.num_classes,
        graph.adjacency,
        blocks=[(width, stride) for width, stride in ours.settings["blocks"]],
        dropout=ours.settings["dropout"],
    )
    batches = loader(train_set, groups, training=True)
    steps = options.epochs * len(batches)
    optimizer = make_optimizer(network.parameters(), options, len(train_set) / len(batches))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: share_of_rate(options, step, steps)
    )
    start, step = time.monotonic(), 0
    for epoch in range(options.epochs):
        total = 0.0
        for batch in batches:
            torch.manual_seed(step_seed(options.seed, step, 0))
            logits = network(dense_form(batch, data.pad, graph.num_joints))
            loss = cross_entropy(logits, batch.y, label_smoothing=options.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total, step = total + loss.item(), step + 1
        taken = time.monotonic() - start
        print(f"epoch {epoch + 1}  loss {total / len(batches):.4f}  {taken:.0f} s", flush=True)
    taken = time.monotonic() - start
    return accuracy(network.eval(), loader(test_set, groups, training=False), data.pad), taken


@torch.inference_mode()
def accuracy(network: DenseSTGCN, batches: SkeletonLoader, pad: list[int]) -> float:
    """The share of clips that are right."""
    joints = network.A.shape[1]
    hits = [network(dense_form(b, pad, joints)).argmax(1) == b.y for b in batches]
    return float(torch.cat(hits).double().mean())


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    train_arguments(parser)
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    data, model, options = option_groups(arguments)
    found = []
    for seed in range(arguments.seeds):
        found.append(train_dense((data, model, replace(options, seed=seed))))
        print(f"seed {seed}: {100 * found[-1][0]:.2f} %, {found[-1][1] / 60:.1f} min", flush=True)
    shares = [100 * accuracy for accuracy, _ in found]
    spread = statistics.stdev(shares) if len(shares) > 1 else 0.0
    minutes = statistics.mean(seconds for _, seconds in found) / 60
    print(f"dense: {statistics.mean(shares):.2f} ± {spread:.2f} %, {minutes:.1f} min of training")


if __name__ == "__main__":
    main()
