"""From nodes to edges: all copies of a frame's edges between nodes that exist, and their labels."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from stgraph.graph import EdgeLabels, SkeletonGraph


class Nodes(NamedTuple):
    """Where each node of a clip or a batch is: long ``[N]`` each.

    ``body`` tells apart persons and, in a batch, the persons of different clips.
    """

    body: Tensor
    joint: Tensor
    frame: Tensor


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
        nodes: The nodes, in any order, with any missing.
        template: Edges ``[2, E']`` between joints.
        offsets: Frame offsets ``[Γ]``, ascending.
    """
    if not (len(nodes.frame) and len(offsets)):
        return Edges(*[nodes.frame.new_empty(0)] * 4)
    joints = 1 + int(torch.cat([nodes.joint, template.flatten()]).max())
    reach = int(offsets.abs().max())
    stride = 1 + int(nodes.frame.max()) + 2 * reach
    key = (nodes.body * joints + nodes.joint) * stride + nodes.frame + reach
    sorted_key, order = key.sort()

    incoming = _incoming(template[1], joints)[nodes.joint]
    source_joint = template[0][incoming.clamp(min=0)]
    shift = (source_joint - nodes.joint[:, None]) * stride
    wanted = key[:, None, None] + shift[:, :, None] + offsets
    if bool((sorted_key[1:] == sorted_key[:-1]).any()):
        raise ValueError(
            "Two nodes have the same person, joint and frame; give nodes that you add, such as "
            "objects, a person number of their own."
        )
    place = torch.searchsorted(sorted_key, wanted).clamp(max=len(key) - 1)
    found = (sorted_key[place] == wanted) & (incoming >= 0)[:, :, None]

    target, slot, tap = found.nonzero(as_tuple=True)
    source = order[place[target, slot, tap]]
    return Edges(source, target, incoming[target, slot], offsets[tap])


def typed_edges(nodes: Nodes, graph: SkeletonGraph) -> dict[str, Tensor]:
    """The edge fields of :class:`SkeletonData` for these nodes, as ``graph`` labels them."""
    spatial = spatial_fields(nodes, graph)
    if graph.labels.temporal != "factorized":
        return spatial
    temporal = temporal_fields(nodes, graph.labels)
    return {key: torch.cat([spatial[key], temporal[key]], dim=-1) for key in spatial}


def spatial_fields(nodes: Nodes, graph: SkeletonGraph) -> dict[str, Tensor]:
    """The edge fields of the copies of the graph's edges: labels k, or with the product k + K τ."""
    labels = graph.labels
    product = labels.temporal == "product"
    offsets = _taps(labels, nodes) if product else nodes.frame.new_zeros(1)
    edges = connect(nodes, graph.edge_index, offsets)
    tau = edges.offset + labels.reach if product else 0
    return {
        "edge_index": torch.stack([edges.source, edges.target]),
        "edge_type": graph.edge_type[edges.template] + labels.num_subsets * tau,
        "edge_weight": graph.edge_weight[edges.template],
        "edge_template": edges.template,
    }


def temporal_fields(nodes: Nodes, labels: EdgeLabels) -> dict[str, Tensor]:
    """The edge fields of each joint's own path through time, with labels K + τ."""
    joints = len(torch.bincount(nodes.joint))
    same = torch.arange(joints, device=nodes.joint.device).expand(2, -1)
    edges = connect(nodes, same, _taps(labels, nodes))
    return {
        "edge_index": torch.stack([edges.source, edges.target]),
        "edge_type": labels.num_subsets + labels.reach + edges.offset,
        "edge_weight": torch.ones(len(edges.source), device=nodes.frame.device),
        "edge_template": torch.full_like(edges.source, -1),
    }


def _taps(labels: EdgeLabels, nodes: Nodes) -> Tensor:
    return torch.arange(-labels.reach, labels.reach + 1, device=nodes.frame.device)


def _incoming(target: Tensor, joints: int) -> Tensor:
    """For each joint the template edges that end in it, padded with -1: ``[V, most]``."""
    sorted_target, order = target.sort(stable=True)
    count = torch.bincount(target, minlength=joints)
    slot = (
        torch.arange(len(target), device=target.device) - (count.cumsum(0) - count)[sorted_target]
    )
    table = target.new_full((joints, int(count.max())), -1)
    table[sorted_target, slot] = order
    return table
