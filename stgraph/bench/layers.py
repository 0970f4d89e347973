"""Cases of single layers on the typed edges of whole clips, and how far each is from its floor."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch_geometric.nn import FastRGCNConv, RGCNConv

from stgraph import layouts
from stgraph.bench.case import Case, Side, Step
from stgraph.bench.rates import copying, products
from stgraph.bench.setting import Setting, Sizes
from stgraph.build import build_clip
from stgraph.graph import SkeletonGraph
from stgraph.nn import NodeNorm, STGCNConv
from stgraph.nn.backends import TemporalGrid

Kind = Literal["spatial", "temporal", "product"]
KERNEL = 9  # Γ
TYPES: dict[Kind, int] = {"spatial": 3, "temporal": KERNEL, "product": 3 * KERNEL}


class Work(NamedTuple):
    """A layer of C to C channels on edges of one kind."""

    kind: Kind
    channels: int

    @property
    def types(self) -> int:
        return TYPES[self.kind]


class Inputs(NamedTuple):
    """What all layers of a case are given, and the gradient that comes back.

    Shapes:
        - **x, cotangent:** float ``[N, C]``
        - **edge_index:** long ``[2, E]``, **edge_type:** long ``[E]``
    """

    x: Tensor
    edge_index: Tensor
    edge_type: Tensor
    cotangent: Tensor


def inputs(setting: Setting, work: Work) -> Inputs:
    """All frames of some bodies, edges as :func:`build_clip` orders them; no edge weights."""
    bodies, frames = setting.sizes.bodies, setting.sizes.frames
    edge_index, edge_type = typed_edges(work.kind, bodies, frames)
    nodes = bodies * frames * layouts.NTU25.num_joints
    x, cotangent = torch.randn(2, nodes, work.channels, device=setting.device)
    edges = (edge_index.to(setting.device), edge_type.to(setting.device))
    return Inputs(x.clone().requires_grad_(), *edges, cotangent.clone())


def typed_edges(kind: Kind, bodies: int, frames: int) -> tuple[Tensor, Tensor]:
    """Edges ``[2, E]`` and types ``[E]`` of NTU-25 clips, their nodes by body, frame, joint."""
    temporal = {"spatial": None, "temporal": "factorized", "product": "product"}[kind]
    graph = SkeletonGraph.from_layout(
        layouts.NTU25,
        temporal=temporal,  # type: ignore[arg-type]
        temporal_kernel=KERNEL,
    )
    clip = build_clip(torch.zeros(bodies, frames, graph.num_joints, 1), graph)
    if kind != "temporal":
        return clip.edge_index, clip.edge_type
    across = clip.edge_type >= graph.num_subsets
    return clip.edge_index[:, across], clip.edge_type[across] - graph.num_subsets


def ours(setting: Setting, work: Work) -> Step:
    """``STGCNConv``, its own choice of backend."""
    layer = STGCNConv(work.channels, work.channels, work.types, bias=False)
    return on_edges(setting, work, layer)


def on_bodies(setting: Setting, work: Work) -> Step:
    """``STGCNConv`` on the bodies' own grid of frames, as networks plan it for whole bodies."""
    bodies, frames = setting.sizes.bodies, setting.sizes.frames
    runs = torch.tensor([[frames, 0]] * bodies)
    nodes = bodies * frames * layouts.NTU25.num_joints
    grid = TemporalGrid(runs, layouts.NTU25.num_joints, KERNEL, nodes, nodes)
    layer = STGCNConv(work.channels, work.channels, work.types, bias=False).to(setting.device)
    given = inputs(setting, work)

    def run() -> None:
        given.x.grad = None
        layer.zero_grad()
        with setting.autocast():
            out = layer(given.x, grid)
        out.backward(given.cotangent.to(out.dtype))

    return Step(run, float(nodes))


def relational(setting: Setting, work: Work, layer: Callable[..., torch.nn.Module]) -> Step:
    """A layer of PyG that is the same sum: no root weight, no bias."""
    keywords = {"aggr": "add", "root_weight": False, "bias": False}
    return on_edges(setting, work, layer(work.channels, work.channels, work.types, **keywords))


def on_edges(setting: Setting, work: Work, layer: torch.nn.Module) -> Step:
    """Forward and backward; the same edges in every step, as in the layers of a network."""
    given = inputs(setting, work)
    layer = layer.to(setting.device)

    def run() -> None:
        given.x.grad = None
        layer.zero_grad()
        with setting.autocast():
            out = layer(given.x, given.edge_index, given.edge_type)
        out.backward(given.cotangent.to(out.dtype))

    return Step(run, float(len(given.x)))


def image_convolution(setting: Setting, work: Work) -> Step:
    """``Conv2d((9, 1))`` on the same numbers as a channels-last image ``[bodies, C, T, V]``."""
    reach = (KERNEL // 2, 0)
    layer = torch.nn.Conv2d(work.channels, work.channels, (KERNEL, 1), padding=reach, bias=False)
    layer.to(setting.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    shape = (setting.sizes.bodies, setting.sizes.frames, -1, work.channels)
    rows, _, _, cotangent = inputs(setting, work)
    image = rows.detach().view(shape).permute(0, 3, 1, 2).requires_grad_()
    back = cotangent.view(shape).permute(0, 3, 1, 2)

    def run() -> None:
        image.grad = None
        layer.zero_grad()
        with setting.autocast():
            out = layer(image)
        out.backward(back.to(out.dtype))

    return Step(run, float(len(rows)))


def normalizing(setting: Setting, work: Work, layer: Callable[[int], torch.nn.Module]) -> Step:
    """Batch normalisation of node rows in training, forward and backward."""
    x, _, _, cotangent = inputs(setting, work)
    norm = layer(work.channels).to(setting.device)

    def run() -> None:
        x.grad = None
        norm.zero_grad()
        norm(x).backward(cotangent)

    return Step(run, float(len(x)))


def norm_floor(setting: Setting, work: Work) -> Step:
    """A copy of as many bytes as normalisation has to move, at the least.

    Forward reads the rows for their statistics, reads them again and writes; backward reads rows
    and gradients for two sums, reads both again and writes: eight times the rows.
    """
    rows = inputs(setting, work).x
    copy = copying(setting, 8 * rows.numel() * rows.itemsize // 2)
    return Step(copy.run, float(len(rows)))


def floor(setting: Setting, work: Work) -> Step:
    """What no way to compute the layer can avoid, at the rates of this machine.

    The three matrix products (forward, gradient of x, gradient of the weights: ``3 N K C C``
    multiply-adds) within the caches, and a copy of as many bytes as there are when x, the output
    and their gradients are read or written once in each direction and the edges are read twice.
    """
    given = inputs(setting, work)
    nodes, channels = given.x.shape
    multiply = products(setting, nodes, work.types * channels, channels)
    rows = 5 * given.x.numel() * setting.dtype.itemsize
    edges = 2 * 8 * (given.edge_index.numel() + given.edge_type.numel())
    copy = copying(setting, (rows + edges) // 2)

    def run() -> None:
        multiply.run()
        copy.run()

    return Step(run, float(nodes))


def layer_cases(sizes: Sizes) -> tuple[Case, ...]:
    """``STGCNConv`` against PyG's relational layers, a convolution of images, and the floor."""
    nodes = sizes.bodies * sizes.frames * layouts.NTU25.num_joints
    return (
        _against_relational("conv-spatial-64", Work("spatial", 64), nodes),
        _against_relational("conv-spatial-256", Work("spatial", 256), nodes),
        _against_fast("conv-spatial-fast", Work("spatial", 64), nodes),
        _against_relational("conv-temporal-64", Work("temporal", 64), nodes),
        _against_image("conv-bodies-64", Work("temporal", 64), nodes),
        _against_relational("conv-product-64", Work("product", 64), nodes),
        _norms("norm-64", Work("spatial", 64), nodes),
    )


def _norms(key: str, work: Work, nodes: int) -> Case:
    sides = (
        Side("NodeNorm", partial(normalizing, work=work, layer=NodeNorm)),
        Side("BatchNorm1d", partial(normalizing, work=work, layer=torch.nn.BatchNorm1d)),
        Side("floor: copies", partial(norm_floor, work=work), bound=True),
    )
    return Case(key, f"batch normalisation, {work.channels} channels, {nodes:,} nodes", sides)


def _against_relational(key: str, work: Work, nodes: int) -> Case:
    sides = [
        Side("STGCNConv", partial(ours, work=work)),
        Side("RGCNConv", partial(relational, work=work, layer=RGCNConv)),
    ]
    sides.append(Side("floor: products and copies", partial(floor, work=work), bound=True))
    return Case(key, _title(work, nodes), tuple(sides))


def _against_image(key: str, work: Work, nodes: int) -> Case:
    sides = (
        Side("STGCNConv, whole bodies", partial(on_bodies, work=work)),
        Side("Conv2d((9, 1)), channels last", partial(image_convolution, work=work)),
    )
    return Case(key, _title(work, nodes), sides)


def _against_fast(key: str, work: Work, nodes: int) -> Case:
    """Apart from the others and in few rounds: it gathers a weight matrix for every edge.

    With 256 channels, or with nine types and more, that is tens of gigabytes.
    """
    sides = (
        Side("STGCNConv", partial(ours, work=work)),
        Side("FastRGCNConv", partial(relational, work=work, layer=FastRGCNConv)),
    )
    return Case(key, _title(work, nodes), sides, most_rounds=2)


def _title(work: Work, nodes: int) -> str:
    channels = f"{work.channels} -> {work.channels}"
    return f"layer, {channels}, {work.kind} edges, {work.types} types, {nodes:,} nodes"
