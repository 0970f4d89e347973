"""Partition strategies: which subset of its neighbourhood an edge's source belongs to.

A strategy is any function ``(layout, edge_index) -> (labels [E], subset_names)``: it is handed the
edges ``source -> target`` of one frame, self-loops included, and gives each the number of its
subset. Those of Yan, Xiong, Lin, "Spatial Temporal Graph Convolutional Networks" (AAAI 2018),
section 3.3, are here, the released program's reading of the third (:func:`spatial_2018`), and the
one that turns the layer into an image convolution (:func:`grid`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from stgraph.skeleton import SkeletonLayout

Strategy = Callable[[SkeletonLayout, Tensor], tuple[Tensor, tuple[str, ...]]]

SPATIAL_SUBSETS = ("root", "centripetal", "centrifugal")


def hop_distance(layout: SkeletonLayout) -> Tensor:
    """Bones on the shortest way between every two joints: float ``[V, V]``, ``inf`` if none."""
    joints = layout.num_joints
    bones = torch.tensor(layout.bones, dtype=torch.long).reshape(-1, 2)
    step = torch.eye(joints)
    step[bones[:, 0], bones[:, 1]] = step[bones[:, 1], bones[:, 0]] = 1.0
    distance = torch.full((joints, joints), torch.inf)
    reached = torch.eye(joints)
    for hop in range(joints):
        fresh = (reached > 0) & distance.isinf()
        if not fresh.any():
            break
        distance[fresh] = float(hop)
        reached = (reached @ step > 0).float()
    return distance


def neighborhood(
    layout: SkeletonLayout, max_hop: int = 1, dilation: int = 1, self_loops: bool = True
) -> Tensor:
    """Edges ``[2, E]`` between joints at most ``max_hop`` bones apart (the paper's D, section 3.2).

    ``dilation`` keeps the distances 0, d, 2d, ... only. Sorted by target, then source.
    """
    if max_hop < 0 or dilation < 1:
        raise ValueError(
            f"A neighbourhood needs max_hop >= 0 and dilation >= 1, not {max_hop} and {dilation}."
        )
    distance = hop_distance(layout)
    joined = (distance <= max_hop) & (distance.remainder(dilation) == 0)
    if not self_loops:
        joined &= distance > 0
    target, source = joined.nonzero().T
    return torch.stack([source, target])


def check_edges(edge_index: Tensor, layout: SkeletonLayout) -> None:
    """Raise :class:`ValueError` unless ``edge_index`` is ``[2, E]`` joint numbers of the layout."""
    if edge_index.ndim != 2 or len(edge_index) != 2 or edge_index.dtype != torch.long:
        raise ValueError(
            f"Edges are whole numbers (torch.long) of shape [2, E], source and target, found "
            f"{edge_index.dtype} of shape {list(edge_index.shape)}."
        )
    if edge_index.numel() and not 0 <= edge_index.min() <= edge_index.max() < layout.num_joints:
        raise ValueError(
            f"Edges name joints {int(edge_index.min())} to {int(edge_index.max())}, layout "
            f"'{layout.name}' has 0 to {layout.num_joints - 1}."
        )


def uniform(layout: SkeletonLayout, edge_index: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """Uni-labeling: the whole neighbourhood is one subset (K = 1)."""
    return torch.zeros_like(edge_index[0]), ("all",)


def distance(layout: SkeletonLayout, edge_index: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """Distance partitioning: one subset per number of bones away (K = D + 1)."""
    rank, hops = _ranked_hops(layout, edge_index)
    return rank, tuple(f"{hop} hops" if hop != 1 else "1 hop" for hop in hops)


def spatial(layout: SkeletonLayout, edge_index: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """Spatial configuration partitioning, as the paper's equation 8 says (K = 3).

    A source as far from the centre joint as the target is in subset 0 (root), a nearer one in
    subset 1 (centripetal), a farther one in subset 2 (centrifugal); distances are counted in bones
    over the whole skeleton.
    """
    return compare_radius(edge_index, hop_distance(layout)[layout.center], layout)


def local(layout: SkeletonLayout, edge_index: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """Every edge in a subset of its own: the unshared "local convolution" of the paper's Table 1.

    As in a locally connected layer each joint weighs each of its neighbours with its own matrix.
    """
    names = layout.joint_names
    ends = edge_index.t().tolist()
    numbers = torch.arange(len(ends), device=edge_index.device)
    return numbers, tuple(f"{names[source]} to {names[target]}" for source, target in ends)


def spatial_from_data(clips: Iterable[Tensor]) -> Strategy:
    """The paper's other reading of equation 8: radii measured on training frames.

    Args:
        clips: Keypoints ``[M, T, V, C]`` with NaN where a joint was not seen. The gravity centre of
            a person in a frame is the mean of the seen joints; a joint's radius is its mean
            distance to that centre over all frames of all clips.

    Returns:
        A strategy with the labels of :func:`spatial`.
    """
    radius = mean_radius(clips)

    def spatial_from_data(
        layout: SkeletonLayout, edge_index: Tensor
    ) -> tuple[Tensor, tuple[str, ...]]:
        if len(radius) != layout.num_joints:
            raise ValueError(
                f"The clips have {len(radius)} joints, layout '{layout.name}' has "
                f"{layout.num_joints}; measure the radii on clips of this layout."
            )
        return compare_radius(edge_index, radius, layout)

    return spatial_from_data


def spatial_2018(layout: SkeletonLayout, edge_index: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """The partition that the released program computes under the name "spatial" (K = 1 + 2D).

    It looks no farther than D bones from the centre, so all joints beyond are "equally far", and it
    puts equally far neighbours with the farther ones: 25/40/8 edges on NTU-25 where the paper's
    rule gives 25/24/24. Check points published since June 2018 depend on it (yysijie/st-gcn
    ``net/utils/graph.py``, copied into mmskeleton, pyskl and mmaction2).
    """
    source, target = edge_index
    rank, hops = _ranked_hops(layout, edge_index)
    if 0 not in hops:  # subset 0 stays the root's, even when self-loops were left out
        rank, hops = rank + 1, [0, *hops]
    radius = hop_distance(layout)[layout.center].clone()
    radius[radius > hops[-1]] = torch.inf
    nearer = radius[source] < radius[target]
    labels = torch.where(rank > 0, 2 * rank - 1 + nearer, 0)
    names = [(f"hop {hop}, farther or tied", f"hop {hop}, nearer") for hop in hops[1:]]
    return labels, ("root", *(name for pair in names for name in pair))


def grid(layout: SkeletonLayout, edge_index: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """Offsets on a pixel grid: with it the layer is a zero-padded ``Conv2d`` (paper, section 3.2).

    For layouts whose rest pose has whole numbers, such as :meth:`SkeletonLayout.grid`. With
    ``max_hop=1`` the nine labels are the taps of a 3x3 kernel, row by row:
    ``conv.weight[3 * row + column]`` is ``conv2d.weight[:, :, row, column].T``.
    """
    if layout.positions is None:
        raise ValueError(
            f"partition.grid reads pixel coordinates from layout.positions, and layout "
            f"'{layout.name}' has none; make one with SkeletonLayout.grid(height, width)."
        )
    column, up = torch.tensor(layout.positions).round().long().T
    source, target = edge_index
    down, right = up[target] - up[source], column[source] - column[target]
    reach = max(1, int(torch.stack([down, right]).abs().max()))
    steps = range(-reach, reach + 1)
    names = tuple(f"{row:+d},{col:+d}" for row in steps for col in steps)
    return (down + reach) * len(steps) + right + reach, names


def mean_radius(clips: Iterable[Tensor]) -> Tensor:
    """Mean distance ``[V]`` of each joint to its person's gravity centre, in the clips' unit."""
    total, count = torch.zeros(()), torch.zeros(())
    for keypoints in clips:
        points = torch.as_tensor(keypoints).double()
        center = points.nanmean(dim=2, keepdim=True)
        radius = (points - center).norm(dim=-1).flatten(0, 1)
        total = total + radius.nansum(dim=0)
        count = count + radius.isfinite().sum(dim=0)
    if count.ndim == 0 or not bool((count > 0).all()):
        raise ValueError("Every joint must be seen in at least one frame to have a radius.")
    return total / count


def compare_radius(
    edge_index: Tensor, radius: Tensor, layout: SkeletonLayout
) -> tuple[Tensor, tuple[str, ...]]:
    """Labels by equation 8 for any radius ``[V]``: equal 0, source nearer 1, source farther 2."""
    if not bool(radius.isfinite().all()):
        lost = [
            n for n, r in zip(layout.joint_names, radius.tolist(), strict=True) if r == torch.inf
        ]
        raise ValueError(
            f"The spatial partition needs every joint joined to the centre "
            f"'{layout.joint_names[layout.center]}'; in layout '{layout.name}' no bones lead from "
            f"there to {', '.join(lost)}. Add a bone, or use partition.distance."
        )
    source, target = edge_index
    nearer, farther = radius[source] < radius[target], radius[source] > radius[target]
    return nearer.long() + 2 * farther.long(), SPATIAL_SUBSETS


def _ranked_hops(layout: SkeletonLayout, edge_index: Tensor) -> tuple[Tensor, list[int]]:
    """For each edge the rank of its length among all lengths, and the lengths in bones."""
    source, target = edge_index
    length = hop_distance(layout)[source, target]
    if bool(length.isinf().any()):
        raise ValueError(
            f"Some edges join joints that no bones of layout '{layout.name}' connect, so they have "
            "no length in bones; add a bone, or use a partition of your own."
        )
    hops, rank = length.long().unique(return_inverse=True)
    return rank, hops.tolist()
