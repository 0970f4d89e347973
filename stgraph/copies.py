"""Copies of a frame's edges between the nodes that exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

_ENDS = ("source", "target")
_CANDIDATES = 2**20  # how many possible edges are looked for at a time
_PLACES = 8  # how many places for each node a table of nodes may have


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

    @property
    def num_edges(self) -> int:
        target = self.pattern["target"]
        return len(target) if self.row is None else len(self.row) * target.shape[1]

    def split(self, starts: Tensor) -> list[Copies]:
        """The edges into the nodes from each start to before the next one."""
        if self.row is None or self.first is None:
            sizes = torch.searchsorted(self.pattern["target"], starts).diff().tolist()
            columns = zip(*(values.split(sizes) for values in self.pattern.values()), strict=True)
            return [Copies(dict(zip(self.pattern, piece, strict=True))) for piece in columns]
        sizes = torch.searchsorted(self.first, starts).diff().tolist()
        rows = zip(self.row.split(sizes), self.first.split(sizes), strict=True)
        return [Copies(self.pattern, *piece) for piece in rows]

    def label(self, key: str) -> Tensor:
        """A label of all edges, ``[E]``."""
        values = self.pattern[key]
        return values if self.row is None else values.index_select(0, self.row).flatten()

    def write(self, key: str, out: Tensor) -> None:
        """Put a label or an end of all edges into ``out``, ``[E]``."""
        values = self.pattern[key]
        if self.row is None or self.first is None:
            out.copy_(values)
            return
        rows = out.view(len(self.row), values.shape[1])
        torch.index_select(values, 0, self.row, out=rows)
        if key in _ENDS:
            rows += self.first[:, None]


def write_out(parts: list[Copies]) -> dict[str, Tensor]:
    """``edge_index`` and labels of all these edges, whole numbers put where they stay at once.

    Memory that is touched for the first time costs more than all that is computed here.
    """
    sizes, pattern = [part.num_edges for part in parts], parts[0].pattern
    edge_index = pattern["target"].new_empty(2, sum(sizes))
    fields = {"edge_index": edge_index}
    for key, values in pattern.items():
        if values.is_floating_point():  # weights: somebody may differentiate them
            fields[key] = torch.cat([part.label(key) for part in parts])
            continue
        if key in _ENDS:
            whole = edge_index[_ENDS.index(key)]
        else:
            whole = fields[key] = edge_index.new_empty(sum(sizes))
        for part, out in zip(parts, whole.split(sizes), strict=True):
            part.write(key, out)
    return fields


def frames_of(nodes: Nodes, num_joints: int) -> tuple[Tensor, Tensor] | None:
    """Body and frame of every ``num_joints`` nodes, long ``[F]`` each, if there are nodes.

    ``None`` unless these are all joints of one body in one frame, in order.
    """
    frames, rest = divmod(len(nodes.frame), num_joints)
    if frames == 0 or rest:
        return None
    body, joint, frame = (field.reshape(frames, num_joints) for field in nodes)
    in_order = joint == torch.arange(num_joints, device=joint.device)
    whole = (in_order & (body == body[:, :1]) & (frame == frame[:, :1])).all()
    return (body[:, 0], frame[:, 0]) if bool(whole) else None


def bodies_of(nodes: Nodes, num_joints: int) -> Tensor | None:
    """Where each body starts and how long it is, if nodes are whole bodies.

    Returns:
        The first row of :func:`frames_of` and the number of frames of each body, long ``[R, 2]``,
        in the order of the nodes. ``None`` unless there are whole frames, and those of a body
        follow one another both among the nodes and in time.
    """
    found = frames_of(nodes, num_joints)
    if found is None:
        return None
    body, frame = found
    starts = torch.ones_like(body, dtype=torch.bool)
    starts[1:] = (body[1:] != body[:-1]) | (frame[1:] != frame[:-1] + 1)
    first = starts.nonzero().squeeze(1)
    bodies = body[first].sort().values
    if bool((bodies[1:] == bodies[:-1]).any()):
        return None
    return torch.stack([first, first.diff(append=first.new_tensor([len(body)]))], dim=1)


def find_copies(
    nodes: Nodes, template: Tensor, offsets: Tensor, *, bodies: Tensor | None
) -> Copies:
    """The edges of :func:`stgraph.edges.connect`; ``bodies`` is what :func:`bodies_of` says.

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
    lowest, highest = nodes.body.aminmax()
    key = (nodes.body - lowest) * joints + nodes.joint
    key = key * stride + nodes.frame - earliest + reach
    node_at = _finder(key, joints * stride * (1 + int(highest - lowest)))
    incoming = _incoming(template[1], joints)

    def into(target: Tensor) -> tuple[Tensor, ...]:
        edge = incoming.index_select(0, nodes.joint[target])
        shift = (template[0][edge.clamp(min=0)] - nodes.joint[target, None]) * stride
        wanted = key[target, None, None] + shift[:, :, None] + offsets
        source = node_at(wanted.flatten()).view_as(wanted)
        source.masked_fill_((edge < 0)[:, :, None], -1)
        found = source.flatten(1) >= 0
        row, column = found.nonzero(as_tuple=True)
        place = row * found.shape[1] + column
        slot = torch.div(column, len(offsets), rounding_mode="floor")
        return (
            source.flatten().index_select(0, place),
            target.index_select(0, row),
            edge.flatten().index_select(0, row * edge.shape[1] + slot),
            offsets.index_select(0, column - slot * len(offsets)),
        )

    every = torch.arange(len(key), device=key.device)
    at_once = max(1, _CANDIDATES // max(1, incoming.shape[1] * len(offsets)))
    pieces = zip(*map(into, every.split(at_once)), strict=True)
    return dict(zip(("source", "target", "template", "offset"), map(torch.cat, pieces)))


def _finder(key: Tensor, places: int) -> Callable[[Tensor], Tensor]:
    """A function that gives for keys below ``places`` the numbers of nodes; -1 for no node.

    Where it is not too large, a table of all keys answers, else a search among those of nodes.
    """
    number = torch.arange(len(key), device=key.device)
    if places <= _PLACES * len(key):
        table = torch.full((places,), -1, device=key.device)
        table[key] = number
        _check_apart(bool((table[key] == number).all()))
        return lambda wanted: table.index_select(0, wanted)
    sorted_key, order = key.sort()
    _check_apart(bool((sorted_key[1:] != sorted_key[:-1]).all()))

    def node_at(wanted: Tensor) -> Tensor:
        place = torch.searchsorted(sorted_key, wanted).clamp(max=len(key) - 1)
        return order[place].where(sorted_key[place] == wanted, -1)

    return node_at


def _check_apart(apart: bool) -> None:
    if not apart:
        raise ValueError(
            "Two nodes have the same person, joint and frame; give nodes that you add, such as "
            "objects, a person number of their own."
        )


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
