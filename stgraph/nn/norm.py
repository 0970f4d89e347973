"""Batch normalisation over the nodes that are really there."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import BatchNorm1d, Module, Parameter
from torch_geometric.utils import scatter


class NodeNorm(BatchNorm1d):
    """``BatchNorm1d`` on node rows ``[N, C]``: the same numbers, parameters and names.

    It hands the rows to PyTorch as a channels-last image, the form for which PyTorch's CPU code is
    fastest (docs/benchmarks.md).
    """

    def forward(self, input: Tensor) -> Tensor:
        if self.training and input.shape[0] < 2:
            raise ValueError(
                f"Batch normalisation needs at least two nodes to train on, got {input.shape[0]}; "
                "use larger batches, or model.eval()."
            )
        rows, channels = input.shape
        normalized = super().forward(input.reshape(1, rows, 1, channels).permute(0, 3, 1, 2))
        return normalized.permute(0, 2, 3, 1).reshape(rows, channels)

    def _check_input_dim(self, input: Tensor) -> None:
        pass


class JointNorm(Module):
    """Normalises every (joint, channel) by its own mean and variance over the nodes of that joint.

    The data normalisation of ST-GCN (``BatchNorm1d(V * C)`` in the released program), on ragged
    clips: persons and frames that are not there take no part.

    Args:
        num_joints: V; or M V where M persons are told apart and ``joint`` counts person by person.
        channels: C.
        eps: Added to the variance.
        momentum: Share of the new batch in the running statistics.

    Shapes:
        - **x:** float ``[N, C]``, **joint:** long ``[N]``, **out:** float ``[N, C]``
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

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
        return x * scale[joint] + (self.bias - mean * scale)[joint]

    def _running(self) -> tuple[Tensor, Tensor]:
        return self.running_mean, self.running_var

    def _batch_statistics(self, x: Tensor, joint: Tensor) -> tuple[Tensor, Tensor]:
        joints = len(self.weight)
        count = torch.bincount(joint, minlength=joints).to(x.dtype)[:, None]
        mean = scatter(x, joint, dim_size=joints, reduce="sum") / count.clamp(min=1)
        var = scatter((x - mean[joint]).square(), joint, dim_size=joints, reduce="sum")
        self._track(mean.detach(), var.detach() / (count - 1).clamp(min=1), count > 1)
        return mean, var / count.clamp(min=1)

    def _track(self, mean: Tensor, var: Tensor, seen: Tensor) -> None:
        """Running statistics of the joints that this batch has seen at least twice."""
        self.num_batches_tracked.add_(1)
        for running, batch in ((self.running_mean, mean), (self.running_var, var)):
            running.add_(torch.where(seen, self.momentum * (batch - running), 0.0))

    def extra_repr(self) -> str:
        joints, channels = self.weight.shape
        return f"joints={joints}, channels={channels}, eps={self.eps}, momentum={self.momentum}"
