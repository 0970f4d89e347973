"""From nodes to edges: all copies of a frame's edges between nodes that exist, and their labels."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from stgraph.copies import Copies, Nodes, bodies_of, find_copies, frames_of, write_out
from stgraph.graph import EdgeLabels, SkeletonGraph

__all__ = [
    "Nodes",
    "Edges",
    "bodies_of",
    "connect",
    "frames_of",
    "spatial_fields",
    "temporal_fields",
    "typed_edges",
]


class Edges(NamedTuple):
    """Edges made by :func:`connect`, ordered by target: long ``[E]`` each.

    ``template`` is the number of the template edge, ``offset`` the source's frame minus the
    target's.
    """

    source: Tensor
    target: Tensor
    template: Tensor
    offset: Tensor


def connect(nodes: Nodes, template: Tensor, offsets: Tensor) -> Edges:
    """All copies of template edges between existing nodes, at the given frame offsets.

    A template edge v -> u gives an edge from the node (body, v, frame + offset) to the node
    (body, u, frame), wherever both exist. Everything is a case of this: spatial edges (the
    SkeletonGraph's edges, offset 0), temporal edges (v -> v, offsets -⌊Γ/2⌋..⌊Γ/2⌋) and the
    product of the two.

    Args:
        nodes: The nodes, in any order, with any missing. Where :func:`bodies_of` finds some,
            edges are written without looking for nodes, many times as fast.
        template: Edges ``[2, E']`` between joints.
        offsets: Frame offsets ``[Γ]``, ascending.

    Returns:
        The edges, ordered by target, then number of the template edge, then offset.

    Raises:
        ValueError: If two nodes are the same joint of one body in one frame.
    """
    # In whole frames the last node is the last joint.
    joints = 1 + int(torch.cat([nodes.joint[-1:], template.flatten(), offsets.new_zeros(1)]).max())
    fields = write_out([find_copies(nodes, template, offsets, bodies=bodies_of(nodes, joints))])
    source, target = fields["edge_index"]
    return Edges(source, target, fields["template"], fields["offset"])


def typed_edges(
    nodes: Nodes, graph: SkeletonGraph, starts: Tensor | None = None
) -> dict[str, Tensor]:
    """The edge fields of :class:`SkeletonData` for these nodes, as ``graph`` labels them.

    Edges in space, then edges in time; and that clip by clip, if ``starts`` has the first node of
    each clip and at last the number of nodes, ``[B + 1]``.
    """
    bodies = bodies_of(nodes, graph.num_joints)
    parts = [_spatial(nodes, graph, bodies)]
    if graph.labels.temporal == "factorized":
        parts.append(_temporal(nodes, graph.labels, bodies))
    if starts is not None and len(parts) > 1:
        clips = zip(*(part.split(starts) for part in parts), strict=True)
        parts = [part for clip in clips for part in clip]
    return write_out(parts)


def spatial_fields(nodes: Nodes, graph: SkeletonGraph) -> dict[str, Tensor]:
    """The edge fields of the copies of the graph's edges: labels k, or with the product k + K τ."""
    return write_out([_spatial(nodes, graph, bodies_of(nodes, graph.num_joints))])


def temporal_fields(nodes: Nodes, labels: EdgeLabels) -> dict[str, Tensor]:
    """The edge fields of each joint's own path through time, with labels K + τ."""
    joints = 1 + int(nodes.joint[-1]) if len(nodes.joint) else 1
    return write_out([_temporal(nodes, labels, bodies_of(nodes, joints))])


def _spatial(nodes: Nodes, graph: SkeletonGraph, bodies: Tensor | None) -> Copies:
    labels = graph.labels
    product = labels.temporal == "product"
    offsets = _taps(labels, nodes) if product else nodes.frame.new_zeros(1)
    copies = find_copies(nodes, graph.edge_index, offsets, bodies=bodies)
    tau = copies.pattern["offset"] + labels.reach if product else 0
    edge = copies.pattern["template"]
    return copies.labelled(
        edge_type=graph.edge_type[edge] + labels.num_subsets * tau,
        edge_weight=graph.edge_weight[edge],
        edge_template=edge,
    )


def _temporal(nodes: Nodes, labels: EdgeLabels, bodies: Tensor | None) -> Copies:
    joints = len(torch.bincount(nodes.joint))
    same = torch.arange(joints, device=nodes.joint.device).expand(2, -1)
    copies = find_copies(nodes, same, _taps(labels, nodes), bodies=bodies)
    offset = copies.pattern["offset"]
    return copies.labelled(
        edge_type=labels.num_subsets + labels.reach + offset,
        edge_weight=torch.ones_like(offset, dtype=torch.get_default_dtype()),
        edge_template=torch.full_like(offset, -1),
    )


def _taps(labels: EdgeLabels, nodes: Nodes) -> Tensor:
    return torch.arange(-labels.reach, labels.reach + 1, device=nodes.frame.device)
