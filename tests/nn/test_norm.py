"""Normalisation is PyTorch's, on the nodes that are there."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import BatchNorm1d

from stgraph.nn import JointNorm, NodeNorm

from .oracles import assert_same, leaf, randomize


def statistics(norm: torch.nn.Module) -> list[Tensor]:
    return [norm.running_mean, norm.running_var]


def twins(channels: int) -> tuple[NodeNorm, BatchNorm1d]:
    """The same parameters (shared) and the same running statistics (copied)."""
    ours, theirs = NodeNorm(channels).double(), BatchNorm1d(channels).double()
    randomize(ours)
    theirs.load_state_dict(ours.state_dict())
    theirs.weight, theirs.bias = ours.weight, ours.bias
    return ours, theirs


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(2, 3), (50, 1), (1000, 8)])
def test_node_norm_is_batch_norm(training: bool, shape: tuple[int, int]):
    ours, theirs = (norm.train(training) for norm in twins(shape[1]))
    for _ in range(3):
        x = leaf(*shape)
        assert_same(ours(x), theirs(x), [x, ours.weight, ours.bias])
        torch.testing.assert_close(statistics(ours), statistics(theirs), rtol=1e-10, atol=1e-10)
    assert ours.num_batches_tracked == theirs.num_batches_tracked == (3 if training else 0)


def test_node_norm_reads_check_points_of_batch_norm():
    state = BatchNorm1d(4).state_dict()
    assert NodeNorm(4).load_state_dict(state).missing_keys == []
    assert NodeNorm(4).state_dict().keys() == state.keys()


def test_node_norm_keeps_half_precision_and_shape():
    x = torch.randn(20, 4, dtype=torch.bfloat16)
    out = NodeNorm(4).bfloat16()(x)
    assert out.shape == x.shape
    assert out.dtype == torch.bfloat16


@pytest.mark.parametrize("nodes", [0, 1])
def test_node_norm_cannot_train_on_fewer_than_two_nodes(nodes: int):
    with pytest.raises(ValueError, match=f"at least two nodes to train on, got {nodes}"):
        NodeNorm(4)(torch.randn(nodes, 4))
    assert NodeNorm(4).eval()(torch.randn(nodes, 4)).shape == (nodes, 4)


def clips(bodies: int, frames: int, joints: int, channels: int) -> tuple[Tensor, Tensor]:
    """Nodes of full clips, and their joints."""
    x = leaf(bodies * frames * joints, channels)
    return x, torch.arange(joints).repeat(bodies * frames)


@pytest.mark.parametrize("training", [True, False])
def test_on_full_clips_joint_norm_is_batch_norm_over_joints_and_channels(training: bool):
    bodies, frames, joints, channels = 3, 4, 5, 2
    ours, theirs = JointNorm(joints, channels).double(), BatchNorm1d(joints * channels).double()
    randomize(ours)
    theirs.load_state_dict({k: v.flatten() for k, v in ours.state_dict().items()}, strict=False)
    theirs.weight = torch.nn.Parameter(ours.weight.detach().flatten())
    ours.train(training)
    theirs.train(training)
    for _ in range(3):
        x, joint = clips(bodies, frames, joints, channels)
        dense = x.view(bodies, frames, joints * channels).mT
        wanted = theirs(dense).mT.reshape(-1, channels)
        assert_same(ours(x, joint), wanted, [x])
        for mine, other in zip(statistics(ours), statistics(theirs)):
            torch.testing.assert_close(mine.flatten(), other, rtol=1e-10, atol=1e-10)


def test_gradients_of_joint_norm_for_its_parameters_are_those_of_batch_norm():
    norm = JointNorm(5, 2).double()
    randomize(norm)
    x, joint = clips(3, 4, 5, 2)
    dense = x.view(3, 4, 10).mT
    parameters = norm.weight.flatten(), norm.bias.flatten()
    wanted = torch.nn.functional.batch_norm(dense, None, None, *parameters, training=True)
    assert_same(norm(x, joint), wanted.mT.reshape(-1, 2), [x, norm.weight, norm.bias])


def test_joint_norm_of_ragged_clips_sees_the_nodes_of_each_joint_and_no_others():
    norm = JointNorm(4, 3).double()
    x, joint = leaf(40, 3), torch.randint(4, (40,))
    single = [BatchNorm1d(3).double() for _ in range(4)]
    wanted = torch.zeros_like(x)
    for number, one in enumerate(single):
        wanted = wanted.index_put((joint == number,), one(x[joint == number]))
    assert_same(norm(x, joint), wanted, [x])
    for ours, number in zip(statistics(norm), ("running_mean", "running_var")):
        theirs = torch.stack([getattr(one, number) for one in single])
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_joints_seen_never_or_once_keep_their_running_statistics():
    norm = JointNorm(4, 2)
    randomize(norm)
    mean, var = (value.clone() for value in statistics(norm))
    x = torch.randn(7, 2)
    out = norm(x, torch.tensor([0, 0, 0, 2, 1, 1, 1]))
    assert out.isfinite().all()
    for before, after in zip((mean, var), statistics(norm)):
        assert torch.equal(before[[2, 3]], after[[2, 3]])
        assert (before[[0, 1]] != after[[0, 1]]).all()


def test_in_evaluation_joint_norm_treats_every_node_alone():
    norm = JointNorm(4, 2).eval()
    randomize(norm)
    x, joint = torch.randn(30, 2), torch.randint(4, (30,))
    alone = torch.cat([norm(x[i : i + 1], joint[i : i + 1]) for i in range(30)])
    torch.testing.assert_close(norm(x, joint), alone)
    assert norm(x[:0], joint[:0]).shape == (0, 2)


def test_joint_norm_keeps_the_variance_of_coordinates_far_from_zero_in_single_precision():
    x = 1000 + torch.randn(20_000, 1)
    out = JointNorm(1, 1)(x, torch.zeros(20_000, dtype=torch.long)).detach()
    assert abs(float(out.mean())) < 1e-2
    assert abs(float(out.std()) - 1) < 1e-2
