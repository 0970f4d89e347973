"""The layer elsewhere: images as graphs of pixels
===============================================

STGCNConv in a model that has nothing to do with skeletons. With the nine neighbours of a pixel as
nine subsets the layer *is* a 3x3 convolution. This is shown first, and then a small classifier made
of such layers learns to tell bars from crosses::

    python examples/image_grid.py
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import Linear, Module
from torch.nn.functional import conv2d, cross_entropy

from stgraph import SkeletonGraph, SkeletonLayout, STGCNConv, normalization, partition

SIDE = 12
SHAPES = ("lying bar", "standing bar", "cross")


def pixel_graph(height: int, width: int) -> SkeletonGraph:
    """Every pixel joined to itself and its eight neighbours, labelled by their offsets."""
    layout = SkeletonLayout.grid(height, width)
    return SkeletonGraph.from_layout(
        layout, partition.grid, normalization=normalization.none, temporal=None
    )


def difference_from_conv2d() -> float:
    """The largest difference between the layer and ``conv2d`` with the same weights."""
    graph = pixel_graph(SIDE, SIDE)
    conv = STGCNConv(3, 8, graph.num_subsets).double()
    images = torch.randn(4, 3, SIDE, SIDE, dtype=torch.double)
    pixels = images.flatten(2).transpose(1, 2)
    ours = conv(pixels, graph.edge_index, graph.edge_type).transpose(1, 2).view(4, 8, SIDE, SIDE)
    kernel = conv.weight.permute(2, 1, 0).reshape(8, 3, 3, 3)
    return (ours - conv2d(images, kernel, conv.bias, padding=1)).abs().max().item()


def draw_images(count: int) -> tuple[Tensor, Tensor]:
    """Noisy images ``[count, pixels, 1]`` of bars and crosses anywhere, and their classes."""
    images, classes = 0.5 * torch.randn(count, SIDE, SIDE), torch.randint(3, (count,))
    for image, shape, place in zip(images, classes.tolist(), torch.randint(2, 7, (count, 2))):
        row, column = place.tolist()
        if shape in (0, 2):
            image[row + 2, column : column + 5] += 2
        if shape in (1, 2):
            image[row : row + 5, column + 2] += 2
    return images.flatten(1)[:, :, None], classes


class GridClassifier(Module):
    """Two convolutions over a graph of pixels, mean over pixels, linear classifier."""

    def __init__(self, graph: SkeletonGraph) -> None:
        super().__init__()
        self.graph = graph
        self.first = STGCNConv(1, 16, graph.num_subsets)
        self.second = STGCNConv(16, 16, graph.num_subsets)
        self.classifier = Linear(16, len(SHAPES))

    def forward(self, pixels: Tensor) -> Tensor:
        edges = self.graph.edge_index, self.graph.edge_type
        hidden = self.first(pixels, *edges).relu()
        return self.classifier(self.second(hidden, *edges).relu().mean(dim=1))


def main() -> None:
    torch.manual_seed(0)
    print(f"largest difference from conv2d: {difference_from_conv2d():.1e}")
    model = GridClassifier(pixel_graph(SIDE, SIDE))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for step in range(1, 151):
        images, classes = draw_images(32)
        optimizer.zero_grad()
        loss = cross_entropy(model(images), classes)
        loss.backward()
        optimizer.step()
        if step % 50 == 0:
            print(f"step {step}: loss {loss:.3f}")
    images, classes = draw_images(500)
    print(
        f"accuracy: {(model(images).argmax(dim=1) == classes).float().mean():.1%} of 500 new images"
    )


if __name__ == "__main__":
    main()
