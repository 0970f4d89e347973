"""Edge weights of one frame: how the sum over a neighbourhood is scaled.

A normalisation is any function ``(edge_index [2, E], edge_type [E], num_joints) -> weights [E]``.
With A the adjacency including self-loops and D its in-degrees, the names of the released programs
are given with each.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Normalization = Callable[[Tensor, Tensor, int], Tensor]


def per_target(edge_index: Tensor, edge_type: Tensor, num_joints: int) -> Tensor:
    """One over the target's in-degree, all subsets together: A D^-1 (st-gcn, mmskeleton)."""
    target = edge_index[1]
    return _degree(target, num_joints)[target].reciprocal()


def per_subset(edge_index: Tensor, edge_type: Tensor, num_joints: int) -> Tensor:
    """One over the size of the target's subset, the paper's Z (equation 6); pyskl, v0.1.0."""
    cell = edge_type * num_joints + edge_index[1]
    return _degree(cell, int(cell.max()) + 1 if cell.numel() else 0)[cell].reciprocal()


def symmetric(edge_index: Tensor, edge_type: Tensor, num_joints: int) -> Tensor:
    """D^-1/2 A D^-1/2 as in the GCN of Kipf and Welling; "DAD" of v0.1.0."""
    source, target = edge_index
    degree = _degree(target, num_joints)
    return (degree[source] * degree[target]).rsqrt()


def none(edge_index: Tensor, edge_type: Tensor, num_joints: int) -> Tensor:
    """All ones: the plain sum."""
    return torch.ones(edge_index.shape[1])


def random_walk_laplacian(edge_index: Tensor, edge_type: Tensor, num_joints: int) -> Tensor:
    """I - N D^-1 with N the neighbours without the joint itself; "distance*" of v0.1.0."""
    return _laplacian(edge_index, per_target(*_without_loops(edge_index, edge_type), num_joints))


def symmetric_laplacian(edge_index: Tensor, edge_type: Tensor, num_joints: int) -> Tensor:
    """I - D^-1/2 N D^-1/2 with N the neighbours without the joint itself; "DLD" of v0.1.0."""
    return _laplacian(edge_index, symmetric(*_without_loops(edge_index, edge_type), num_joints))


def _degree(index: Tensor, size: int) -> Tensor:
    return torch.bincount(index, minlength=size).float()


def _without_loops(edge_index: Tensor, edge_type: Tensor) -> tuple[Tensor, Tensor]:
    between = edge_index[0] != edge_index[1]
    return edge_index[:, between], edge_type[between]


def _laplacian(edge_index: Tensor, neighbor_weight: Tensor) -> Tensor:
    weight = torch.ones(edge_index.shape[1])
    weight[edge_index[0] != edge_index[1]] = -neighbor_weight
    return weight
