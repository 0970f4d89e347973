"""Batch normalisation over the nodes that are really there."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import BatchNorm1d, Module, Parameter
from torch_geometric.utils import scatter

from stgraph.processes import place, total


class NodeNorm(BatchNorm1d):
    """``BatchNorm1d`` on node rows ``[N, C]``: the same numbers, parameters and names.

    It hands the rows to PyTorch as a channels-last image, the form for which PyTorch's CPU code is
    fastest (docs/benchmarks.md).

    Attributes:
        synced: Whether statistics are those of all processes that train together.
    """

    synced = False

    def forward(self, input: Tensor) -> Tensor:
        if self.synced and self.training and place()[1] > 1:
            return self._together(input)
        if self.training and input.shape[0] < 2:
            raise ValueError(
                f"Batch normalisation needs at least two nodes to train on, got {input.shape[0]}; "
                "use larger batches, or model.eval()."
            )
        rows, channels = input.shape
        normalized = super().forward(input.reshape(1, rows, 1, channels).permute(0, 3, 1, 2))
        return normalized.permute(0, 2, 3, 1).reshape(rows, channels)

    def _together(self, x: Tensor) -> Tensor:
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        count = total(wide.new_tensor(float(len(x))))
        mean = total(wide.sum(0)) / count
        var = total((wide - mean).square().sum(0)) / count
        track(self, mean.detach(), var.detach() * count / (count - 1).clamp(min=1), count > 1)
        return ((wide - mean) * (var + self.eps).rsqrt() * self.weight + self.bias).to(x.dtype)

    def _check_input_dim(self, input: Tensor) -> None:
        pass


class JointNorm(Module):
    """Normalises every (joint, channel) by its own mean and variance over the nodes of that joint.

    The data normalisation of ST-GCN (``BatchNorm1d(V * C)`` in the released program), on ragged
    clips: persons and frames that are not there take no part. Rows are looked up by
    ``index_select``, whose gradient on the CPU is the same in every run, and takes a ninth of the
    time of ``[]`` (docs/benchmarks.md).

    Args:
        num_joints: V; or M V where M persons are told apart and ``joint`` counts person by person.
        channels: C.
        eps: Added to the variance.
        momentum: Share of the new batch in the running statistics.

    Attributes:
        synced: Whether statistics are those of all processes that train together.

    Shapes:
        - **x:** float ``[N, C]``, **joint:** long ``[N]``, **out:** float ``[N, C]``
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    synced = False

    def __init__(
        self, num_joints: int, channels: int, *, eps: float = 1e-5, momentum: float = 0.1
    ) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = Parameter(torch.ones(num_joints, channels))
        self.bias = Parameter(torch.zeros(num_joints, channels))
        self.register_buffer("running_mean", torch.zeros(num_joints, channels))
        self.register_buffer("running_var", torch.ones(num_joints, channels))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: Tensor, joint: Tensor) -> Tensor:
        mean, var = self._batch_statistics(x, joint) if self.training else self._running()
        scale = self.weight * (var + self.eps).rsqrt()
        shift = self.bias - mean * scale
        return x * scale.index_select(0, joint) + shift.index_select(0, joint)

    def _running(self) -> tuple[Tensor, Tensor]:
        return self.running_mean, self.running_var

    def _batch_statistics(self, x: Tensor, joint: Tensor) -> tuple[Tensor, Tensor]:
        joints = len(self.weight)
        add = total if self.synced else _unchanged
        count = add(torch.bincount(joint, minlength=joints).to(x.dtype)[:, None])
        sums = add(scatter(x, joint, dim_size=joints, reduce="sum"))
        mean = sums / count.clamp(min=1)
        var = add(
            scatter(
                (x - mean.index_select(0, joint)).square(), joint, dim_size=joints, reduce="sum"
            )
        )
        track(self, mean.detach(), var.detach() / (count - 1).clamp(min=1), count > 1)
        return mean, var / count.clamp(min=1)

    def extra_repr(self) -> str:
        joints, channels = self.weight.shape
        return f"joints={joints}, channels={channels}, eps={self.eps}, momentum={self.momentum}"


def track(norm: NodeNorm | JointNorm, mean: Tensor, var: Tensor, seen: Tensor) -> None:
    """Take a batch into the running statistics, where it has ``seen`` at least two nodes."""
    assert norm.running_mean is not None and norm.running_var is not None
    assert norm.num_batches_tracked is not None and norm.momentum is not None
    norm.num_batches_tracked.add_(1)
    for running, batch in ((norm.running_mean, mean), (norm.running_var, var)):
        running.add_(torch.where(seen, norm.momentum * (batch - running), 0.0))


def sync_statistics(module: Module) -> None:
    """Let all normalisations of a network see the joint batch of the processes that train it."""
    for norm in module.modules():
        if isinstance(norm, NodeNorm | JointNorm):
            norm.synced = True


def _unchanged(x: Tensor) -> Tensor:
    return x
