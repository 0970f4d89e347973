"""From keypoints to a clip's graph and back, without a Python loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from stgraph import layouts
from stgraph.data import ClipFacts, SkeletonData
from stgraph.edges import Nodes, typed_edges
from stgraph.graph import SkeletonGraph
from stgraph.skeleton import SkeletonLayout

_EDGE_FIELDS = ("edge_type", "edge_weight", "edge_template")


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
    nodes = clip_nodes(keypoints, graph, y=y, visible=visible, pad=pad, name=name)
    return add_edges(nodes, graph)


def clip_nodes(
    keypoints: Tensor | np.ndarray,
    graph: SkeletonGraph,
    *,
    y: int | None = None,
    visible: Tensor | np.ndarray | None = None,
    pad: tuple[int, int] | None = None,
    name: str | None = None,
) -> SkeletonData:
    """The nodes of a clip, as :func:`build_clip` makes them, still without edges.

    Networks take clips and batches in this form as well, and make the edges that they need
    themselves, on their device; :func:`add_edges` adds them all.
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
    place: dict[str, Any] = {"frame": frame, "joint": joint, "person": person}
    label = {} if y is None else {"y": torch.tensor([y], device=points.device)}
    return SkeletonData(x=points[seen], **place, **label, clip=facts)


def add_edges(data: SkeletonData, graph: SkeletonGraph) -> SkeletonData:
    """The clip or batch of :func:`clip_nodes` with the edges of all its clips, on its device.

    Exactly what batching clips that have their edges already gives, and ``data`` itself is changed.
    """
    for facts in data.clips:
        if facts.graph != graph.identity:
            raise ValueError(
                f"Clip {facts.name or ''} was built with the graph {facts.graph}, not with "
                f"{graph.identity}; add the edges of its own graph."
            )
    graph = graph.to(data.x.device)
    body, first = data.person, None
    if data.batch is not None:
        persons = 1 + int(data.person.max()) if data.num_nodes else 1
        body = data.batch * persons + data.person
        count = torch.bincount(data.batch, minlength=data.num_graphs)
        first = torch.cat([count.new_zeros(1), count.cumsum(0)])
    edges = typed_edges(Nodes(body, data.joint, data.frame), graph, first)
    edges["edge_weight"] = edges["edge_weight"].to(data.x.dtype)
    for key, values in edges.items():
        data[key] = values
    if first is not None:
        _note_slices(data, first)
    return data


def _note_slices(batch: Any, first: Tensor) -> None:
    """Tell a batch which edges are whose, so that clips can be taken out of it again.

    Targets are in order within a clip's edges in space and in time only, but no edge of a later
    clip has a target before the clip's ``first`` node, and that is all that the search asks.
    """
    ends = torch.searchsorted(batch.edge_index[1].contiguous(), first).cpu()
    for key in ("edge_index", *_EDGE_FIELDS):
        batch._slice_dict[key] = ends
        batch._inc_dict[key] = torch.zeros(batch.num_graphs, dtype=torch.long)
    batch._inc_dict["edge_index"] = batch.ptr[:-1].cpu()


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
