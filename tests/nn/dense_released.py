"""The released networks as dense programs on images ``[bodies, C, T, V]``, written from
descriptions of them; their numbers are taken from our modules."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import conv2d, linear, max_pool2d

from stgraph.nn import MultiScaleTemporal, SkeletonNetwork, STGCNPlusPlusBlock, STGCNv010Block

from .oracles import dense_data_norm, dense_norm, dense_spatial


def point(module: torch.nn.Linear, x: Tensor, stride: int = 1) -> Tensor:
    """A linear map as a 1x1 convolution."""
    return conv2d(x, module.weight[:, :, None, None], module.bias, stride=(stride, 1))


def in_time(conv: torch.nn.Module, x: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
    """A convolution along time, padded with zeros so that it keeps the frames."""
    kernel = conv.weight.permute(2, 1, 0)[..., None]
    padding = (dilation * (kernel.shape[2] // 2), 0)
    return conv2d(x, kernel, conv.bias, stride=(stride, 1), padding=padding, dilation=(dilation, 1))


def multi_scale(module: MultiScaleTemporal, x: Tensor, stride: int) -> Tensor:
    outs = []
    for number, (reduce, conv) in enumerate(zip(module.reduce, module.convolutions)):
        h = dense_norm(reduce[1], point(reduce[0], x)).relu()
        outs.append(in_time(conv, h, stride, dilation=number + 1))
    h = dense_norm(module.reduce[-1][1], point(module.reduce[-1][0], x)).relu()
    outs.append(max_pool2d(h, (3, 1), stride=(stride, 1), padding=(1, 0)))
    outs.append(point(module.point, x, stride))
    h = dense_norm(module.fuse[0], torch.cat(outs, dim=1)).relu()
    return dense_norm(module.norm, point(module.fuse[2], h))


def past(module: torch.nn.Module | None, x: Tensor, stride: int) -> Tensor | float:
    """The shortcut beside a block."""
    if module is None:
        return 0.0
    if isinstance(module, torch.nn.Identity):
        return x
    return dense_norm(module[1], point(module[0], x, stride))


def plus_plus_block(block: STGCNPlusPlusBlock, x: Tensor, stride: int) -> Tensor:
    """A unit of ST-GCN++, whose adjacency is a parameter."""
    h = dense_spatial(x, block.spatial.weight, block.spatial.bias, block.adjacency.weight)
    h = (dense_norm(block.spatial_norm, h) + past(block.spatial_residual, x, 1)).relu()
    return (multi_scale(block.temporal, h, stride) + past(block.residual, x, stride)).relu()


def v010_block(block: STGCNv010Block, x: Tensor, stride: int, adjacency: Tensor) -> Tensor:
    """A unit of v0.1.0: aggregate, then one convolution for each subset, biases and all."""
    h = 0.0
    for k, matrix in enumerate(adjacency * block.importance.weight):
        kernel = block.spatial.weight[k].T[:, :, None, None]
        h = h + conv2d(x @ matrix, kernel, block.bias[k])
    h = dense_norm(block.spatial_norm, h).relu()
    h = dense_norm(block.norm, in_time(block.temporal, h, stride)).relu()
    beside = past(block.residual, x, stride)
    if block.residual is not None and not isinstance(block.residual, torch.nn.Identity):
        beside = beside.relu()
    return h + beside


def network(
    model: SkeletonNetwork, keypoints: Tensor, unit: Callable[..., Tensor]
) -> tuple[Tensor, Tensor]:
    """Logits ``[B, classes]`` and last features ``[B, M, C, T', V]`` of ``[B, M, T, V, C]``."""
    clips, persons, _, joints, _ = keypoints.shape
    if model.persons is None:
        x = dense_data_norm(model.data_norm, keypoints)
    else:  # all persons of a clip side by side, as M V joints
        rows = keypoints.transpose(1, 2).flatten(2, 3)[:, None]
        x = dense_data_norm(model.data_norm, rows)
        x = x.unflatten(3, (persons, joints)).permute(0, 3, 1, 2, 4).flatten(0, 1)
    for block, stride in zip(model.blocks, model.strides, strict=True):
        x = unit(block, x, stride)
    features = x.unflatten(0, (clips, persons))
    pooled = features.mean(dim=(3, 4)).mean(dim=1)
    return linear(pooled, model.classifier.weight, model.classifier.bias), features
