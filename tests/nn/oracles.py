"""What the tests of layers compare with: loops from the formula, and ST-GCN on dense images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import batch_norm, conv2d

from stgraph.graph import SkeletonGraph
from stgraph.nn import STGCN, TEN_BLOCKS, JointNorm, STGCNBlock


def assert_same(
    ours: Tensor, theirs: Tensor, leaves: Sequence[Tensor], tolerance: float = 1e-10
) -> None:
    """Values are equal, and so are the gradients of a random projection for each of the leaves."""
    torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)
    cotangent = torch.randn(ours.shape, dtype=ours.dtype)
    for mine, wanted in zip(*(gradients(out, cotangent, leaves) for out in (ours, theirs))):
        torch.testing.assert_close(mine, wanted, rtol=tolerance, atol=tolerance)


def gradients(out: Tensor, cotangent: Tensor, leaves: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Zeros for leaves that the output does not depend on."""
    tied = sum((0 * leaf.sum() for leaf in leaves), out.new_zeros(()))
    return torch.autograd.grad((out * cotangent).sum() + tied, leaves, retain_graph=True)


def leaf(*shape: int) -> Tensor:
    """Random numbers in double precision that ask for a gradient."""
    return torch.randn(*shape, dtype=torch.double, requires_grad=True)


def randomize(module: Module) -> None:
    """Random parameters and running statistics, so that no one or zero hides an error."""
    with torch.no_grad():
        for value in module.parameters():
            value.add_(0.3 * torch.randn_like(value))
        for name, value in module.named_buffers():
            if value.is_floating_point():
                drawn = torch.rand_like(value)
                value.copy_(drawn + 0.5 if name.endswith("var") else drawn)


def by_hand(
    x: Tensor,
    weight: Tensor,
    edge_index: Tensor,
    edge_type: Tensor,
    edge_weight: Tensor | None,
    num_targets: int,
) -> Tensor:
    """The layer's formula, edge by edge."""
    rows = [x.new_zeros(*x.shape[:-2], weight.shape[2]) for _ in range(num_targets)]
    for edge, (source, target) in enumerate(edge_index.T.tolist()):
        message = x[..., source, :] @ weight[edge_type[edge]]
        rows[target] = rows[target] + (
            message if edge_weight is None else edge_weight[edge] * message
        )
    return torch.stack(rows, -2) if rows else x.new_zeros(*x.shape[:-2], 0, weight.shape[2])


def random_edges(sources: int, targets: int, edges: int, subsets: int) -> tuple[Tensor, Tensor]:
    """Random typed edges, with whatever duplicates and self-loops chance brings."""
    ends = [torch.randint(max(size, 1), (edges,)) for size in (sources, targets)]
    return torch.stack(ends), torch.randint(subsets, (edges,))


def typed_graph(nodes: int = 6, edges: int = 14, subsets: int = 3):
    """Different edges in random order, their types and weights."""
    ends = torch.randperm(nodes * nodes)[:edges]
    edge_index = torch.stack([ends // nodes, ends % nodes])
    return edge_index, torch.randint(subsets, (edges,)), torch.rand(edges)


def to_image(rows: Tensor, bodies: int, joints: int) -> Tensor:
    """Rows of full clips (person, frame, joint) as ``[bodies, C, T, V]``."""
    return rows.view(bodies, -1, joints, rows.shape[-1]).permute(0, 3, 1, 2)


def to_rows(image: Tensor) -> Tensor:
    return image.permute(0, 2, 3, 1).reshape(-1, image.shape[1])


def dense_spatial(x: Tensor, weight: Tensor, bias: Tensor, adjacency: Tensor) -> Tensor:
    """A 1x1 convolution to K C channels, then the einsum of the released program."""
    subsets, in_channels, out_channels = weight.shape
    kernel = weight.transpose(1, 2).reshape(subsets * out_channels, in_channels, 1, 1)
    h = conv2d(x, kernel, bias.flatten())
    h = h.view(len(x), subsets, out_channels, *x.shape[2:])
    return torch.einsum("nkctv,kvw->nctw", h, adjacency)


def dense_norm(norm: Module, x: Tensor) -> Tensor:
    """PyTorch's batch normalisation with the numbers of ours, on ``[N, C, ...]``."""
    stats = (norm.running_mean.flatten().clone(), norm.running_var.flatten().clone())
    scale = (norm.weight.flatten(), norm.bias.flatten())
    return batch_norm(x, *stats, *scale, training=norm.training, momentum=0.1, eps=1e-5)


def dense_block(block: STGCNBlock, x: Tensor, graph: SkeletonGraph, stride: int) -> Tensor:
    """A unit of the released program's master on ``[bodies, C, T, V]``, without its dropout."""
    adjacency = graph.adjacency.to(x.dtype) * block.importance.weight
    h = dense_spatial(x, block.spatial.weight, block.spatial.bias, adjacency)
    h = dense_norm(block.spatial_norm, h).relu()
    kernel = block.temporal.weight.permute(2, 1, 0)[..., None]
    padding = (kernel.shape[2] // 2, 0)
    h = conv2d(h, kernel, block.temporal.bias, stride=(stride, 1), padding=padding)
    h = dense_norm(block.norm, h)
    if block.residual is not None:
        h = h + _dense_residual(block.residual, x, stride)
    return h.relu()


def _dense_residual(residual: Module, x: Tensor, stride: int) -> Tensor:
    if isinstance(residual, torch.nn.Identity):
        return x
    linear, norm = residual
    kernel = linear.weight[:, :, None, None]
    return dense_norm(norm, conv2d(x, kernel, linear.bias, stride=(stride, 1)))


def dense_data_norm(norm: JointNorm, keypoints: Tensor) -> Tensor:
    """``BatchNorm1d(V C)`` with persons folded into the batch: ``[B, M, T, V, C]`` to an image."""
    clips, persons, frames, joints, channels = keypoints.shape
    x = keypoints.permute(0, 1, 3, 4, 2).reshape(clips * persons, joints * channels, frames)
    return dense_norm(norm, x).view(-1, joints, channels, frames).permute(0, 2, 3, 1)


def dense_network(
    model: STGCN, keypoints: Tensor, blocks: Sequence[tuple[int, int]] = TEN_BLOCKS
) -> Tensor:
    """The released network on ``[B, M, T, V, C]``, with the parameters of ``model``."""
    clips, persons = keypoints.shape[:2]
    x = dense_data_norm(model.data_norm, keypoints)
    for block, (_, stride) in zip(model.blocks, blocks, strict=True):
        x = dense_block(block, x, model.graph, stride)
    pooled = x.mean(dim=(2, 3)).view(clips, persons, -1).mean(dim=1)
    kernel = model.classifier.weight[:, :, None, None]
    return conv2d(pooled[:, :, None, None], kernel, model.classifier.bias)[:, :, 0, 0]
