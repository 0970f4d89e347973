"""Check points of the released programs, read into our networks and written from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import BatchNorm1d

from stgraph.checkpoints.blueprint import KERNEL, Blueprint
from stgraph.checkpoints.families import ADJACENCY, FAMILIES, Entry, Family
from stgraph.checkpoints.files import check_tensors
from stgraph.graph import SkeletonGraph
from stgraph.nn import TEN_BLOCKS, SkeletonNetwork, STGCNv010
from stgraph.skeleton import SkeletonLayout


def recognize(weights: Mapping[str, Tensor], path: str | Path) -> Family:
    """The family that a file belongs to, by the names of its tensors.

    Raises:
        ValueError: If it is none of :data:`FAMILIES`.
    """
    bodies = [family for family in FAMILIES if family.mark in weights]
    for family in bodies:
        if f"{family.classifier}.weight" in weights:
            return family
    if bodies:
        heads = " or ".join(sorted({f"{family.classifier}.weight" for family in bodies}))
        raise ValueError(
            f"{path} holds the body of a network of {bodies[0].name} without its classifier; "
            f"expected {heads}. Take the file of the whole network."
        )
    names = ", ".join(dict.fromkeys(family.name for family in FAMILIES))
    shown = ", ".join(sorted(weights)[:3])
    raise ValueError(
        f"{path} is no check point of stgraph, nor of {names}: its weights are called {shown} ... "
        "Other networks cannot be read."
    )


def read_released(
    weights: Mapping[str, Tensor],
    path: str | Path,
    *,
    layout: SkeletonLayout | None = None,
    graph: SkeletonGraph | None = None,
    strides: Sequence[int] | None = None,
) -> tuple[SkeletonNetwork, Family]:
    """The network of a released file, and the family it belongs to.

    Raises:
        ValueError: If the file is of no known family, or tensors are missing, unknown or misshapen.
    """
    family = recognize(weights, path)
    model = Blueprint(family, weights, path).build(layout, graph, strides)
    ours = _ours(model)
    entries = _entries(family, model, ours)
    check_tensors(
        {entry.theirs: tuple(entry.write(ours[entry.ours]).shape) for entry in entries},
        {name: tuple(value.shape) for name, value in weights.items()},
        path,
        may_lack=family.may_lack,
        may_hold=family.program.unused,
    )
    _check_optional(family, entries, weights, path)
    with torch.no_grad():
        for entry in (entry for entry in entries if entry.theirs in weights):
            if entry.ours == ADJACENCY:
                _check_adjacency(entry.theirs, weights[entry.theirs], ours[ADJACENCY], path)
            else:
                entry.read(weights[entry.theirs], ours[entry.ours])
    return model, family


def write_released(model: SkeletonNetwork, name: str) -> dict[str, Any]:
    """What the program ``name`` would save for this network.

    Raises:
        ValueError: If there is no such program, or it has no such network.
    """
    family = _family_for(model, name)
    ours = _ours(model)
    entries = _entries(family, model, ours)
    weights = {entry.theirs: entry.write(ours[entry.ours]) for entry in entries}
    for unused in family.program.unused:  # a fresh layer of its own, since strict loading wants it
        fresh = BatchNorm1d(model.classifier.in_features).state_dict()
        weights[unused] = fresh[unused.rpartition(".")[2]]
    _check_read_back(weights, model, family)
    return {"meta": {}, "state_dict": weights} if family.nested else weights


def _check_optional(
    family: Family, entries: Sequence[Entry], weights: Mapping[str, Tensor], path: str | Path
) -> None:
    """Raise :class:`ValueError` if some tensors of an optional kind are there and some are not."""
    for part in family.program.optional:
        names = [entry.theirs for entry in entries if part in entry.theirs]
        missing = [name for name in names if name not in weights]
        if missing and len(missing) < len(names):
            raise ValueError(
                f"{path} is an incomplete check point of {family.name}: {missing[0]} is missing, "
                f"others of its kind are there."
            )


def _entries(family: Family, model: SkeletonNetwork, ours: Mapping[str, Tensor]) -> list[Entry]:
    """Those that the network has."""
    entries = family.entries(len(model.blocks), model.graph.num_subsets)
    return [entry for entry in entries if entry.ours in ours]


def _ours(model: SkeletonNetwork) -> dict[str, Tensor]:
    """The tensors of the network, by name, and the adjacency of its graph."""
    return {**model.state_dict(), ADJACENCY: model.graph.adjacency}


def _check_adjacency(name: str, found: Tensor, wanted: Tensor, path: str | Path) -> None:
    if not torch.equal(found, wanted):
        raise ValueError(
            f"{path} has a graph of its own in each block ({name} differs from the first); one "
            "graph for all blocks was expected. Graphs that are learnt block by block are read "
            "from ST-GCN++ only."
        )


def _family_for(model: SkeletonNetwork, name: str) -> Family:
    """The family of that name that has this network."""
    named = [family for family in FAMILIES if family.name == name]
    if not named:
        names = ", ".join(dict.fromkeys(family.name for family in FAMILIES))
        raise ValueError(f"There is no family {name!r}; there are {names}.")
    fitting = [family for family in named if type(model) is family.program.network]
    if not fitting:
        networks = " or ".join(family.program.network.__name__ for family in named)
        raise ValueError(f"{name} has no {type(model).__name__}; it reads {networks}.")
    _check_writable(model, fitting[0])
    return fitting[0]


def _check_writable(model: SkeletonNetwork, family: Family) -> None:
    """Raise :class:`ValueError` if that program would not compute what the network computes."""
    labels = model.graph.labels
    blocks = [tuple(block) for block in model.settings["blocks"]]
    apart = type(model) is STGCNv010
    problem = None
    if labels.temporal != "factorized" or labels.temporal_kernel != KERNEL:
        problem = f"convolves {KERNEL} frames after each spatial step, this network: {labels}"
    elif family.program.fixed and blocks != list(TEN_BLOCKS):
        problem = f"knows the ten published blocks only, this network has {blocks}"
    elif family.program.fixed and (model.persons is not None) != apart:
        told = "apart" if apart else "together"
        problem = f"normalises persons {told}, this network has persons={model.persons}"
    if problem is not None:
        raise ValueError(f"{family.name} {problem}; keep this one in the format of stgraph.")


def _check_read_back(weights: Mapping[str, Tensor], model: SkeletonNetwork, family: Family) -> None:
    """Raise :class:`ValueError` if the file alone would not tell what the network is.

    The adjacency of v0.1.0 and the strides of all are not written, but follow from rules.
    """
    again = Blueprint(family, weights, family.name).build(model.graph.layout, None, None)
    same = (again.settings["blocks"], again.persons) == (model.settings["blocks"], model.persons)
    if not same:
        raise ValueError(
            f"A file of {family.name} cannot say that blocks are {model.settings['blocks']} and "
            f"persons {model.persons}: it would be read as {again.settings['blocks']} and "
            f"{again.persons}; keep this network in the format of stgraph."
        )
    if not torch.equal(again.graph.adjacency, model.graph.adjacency.cpu()):
        raise ValueError(
            f"{family.name} computes the adjacency itself, and not as this network's: expected "
            "SkeletonGraph.from_layout(layout, normalization=normalization.per_subset) with "
            "partition.spatial, distance or uniform; keep this one in the format of stgraph."
        )
