"""Copies of a frame's edges between the nodes that exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

_ENDS = ("source", "target")
_CANDIDATES = 2**20  # how many possible edges are looked for at a time


class Nodes(NamedTuple):
    """Where each node of a clip or a batch is: long ``[N]`` each.

    ``body`` tells apart persons and, in a batch, the persons of different clips.
    """

    body: Tensor
    joint: Tensor
    frame: Tensor


class Copies(NamedTuple):
    """Edges in order of their targets, not written out where they repeat from frame to frame.

    Row r of all edges is row ``row[r]`` of the pattern, whose ends count from the node
    ``first[r]``. Where nothing repeats, both are ``None`` and the pattern is all edges.

    Shapes:
        - **pattern:** ``source``, ``target`` and what else is known of edges: ``[P, W]``, or
          ``[E]`` if nothing repeats
        - **row, first:** long ``[R]``, where R W = E
    """

    pattern: dict[str, Tensor]
    row: Tensor | None = None
    first: Tensor | None = None

    def labelled(self, **labels: Tensor) -> Copies:
        """The same edges, of which this is known in place of what was."""
        return self._replace(pattern={key: self.pattern[key] for key in _ENDS} | labels)

    def edge_index(self) -> Tensor:
        """The ends of all edges, ``[2, E]``."""
        source, target = (self.pattern[key] for key in _ENDS)
        if self.row is None or self.first is None:
            return torch.stack([source, target])
        written = source.new_empty(2, len(self.row), source.shape[1])
        torch.index_select(source, 0, self.row, out=written[0])
        torch.index_select(target, 0, self.row, out=written[1])
        written += self.first[:, None]
        return written.flatten(1)

    def label(self, key: str) -> Tensor:
        """What is known of all edges under this name, ``[E]``."""
        values = self.pattern[key]
        return values if self.row is None else values.index_select(0, self.row).flatten()

    def sizes(self, starts: Tensor) -> list[int]:
        """The number of edges into the nodes from each start to before the next one."""
        target = self.pattern["target"]
        if self.first is None:
            return torch.searchsorted(target, starts).diff().tolist()
        return (torch.searchsorted(self.first, starts).diff() * target.shape[1]).tolist()


def write_out(copies: Copies) -> dict[str, Tensor]:
    """``edge_index`` and labels of all these edges."""
    labels = {key: copies.label(key) for key in copies.pattern if key not in _ENDS}
    return {"edge_index": copies.edge_index(), **labels}


def write_in_turn(one: Copies, other: Copies, starts: Tensor) -> dict[str, Tensor]:
    """The same of two sets of edges, in turn those into the nodes from each start to the next."""
    sizes = one.sizes(starts), other.sizes(starts)

    def merged(values: Tensor, others: Tensor, out: Tensor | None = None) -> Tensor:
        pieces = zip(values.split(sizes[0]), others.split(sizes[1]), strict=True)
        return torch.cat([piece for pair in pieces for piece in pair], out=out)

    ends = one.edge_index(), other.edge_index()
    edge_index = ends[0].new_empty(2, sum(map(sum, sizes)))
    for out, first, second in zip(edge_index, *ends, strict=True):
        merged(first, second, out)
    labels = {
        key: merged(one.label(key), other.label(key)) for key in one.pattern if key not in _ENDS
    }
    return {"edge_index": edge_index, **labels}


def runs(nodes: Nodes, num_joints: int) -> Tensor | None:
    """Where each body starts and how long it is, if nodes are whole frames in order.

    Returns:
        The first frame and the number of frames of each body, long ``[R, 2]``, in the order of the
        nodes; a frame is every ``num_joints`` nodes. ``None`` unless these are all joints of one
        body in one frame, in order, and the frames of a body follow one another both among the
        nodes and in time; and if there are no nodes.
    """
    frames, rest = divmod(len(nodes.frame), num_joints)
    if frames == 0 or rest:
        return None
    body, joint, frame = (field.reshape(frames, num_joints) for field in nodes)
    in_order = joint == torch.arange(num_joints, device=joint.device)
    whole = (in_order & (body == body[:, :1]) & (frame == frame[:, :1])).all()
    body, frame = body[:, 0], frame[:, 0]
    starts = torch.ones_like(body, dtype=torch.bool)
    starts[1:] = (body[1:] != body[:-1]) | (frame[1:] != frame[:-1] + 1)
    first = starts.nonzero().squeeze(1)
    bodies = body[first].sort().values
    if not bool(whole & (bodies[1:] != bodies[:-1]).all()):
        return None
    return torch.stack([first, first.diff(append=first.new_tensor([frames]))], dim=1)


def find_copies(
    nodes: Nodes, template: Tensor, offsets: Tensor, *, bodies: Tensor | None
) -> Copies:
    """The edges of :func:`stgraph.edges.connect`; ``bodies`` is what :func:`runs` says of nodes.

    Besides their ends, ``template`` and ``offset`` of edges are known.
    """
    if bodies is None or not len(offsets):
        return Copies(_search(nodes, template, offsets))
    return _repeat(bodies[:, 1], nodes, template, offsets)


def _repeat(length: Tensor, nodes: Nodes, template: Tensor, offsets: Tensor) -> Copies:
    """Edges between whole frames, of which each body has ``length``, one body after the other.

    What edges a frame has depends only on the offsets that stay inside the body: ``taps`` of them,
    from number ``low``. The pattern has them once for each such pair, as ``taps`` rows.
    """
    body = torch.repeat_interleave(length)
    frame = torch.arange(len(body), device=body.device)
    joints = len(nodes.joint) // len(body)
    end = length.cumsum(0)
    low = torch.searchsorted(offsets, (end - length).index_select(0, body) - frame)
    high = torch.searchsorted(offsets, end.index_select(0, body) - 1 - frame, right=True)
    code = low * (len(offsets) + 1) + high
    pairs = torch.bincount(code).nonzero().squeeze(1)
    pair = torch.searchsorted(pairs, code)
    low = pairs // (len(offsets) + 1)
    taps = pairs % (len(offsets) + 1) - low
    start = (taps.cumsum(0) - taps).index_select(0, pair)
    row, frame = _ranges(start, taps.index_select(0, pair))
    return Copies(_pattern(template, offsets, (low, taps), joints), row, joints * frame)


def _pattern(
    template: Tensor, offsets: Tensor, pairs: tuple[Tensor, Tensor], joints: int
) -> dict[str, Tensor]:
    """The edges into one frame for each pair of lowest offset and number of offsets."""
    low, taps = pairs
    row, pair = _ranges(torch.zeros_like(taps), taps)
    low, taps = low[pair, None], taps[pair, None]
    order = template[1].sort(stable=True).indices
    place = row[:, None] * len(order) + torch.arange(len(order), device=order.device)
    edge, offset = order[place // taps], offsets[low + place % taps]
    source, target = template[0][edge] + joints * offset, template[1][edge]
    return {"source": source, "target": target, "template": edge, "offset": offset}


def _ranges(start: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """All of start .. start + length - 1, for one start and length after the other, and whose."""
    whose = torch.repeat_interleave(length)
    shift = start - (length.cumsum(0) - length)
    return shift.index_select(0, whose) + torch.arange(len(whose), device=whose.device), whose


def _search(nodes: Nodes, template: Tensor, offsets: Tensor) -> dict[str, Tensor]:
    """The edges between any nodes: of all possible ones those that have a node at their source."""
    if not (len(nodes.frame) and len(offsets)):
        return dict.fromkeys(("source", "target", "template", "offset"), nodes.frame.new_empty(0))
    joints = 1 + int(torch.cat([nodes.joint, template.flatten()]).max())
    reach = int(offsets.abs().max())
    earliest, latest = nodes.frame.aminmax()
    stride = 1 + int(latest - earliest) + 2 * reach
    key = (nodes.body * joints + nodes.joint) * stride + nodes.frame - earliest + reach
    node_at = _finder(key)
    incoming = _incoming(template[1], joints)

    def into(target: Tensor) -> tuple[Tensor, ...]:
        edge = incoming[nodes.joint[target]]
        joint = template[0][edge.clamp(min=0)]
        shift = (joint - nodes.joint[target][:, None]) * stride
        source = node_at(key[target][:, None, None] + shift[:, :, None] + offsets)
        found = (source >= 0) & (edge >= 0)[:, :, None]
        row, slot, tap = found.nonzero(as_tuple=True)
        return source[row, slot, tap], target[row], edge[row, slot], offsets[tap]

    every = torch.arange(len(key), device=key.device)
    at_once = max(1, _CANDIDATES // max(1, incoming.shape[1] * len(offsets)))
    pieces = zip(*map(into, every.split(at_once)), strict=True)
    return dict(zip(("source", "target", "template", "offset"), map(torch.cat, pieces)))


def _finder(key: Tensor) -> Callable[[Tensor], Tensor]:
    """A function that gives for any keys the numbers of their nodes; -1 where there is none."""
    sorted_key, order = key.sort()
    if bool((sorted_key[1:] == sorted_key[:-1]).any()):
        raise ValueError(
            "Two nodes have the same person, joint and frame; give nodes that you add, such as "
            "objects, a person number of their own."
        )

    def node_at(wanted: Tensor) -> Tensor:
        place = torch.searchsorted(sorted_key, wanted).clamp(max=len(key) - 1)
        return order[place].where(sorted_key[place] == wanted, -1)

    return node_at


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
