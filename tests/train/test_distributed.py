"""Processes that train together are one process with the joint batch."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch_geometric.data import Batch

from stgraph import STGCN, STGCNPlusPlus
from stgraph.datasets import SkeletonLoader
from stgraph.evaluate import evaluate
from stgraph.nn.norm import sync_statistics
from stgraph.train import balanced_weights

from .processes import together
from .sets import read_sets, recognizer, write_swings

NETWORKS = {"STGCN": STGCN, "STGCN++": STGCNPlusPlus}
BLOCKS = [(8, 1), (12, 2)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_swings(tmp_path_factory.mktemp("data") / "swings")


def trained(data: Path, kind: str, weights: torch.Tensor | None):
    """A network in double precision with synced statistics, in its recognizer."""
    made = recognizer(read_sets(data), dropout=0.0, label_smoothing=0.1)
    torch.manual_seed(1)
    made.model = NETWORKS[kind](2, 2, read_sets(data)[0].graph, blocks=BLOCKS, dropout=0.0)
    made.class_weights = weights
    sync_statistics(made.model)
    return made.double().train()


def step(made, data: Path, rows):
    """Logits, gradients of what the process contributes, and running statistics."""
    clips = read_sets(data, graph=made.model.graph)[0]
    batch = Batch.from_data_list([clips.draw(row, 0) for row in rows])
    batch.x = batch.x.double()
    logits = made.model(batch)
    share, loss = made.weighted_loss(logits, batch.y)
    (share * loss).backward()
    return logits.detach(), [p.grad for p in made.model.parameters()], dict(made.model.state_dict())


def share_of_step(rank: int, data: Path, kind: str, weights, shares):
    made = trained(data, kind, weights)
    logits, gradients, state = step(made, data, shares[rank])
    for gradient in gradients:  # as DistributedDataParallel does
        torch.distributed.all_reduce(gradient)
        gradient /= torch.distributed.get_world_size()
    return logits, gradients, state


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_and_statistics_are_those_of_the_joint_batch(
    kind: str, weighted: bool, data, tmp_path
):
    weights = balanced_weights(torch.tensor([0, 0, 0, 1]), 2).double() if weighted else None
    shares = ([0, 3, 8], [1, 2, 5, 7, 11])  # of different numbers of clips, frames and classes
    found = together(share_of_step, tmp_path, data, kind, weights, shares)
    joint = trained(data, kind, weights)
    logits, gradients, state = step(joint, data, [*shares[0], *shares[1]])
    torch.testing.assert_close(torch.cat([each[0] for each in found]), logits)
    for _, theirs, their_state in found:
        torch.testing.assert_close(theirs, gradients, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(their_state, state, rtol=1e-9, atol=1e-9)


def stopped(rank: int, data: Path) -> str:
    made = recognizer(read_sets(data))
    batch = Batch.from_data_list([read_sets(data)[0].draw(row, 0) for row in (rank, 3)])
    if rank == 1:
        batch.x[0] = torch.inf
    with pytest.raises(ValueError) as caught:
        made.training_step(batch)
    return str(caught.value)


def test_a_loss_that_is_not_finite_stops_all_processes_and_its_own_names_the_clips(data, tmp_path):
    first, second = together(stopped, tmp_path, data)
    assert first.startswith("The loss of another process is not finite in epoch 1; lower")
    assert second.startswith("The loss is nan in epoch 1, clips ") and "; lower" in second


def evaluated(rank: int, data: Path, draws: int):
    sets = read_sets(data)
    clips = sets[0] if draws == 1 else read_sets(data, augment=shortened)[0]
    return evaluate(recognizer(sets).model, clips, batch_size=5, workers=0, draws=draws)


def shortened(keypoints, generator):
    return keypoints[:, int(torch.randint(4, (), generator=generator)) :]


@pytest.mark.parametrize("draws", [1, 3])
def test_prediction_over_processes_is_that_of_one_in_the_order_of_the_clips(
    draws: int, data, tmp_path
):
    alone = evaluated(0, data, draws)
    assert list(alone.names) == read_sets(data)[0].names
    for found in together(evaluated, tmp_path, data, draws):
        assert found.names == alone.names and torch.equal(found.labels, alone.labels)
        torch.testing.assert_close(found.logits, alone.logits)


def dealt(rank: int, data: Path, options):
    loader = SkeletonLoader(read_sets(data)[0], shuffle=True, **options)
    return [
        [(clip.name, int(nodes)) for clip, nodes in zip(batch.clips, batch.ptr.diff(), strict=True)]
        for batch in loader
    ]


@pytest.mark.parametrize("options", [{"batch_size": 4}, {"max_nodes": 400}])
def test_processes_get_as_many_steps_and_about_as_many_nodes(options, data, tmp_path):
    first, second = together(dealt, tmp_path, data, options)
    assert len(first) == len(second)
    names = [name for batch in (*first, *second) for name, _ in batch]
    assert len(names) == len(set(names)) == 24
    nodes = torch.tensor([[sum(size for _, size in b) for b in each] for each in (first, second)])
    apart = (nodes.max(0).values / nodes.float().mean(0)).mean()
    assert apart < 1.1


TINY = ("--data.name", "folder", "--model.blocks", "[[8,1]]", "--model.dropout", "0")
QUICK = ("--epochs", "2", "--workers", "0", "--accelerator", "cpu", "--sync_statistics", "true")


class Launch(NamedTuple):
    """One process that is started: what comes before ``-m stgraph``, and its environment."""

    program: list[str]
    environment: dict[str, str] = {}


PYTHON = [sys.executable]
TORCHRUN = [*PYTHON, "-m", "torch.distributed.run"]


def own(port: int) -> list[Launch]:
    return [Launch(PYTHON)]


def torchrun(port: int) -> list[Launch]:
    return [Launch([*TORCHRUN, "--standalone", "--nproc_per_node=2"])]


def torchrun_on_two_machines(port: int) -> list[Launch]:
    meeting = ["--rdzv_backend=c10d", f"--rdzv_endpoint=localhost:{port}", "--rdzv_id=1"]
    return [Launch([*TORCHRUN, "--nnodes=2", "--nproc_per_node=1", *meeting])] * 2


def slurm_on_two_machines(port: int) -> list[Launch]:
    """What ``srun --nodes 2 --ntasks-per-node 1`` tells its tasks."""
    same = {"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "1", "SLURM_NNODES": "2"}
    same |= {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "training", "SLURM_NODELIST": "localhost"}
    return [
        Launch(
            PYTHON,
            same
            | {"SLURM_PROCID": rank, "SLURM_NODEID": rank, "SLURM_LOCALID": "0"}
            | {"MASTER_PORT": str(port)},
        )
        for rank in "01"
    ]


def trained_by_command(data: Path, out: Path, launches: list[Launch], *arguments: str):
    """The weights after training, and what was printed by all processes."""
    command = ["-m", "stgraph", "train", "--data.root", str(data), "--out", str(out)]
    running = [
        subprocess.Popen(
            [*launch.program, *command, *TINY, *QUICK, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **launch.environment},
        )
        for launch in launches
    ]
    printed = [process.communicate(timeout=400)[0] for process in running]
    assert [process.returncode for process in running] == [0] * len(running), printed
    state = torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    weights = {name: value for name, value in state.items() if name.startswith("model.")}
    return weights, "".join(printed)


TWO = ("--devices", "2")
APART = ("--devices", "1", "--num_nodes", "2")


@pytest.mark.parametrize(
    ("launch", "places"),
    [
        (own, TWO),
        pytest.param(torchrun, TWO, marks=pytest.mark.slow),
        pytest.param(torchrun_on_two_machines, APART, marks=pytest.mark.slow),
        pytest.param(slurm_on_two_machines, APART, marks=pytest.mark.slow),
    ],
)
def test_two_processes_train_the_network_that_one_trains_on_joint_batches(
    launch, places, data, tmp_path
):
    """Batches of 4 on two are batches of 8 on one."""
    wanted, _ = trained_by_command(data, tmp_path / "one", own(0), "--batch_size", "8")
    two = ("--batch_size", "4", *places)
    found, printed = trained_by_command(data, tmp_path / "two", launch(free_port()), *two)
    assert printed.count("epoch   2/2") == 1
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])
