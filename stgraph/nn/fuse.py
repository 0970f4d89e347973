"""Normalisation folded into the layers before it, for inference."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import Identity, Linear, Module, Parameter, Sequential

from stgraph.nn.conv import STGCNConv
from stgraph.nn.norm import NodeNorm


class Shift(Module):
    """Adds a constant to each channel: what is left of a normalisation.

    Shapes:
        - **x, out:** float ``[N, C]``
    """

    def __init__(self, bias: Tensor) -> None:
        super().__init__()
        self.bias = Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias


def lay_out_in_time(layer: STGCNConv) -> None:
    """Store the weight as a convolution in time wants it, so that it copies none."""
    layer.weight.data = layer.weight.data.permute(2, 0, 1).contiguous().permute(1, 2, 0)


def scale_and_shift(norm: NodeNorm) -> tuple[Tensor, Tensor]:
    """``norm(x) = x * scale + shift`` in evaluation, ``[C]`` each."""
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    return scale, norm.bias - norm.running_mean * scale


@torch.no_grad()
def fold(layer: STGCNConv | Linear, norm: Module) -> Module:
    """Put the normalisation that follows into the layer, in place.

    Returns:
        What has to follow instead: nothing but the identity, or a :class:`Shift` where the layer
        has no bias of its own for every node.
    """
    if not isinstance(norm, NodeNorm):
        return norm
    scale, shift = scale_and_shift(norm)
    layer.weight.mul_(scale[:, None] if isinstance(layer, Linear) else scale)
    if layer.bias is None:
        return Shift(shift)
    layer.bias.mul_(scale)
    if layer.bias.ndim == 2:  # a bias per subset reaches a node as often as its edges do
        return Shift(shift)
    layer.bias.add_(shift)
    return Identity()


def fold_sequences(module: Module) -> None:
    """Fold wherever a normalisation follows a linear map in a ``Sequential``, in place."""
    for sequence in module.modules():
        if isinstance(sequence, Sequential):
            for at, (layer, norm) in enumerate(pairwise(sequence)):
                if isinstance(layer, Linear) and isinstance(norm, NodeNorm):
                    sequence[at + 1] = fold(layer, norm)
