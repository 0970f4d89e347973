"""ST-GCN as the released programs write it, on images ``[bodies, C, T, V]``: the other side.

Written from the description of yysijie/st-gcn's master (which mmskeleton and mmaction2 keep): NCHW
tensors, a 1x1 convolution to K C channels, an einsum with the adjacency, BatchNorm2d, ReLU, a (9, 1)
convolution, BatchNorm2d, Dropout, residual, ReLU; clips padded with zeros. Nothing is slower in it
than there: layers that PyTorch may do in place are done in place, as there.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stgraph.nn import TEN_BLOCKS


class DenseBlock(nn.Module):
    """One unit; ``adjacency`` is ``[K, V, V]``, entry ``[k, v, w]`` for the edge v -> w."""

    def __init__(
        self, in_channels: int, channels: int, adjacency: Tensor, stride: int, first: bool
    ) -> None:
        super().__init__()
        self.subsets = len(adjacency)
        self.gcn = nn.Conv2d(in_channels, self.subsets * channels, 1)
        self.tcn = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, (9, 1), (stride, 1), (4, 0)),
            nn.BatchNorm2d(channels),
            nn.Dropout(0.0 if first else 0.5, inplace=True),
        )
        self.residual: nn.Module | None = None
        if not first:
            self.residual = nn.Identity()
            if in_channels != channels or stride != 1:
                self.residual = nn.Sequential(
                    nn.Conv2d(in_channels, channels, 1, (stride, 1)), nn.BatchNorm2d(channels)
                )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        h = self.gcn(x)
        bodies, wide, frames, joints = h.shape
        h = h.view(bodies, self.subsets, wide // self.subsets, frames, joints)
        h = self.tcn(torch.einsum("nkctv,kvw->nctw", h, adjacency).contiguous())
        return self.relu(h if self.residual is None else h + self.residual(x))


class DenseSTGCN(nn.Module):
    """The released network on ``[B, M, T, V, C]``, zeros where there is no body or frame."""

    def __init__(self, in_channels: int, num_classes: int, adjacency: Tensor) -> None:
        super().__init__()
        self.register_buffer("adjacency", adjacency)
        self.data_bn = nn.BatchNorm1d(in_channels * adjacency.shape[1])
        widths = [in_channels, *(channels for channels, _ in TEN_BLOCKS)]
        self.blocks = nn.ModuleList(
            DenseBlock(widths[i], channels, adjacency, stride, first=i == 0)
            for i, (channels, stride) in enumerate(TEN_BLOCKS)
        )
        self.importance = nn.ParameterList(
            nn.Parameter(torch.ones_like(adjacency)) for _ in self.blocks
        )
        self.fcn = nn.Conv2d(widths[-1], num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        clips, persons, frames, joints, channels = x.shape
        x = x.permute(0, 1, 3, 4, 2).reshape(clips * persons, joints * channels, frames)
        x = self.data_bn(x).view(clips * persons, joints, channels, frames)
        x = x.permute(0, 2, 3, 1).contiguous()
        for block, importance in zip(self.blocks, self.importance, strict=True):
            x = block(x, self.adjacency * importance)
        x = nn.functional.avg_pool2d(x, x.shape[2:])
        x = x.view(clips, persons, -1, 1, 1).mean(dim=1)
        return self.fcn(x).flatten(1)
