"""ST-GCN as the released programs write it, on images ``[bodies, C, T, V]``: the other side.

The network of yysijie/st-gcn since June 2018, which mmskeleton and mmaction2 keep, under its names,
so that check points of it load: a 1x1 convolution to K C channels, an einsum with the adjacency,
batch normalisation, ReLU, a (9, 1) convolution, batch normalisation, dropout, residual, ReLU, on
clips that are padded with zeros. Nothing is slower in it than there: what is done in place there is
done in place here, and on a GPU it may run in channels-last form, which is faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from stgraph.nn import TEN_BLOCKS

TEMPORAL_KERNEL = 9


class SpatialConvolution(nn.Module):
    """``[bodies, C_in, T, V]`` and the adjacency ``[K, V, V]`` to ``[bodies, C_out, T, V]``."""

    def __init__(self, in_channels: int, out_channels: int, *, subsets: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, subsets * out_channels, 1)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        x = self.conv(x).unflatten(1, (len(adjacency), -1))
        return torch.einsum("nkctv,kvw->nctw", x, adjacency)


class DenseBlock(nn.Module):
    """One unit; the first of the network has neither residual nor dropout."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        stride: int,
        subsets: int,
        dropout: float | None,
    ) -> None:
        super().__init__()
        self.gcn = SpatialConvolution(in_channels, channels, subsets=subsets)
        reach = TEMPORAL_KERNEL // 2
        self.tcn = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, (TEMPORAL_KERNEL, 1), (stride, 1), (reach, 0)),
            nn.BatchNorm2d(channels),
            nn.Dropout(dropout or 0.0, inplace=True),
        )
        first = dropout is None
        self.residual: nn.Module | None = None if first else nn.Identity()
        if not first and (in_channels != channels or stride != 1):
            self.residual = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, (stride, 1)), nn.BatchNorm2d(channels)
            )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor, adjacency: Tensor, memory_format: torch.memory_format) -> Tensor:
        h = self.gcn(x, adjacency).contiguous(memory_format=memory_format)
        h = self.tcn(h)
        return self.relu(h if self.residual is None else h + self.residual(x))


class DenseSTGCN(nn.Module):
    """The released network on ``[B, M, T, V, C]``, zeros where there is no body or frame.

    Args:
        in_channels: C.
        num_classes: Size of the output.
        adjacency: ``[K, V, V]``, entry ``[k, v, w]`` for the edge v -> w.
        channels_last: Whether images lie channels last, as cuDNN likes them.
        blocks: ``(channels, stride)`` of each block; by default the ten that were published.
        dropout: In every block but the first.
    """

    A: Tensor

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        adjacency: Tensor,
        *,
        channels_last: bool = False,
        blocks: Sequence[tuple[int, int]] = TEN_BLOCKS,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        subsets, joints, _ = adjacency.shape
        self.register_buffer("A", adjacency)
        self.data_bn = nn.BatchNorm1d(in_channels * joints)
        widths = [in_channels, *(channels for channels, _ in blocks)]
        unit = partial(DenseBlock, subsets=subsets)
        self.st_gcn_networks = nn.ModuleList(
            unit(widths[i], channels, stride=stride, dropout=dropout if i else None)
            for i, (channels, stride) in enumerate(blocks)
        )
        self.edge_importance = nn.ParameterList(
            nn.Parameter(torch.ones_like(adjacency)) for _ in blocks
        )
        self.fcn = nn.Conv2d(widths[-1], num_classes, 1)
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.to(memory_format=self.memory_format)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        clips, persons = x.shape[:2]
        x = self._normalized(x)
        for block, importance in zip(self.st_gcn_networks, self.edge_importance, strict=True):
            x = block(x, self.A * importance, self.memory_format)
        x = nn.functional.avg_pool2d(x, x.shape[2:])
        x = x.view(clips, persons, -1, 1, 1).mean(dim=1)
        return self.fcn(x).flatten(1)

    def _normalized(self, x: Tensor) -> Tensor:
        """Every joint and channel by its own statistics, as images ``[B M, C, T, V]``."""
        clips, persons, frames, joints, channels = x.shape
        x = x.permute(0, 1, 3, 4, 2).reshape(clips * persons, joints * channels, frames)
        x = self.data_bn(x).view(clips * persons, joints, channels, frames)
        return x.permute(0, 2, 3, 1).contiguous(memory_format=self.memory_format)
