"""Check points of the released programs, read into our networks and written from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import BatchNorm1d

from stgraph import normalization, partition
from stgraph.checkpoints.adjacency import (
    PYSKL_LAYOUTS,
    ST_GCN_LAYOUTS,
    check_joints,
    graph_of,
    layout_for,
    released_graphs,
    same_adjacency,
)
from stgraph.checkpoints.families import ADJACENCY, FAMILIES, Entry, Family
from stgraph.graph import EdgeLabels, SkeletonGraph
from stgraph.nn import TEN_BLOCKS, SkeletonNetwork, STGCNPlusPlus, STGCNv010
from stgraph.skeleton import SkeletonLayout

MOST = 64  # blocks and subsets that are looked for in a file
KERNEL = 9  # Γ of all released networks; ST-GCN++ does not say it in its weights


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
    model = _Blueprint(family, weights, path).build(layout, graph, strides)
    ours = _ours(model)
    entries = _entries(family, model, ours)
    check_tensors(
        {entry.theirs: tuple(entry.write(ours[entry.ours]).shape) for entry in entries},
        {name: tuple(value.shape) for name, value in weights.items()},
        path,
        may_lack=family.may_lack,
        may_hold=family.program.unused,
    )
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
    return {"meta": {}, "state_dict": weights} if family.nested else weights


def check_tensors(
    wanted: Mapping[str, tuple[int, ...]],
    found: Mapping[str, tuple[int, ...]],
    path: str | Path,
    *,
    may_lack: Callable[[str], bool] = lambda name: False,
    may_hold: Sequence[str] = (),
) -> None:
    """Compare names and shapes, and name what is missing, unknown or misshapen.

    Raises:
        ValueError: If anything is.
    """
    missing = sorted(name for name in wanted.keys() - found.keys() if not may_lack(name))
    extra = sorted(found.keys() - wanted.keys() - set(may_hold))
    if missing or extra:
        raise ValueError(
            f"{path} is a check point of another architecture: "
            f"{len(missing)} weights missing ({', '.join(missing[:3]) or 'none'}), "
            f"{len(extra)} unknown ({', '.join(extra[:3]) or 'none'})."
        )
    for name, shape in wanted.items():
        if found.get(name, shape) != shape:
            raise ValueError(
                f"{path} is a check point of another architecture: {name} has the shape "
                f"{found[name]}, the network's is {shape}."
            )


class _Blueprint:
    """What the names and shapes of a file say about its network."""

    def __init__(self, family: Family, weights: Mapping[str, Tensor], path: str | Path) -> None:
        self.family, self.weights, self.path = family, weights, path
        self.their_names: dict[str, list[str]] = {}  # those in the file, by ours
        for entry in family.entries(MOST, MOST):
            if entry.theirs in weights:
                self.their_names.setdefault(entry.ours, []).append(entry.theirs)
        norms = [i for i in range(MOST) if f"blocks.{i}.spatial_norm.weight" in self.their_names]
        self.num_blocks = max(norms, default=0) + 1

    def build(
        self,
        layout: SkeletonLayout | None,
        graph: SkeletonGraph | None,
        strides: Sequence[int] | None,
    ) -> SkeletonNetwork:
        """A new network of that architecture."""
        blocks = range(self.num_blocks)
        channels = self.shape("blocks.0.spatial.weight", 4)[1]
        classes = self.shape("classifier.weight")[0]
        widths = [self.shape(f"blocks.{i}.spatial_norm.weight", 1)[0] for i in blocks]
        if strides is None:  # the published blocks have a convolution beside them to halve time
            strides = [1 + (f"blocks.{i}.residual.0.weight" in self.their_names) for i in blocks]
        if len(strides) != len(widths):
            raise ValueError(
                f"{self.path} has {len(widths)} blocks, strides has {len(strides)} numbers."
            )
        graph = self.graph(layout, graph, channels)
        statistics = self.shape("data_norm.weight", 1)[0]
        persons, rest = divmod(statistics, channels * graph.num_joints)
        network = self.family.program.network
        apart = not rest and (persons > 1 or network is STGCNv010)
        return network(
            channels,
            classes,
            graph,
            blocks=list(zip(widths, strides, strict=True)),
            persons=persons if apart else None,
        )

    def graph(
        self, layout: SkeletonLayout | None, graph: SkeletonGraph | None, channels: int
    ) -> SkeletonGraph:
        """The labelled frame: as the file has it, or else as given or as the program makes it."""
        if ADJACENCY not in self.their_names and graph is not None:
            return graph
        if graph is not None:
            raise ValueError(
                f"{self.path} holds its own adjacency; leave graph out, or give the layout alone."
            )
        kernel = KERNEL
        if "blocks.0.temporal.weight" in self.their_names:
            kernel = self.shape("blocks.0.temporal.weight", 4)[2]
        if ADJACENCY in self.their_names:
            self.shape(ADJACENCY, 3)
            adjacency = self.weights[self.their_names[ADJACENCY][0]]
            return graph_of(adjacency, layout, kernel, self.path)
        if self.family.program.network is STGCNPlusPlus:
            return self.learnt_graph(layout, kernel)
        return self.rebuilt_graph(layout, kernel, channels)

    def learnt_graph(self, layout: SkeletonLayout | None, kernel: int) -> SkeletonGraph:
        """No edges of its own: the weights of all are in the blocks."""
        subsets, joints, _ = self.shape("blocks.0.adjacency.weight", 3)
        layout = layout or layout_for(joints, PYSKL_LAYOUTS, self.path)
        check_joints(layout, joints, self.path)
        names: tuple[str, ...] = partition.SPATIAL_SUBSETS
        if subsets != len(names):
            names = tuple(f"subset {k}" for k in range(subsets))
        none, labels = torch.empty(2, 0, dtype=torch.long), EdgeLabels(subsets, kernel)
        return SkeletonGraph(layout, none, none[0], torch.empty(0), names, labels)

    def rebuilt_graph(
        self, layout: SkeletonLayout | None, kernel: int, channels: int
    ) -> SkeletonGraph:
        """What v0.1.0 computes anew at every start."""
        if "blocks.0.importance.weight" in self.their_names:
            joints = self.shape("blocks.0.importance.weight", 3)[1]
        else:
            joints = self.shape("data_norm.weight", 1)[0] // (2 * channels)
        layout = layout or layout_for(joints, ST_GCN_LAYOUTS, self.path)
        check_joints(layout, joints, self.path)
        subsets = len(self.their_names["blocks.0.spatial.weight"])
        strategies = {1: partition.uniform, 2: partition.distance, 3: partition.spatial}
        if subsets not in strategies:
            raise ValueError(
                f"{self.path} has {subsets} subsets and no adjacency; pass the graph it was "
                "trained with: load_checkpoint(path, graph=...)."
            )
        return SkeletonGraph.from_layout(
            layout,
            strategies[subsets],
            normalization=normalization.per_subset,
            temporal_kernel=kernel,
        )

    def shape(self, ours: str, dimensions: int | None = None) -> tuple[int, ...]:
        """The shape of the tensor that the file has for one of ours, if it has so many axes."""
        names = self.their_names.get(ours)
        if names is None:
            wanted = (entry for entry in self.family.entries(MOST, 1) if entry.ours == ours)
            raise ValueError(
                f"{self.path} is an incomplete check point of {self.family.name}: "
                f"{next(wanted).theirs} is missing."
            )
        shape = tuple(self.weights[names[0]].shape)
        if dimensions is not None and (len(shape) != dimensions or 0 in shape):
            raise ValueError(
                f"{self.path} is no check point of {self.family.name}: {names[0]} has the shape "
                f"{shape}, expected {dimensions} axes."
            )
        return shape


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
    persons = model.persons is not None
    first_release = type(model) is STGCNv010
    problem = None
    if labels.temporal != "factorized" or labels.temporal_kernel != KERNEL:
        problem = f"convolves {KERNEL} frames after each spatial step, this network: {labels}"
    elif family.program.fixed and blocks != list(TEN_BLOCKS):
        problem = f"knows the ten published blocks only, this network has {blocks}"
    elif family.program.fixed and persons != first_release:
        told = "apart" if first_release else "together"
        problem = f"normalises persons {told}, this network has persons={model.persons}"
    elif first_release and not any(
        same_adjacency(graph.adjacency, model.graph.adjacency)
        for graph in released_graphs(model.graph.layout)
    ):
        problem = "computes the adjacency itself, and this network's is none that it knows"
    if problem is not None:
        raise ValueError(f"{family.name} {problem}; keep this one in the format of stgraph.")
