"""From keypoints to a clip's graph and back: nodes, edges, labels, without a Python loop."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from stgraph import layouts
from stgraph.data import ClipFacts, SkeletonData
from stgraph.graph import EdgeLabels, SkeletonGraph
from stgraph.skeleton import SkeletonLayout


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
    labels = graph.labels
    taps = torch.arange(-labels.reach, labels.reach + 1, device=nodes.frame.device)
    if labels.temporal == "product":
        return _spatial_fields(connect(nodes, graph.edge_index, taps), graph)
    spatial = _spatial_fields(connect(nodes, graph.edge_index, taps[labels.reach, None]), graph)
    if labels.temporal is None:
        return spatial
    temporal = temporal_fields(nodes, labels)
    return {key: torch.cat([spatial[key], temporal[key]], dim=-1) for key in spatial}


def temporal_fields(nodes: Nodes, labels: EdgeLabels) -> dict[str, Tensor]:
    """The edge fields of each joint's own path through time, with labels K + τ."""
    joints = len(torch.bincount(nodes.joint))
    same = torch.arange(joints, device=nodes.joint.device).expand(2, -1)
    taps = torch.arange(-labels.reach, labels.reach + 1, device=nodes.frame.device)
    edges = connect(nodes, same, taps)
    return {
        "edge_index": torch.stack([edges.source, edges.target]),
        "edge_type": labels.num_subsets + labels.reach + edges.offset,
        "edge_weight": torch.ones(len(edges.source), device=nodes.frame.device),
        "edge_template": torch.full_like(edges.source, -1),
    }


def _spatial_fields(edges: Edges, graph: SkeletonGraph) -> dict[str, Tensor]:
    labels = graph.labels
    tau = edges.offset + labels.reach if labels.temporal == "product" else 0
    return {
        "edge_index": torch.stack([edges.source, edges.target]),
        "edge_type": graph.edge_type[edges.template] + labels.num_subsets * tau,
        "edge_weight": graph.edge_weight[edges.template],
        "edge_template": edges.template,
    }


def build_clip(
    keypoints: Tensor | np.ndarray,
    graph: SkeletonGraph,
    *,
    y: int | None = None,
    visible: Tensor | np.ndarray | None = None,
    pad: tuple[int, int] | None = None,
    name: str | None = None,
) -> SkeletonData:
    """The graph of a clip.

    Args:
        keypoints: ``[M, T, V, C]``: persons, frames, joints, channels; any M and T.
        graph: The labelled frame; its layout has V joints.
        y: The class, 0-based.
        visible: bool ``[M, T, V]``: which joints were seen. The others become no nodes, and no
            edges; a person who is absent from a frame is one with no visible joints there. The
            weights of the edges that stay are those of the whole frame. Default: all.
        pad: ``(frames, persons)``: put zeros back as nodes, up to this many frames and persons,
            and in place of joints that are not visible, as the released programs do.
        name: What the clip is called, for messages and predictions.

    Returns:
        A :class:`SkeletonData` on the device of ``keypoints``.

    Raises:
        ValueError: If shapes do not fit, coordinates are not finite, or nothing is left to see.
    """
    points = torch.as_tensor(keypoints)
    points = points if points.is_floating_point() else points.float()
    _check_keypoints(points, graph)
    seen = torch.ones(points.shape[:3], dtype=torch.bool, device=points.device)
    if visible is not None:
        seen = torch.as_tensor(visible, device=points.device).bool()
        _check_visible(points, seen, pad)
    _check_finite(points, seen)
    persons, frames, joints, _ = points.shape
    facts = ClipFacts(persons, frames, joints, graph.labels, graph.identity, name)
    if pad is not None:
        points, seen = _pad_with_zeros(points, seen, pad)

    person, frame, joint = seen.nonzero(as_tuple=True)
    edges = typed_edges(Nodes(person, joint, frame), graph.to(points.device))
    edges["edge_weight"] = edges["edge_weight"].to(points.dtype)
    place: dict[str, Any] = {"frame": frame, "joint": joint, "person": person}
    label = {} if y is None else {"y": torch.tensor([y], device=points.device)}
    return SkeletonData(x=points[seen], **edges, **place, **label, clip=facts)


def to_keypoints(data: SkeletonData, fill: float = torch.nan) -> Tensor:
    """The keypoints ``[M, T, V, C]`` of a single clip; ``fill`` where there is no node.

    The exact inverse of :func:`build_clip` (with padding, of what was padded).

    Raises:
        ValueError: If ``data`` is a batch: take a clip out first, ``batch[i]``.
    """
    if len(data.clips) != 1 or data.batch is not None:
        raise ValueError(
            f"to_keypoints takes one clip, this is a batch of {len(data.clips)}; use batch[i]."
        )
    facts = data.clips[0]
    least = (facts.persons, facts.frames, facts.joints)
    place = (data.person, data.frame, data.joint)
    ends = [1 + int(at.max()) if len(at) else 0 for at in place]
    shape = map(max, least, ends)
    keypoints = data.x.new_full((*shape, data.num_features), fill)
    keypoints[place] = data.x
    return keypoints


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


def _pad_with_zeros(points: Tensor, seen: Tensor, pad: tuple[int, int]) -> tuple[Tensor, Tensor]:
    frames, persons = pad
    if points.shape[1] > frames or points.shape[0] > persons:
        raise ValueError(
            f"The clip has {points.shape[1]} frames and {points.shape[0]} persons, more than "
            f"pad={pad} (frames, persons); cut or resample it first (stgraph.transforms)."
        )
    padded = points.new_zeros(persons, frames, *points.shape[2:])
    padded[: points.shape[0], : points.shape[1]] = points.where(seen[..., None], 0.0)
    return padded, torch.ones(padded.shape[:3], dtype=torch.bool, device=points.device)


def _check_keypoints(points: Tensor, graph: SkeletonGraph) -> None:
    if points.ndim != 4 or points.shape[3] == 0:
        raise ValueError(
            f"Keypoints have the shape [persons, frames, joints, channels], not "
            f"{list(points.shape)}; for one person use keypoints[None]."
        )
    if points.shape[2] != graph.num_joints:
        raise ValueError(
            f"Keypoints have {points.shape[2]} joints, layout '{graph.layout.name}' has "
            f"{graph.num_joints}; {_likely_layouts(points.shape[2])}."
        )
    if points.numel() == 0:
        raise ValueError(
            f"Keypoints of shape {list(points.shape)} hold no persons or no frames; a clip needs "
            "at least one of each. Leave such clips out."
        )


def _likely_layouts(joints: int) -> str:
    known = [
        f"layouts.{name}"
        for name, value in vars(layouts).items()
        if isinstance(value, SkeletonLayout) and value.num_joints == joints
    ]
    return f"{joints} joints are {' or '.join(known or ['a SkeletonLayout of your own'])}"


def _check_visible(points: Tensor, seen: Tensor, pad: tuple[int, int] | None) -> None:
    if seen.shape != points.shape[:3]:
        raise ValueError(
            f"visible has the shape {list(seen.shape)}, but keypoints {list(points.shape)} need "
            f"{list(points.shape[:3])}: one flag for each person, frame and joint."
        )
    if pad is None and not bool(seen.any()):
        raise ValueError("No joint of the clip is visible, so it has no nodes. Leave it out.")


def _check_finite(points: Tensor, seen: Tensor) -> None:
    bad = (~points.isfinite()).any(dim=-1) & seen
    if bool(bad.any()):
        where = bad.nonzero()[0].tolist()
        raise ValueError(
            f"Keypoints hold NaN or infinity in {int(bad.sum())} of {bad.numel()} joints, first at "
            f"[person, frame, joint] = {where}. If they mean 'not seen', pass "
            "visible=keypoints.isfinite().all(-1); else repair the clip."
        )
