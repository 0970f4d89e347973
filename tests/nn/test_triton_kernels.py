"""The Triton kernels are the reference and its gradients, on a GPU or in Triton's interpreter.

The interpreter has to be chosen before triton is imported, which other tests of the same process
do: it runs in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, NamedTuple
from unittest.mock import DEFAULT, patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._pytree import tree_map_only

from stgraph.nn.backends import TypedGraph, fused, reference

from .oracles import random_edges

pytest.importorskip("triton", reason="needs triton, which is installed with torch on Linux")

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from stgraph.nn.backends import triton_kernels
from stgraph.nn.backends.triton_kernels import typed_product, value_gradient, weight_gradient

Run = Callable[..., Tensor]
KERNELS = ("_typed_product", "_weight_gradient", "_value_gradient")
FLOATS = ("x", "weight", "bias", "grad")
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 1e-2}
KINDS = {torch.float32: "*fp32", torch.bfloat16: "*bf16", torch.int64: "*i64", torch.int32: "*i32"}


class Shape(NamedTuple):
    sources: int
    targets: int
    edges: int
    subsets: int = 3
    channels: tuple[int, int] = (5, 7)
    full: bool = True


class Cells(NamedTuple):
    start: Tensor
    node: Tensor
    edge: Tensor


class Problem(NamedTuple):
    """Numbers of the type to be tested, and what the reference makes of them in float64."""

    x: Tensor
    weight: Tensor
    value: Tensor | None
    bias: Tensor | None
    grad: Tensor
    incoming: Cells
    outgoing: Cells
    expected: dict[str, Tensor]


ADVERSARIAL = {
    "first layer": Shape(20, 20, 60, channels=(3, 64)),
    "odd channels": Shape(9, 9, 30),
    "several tiles of channels": Shape(18, 18, 50, channels=(270, 140)),
    "temporal kernel": Shape(20, 20, 90, subsets=9),
    "product of partitions": Shape(6, 6, 40, subsets=27),
    "all values one, no bias": Shape(7, 7, 20, full=False),
    "no edges": Shape(5, 5, 0),
    "no targets": Shape(5, 0, 0),
    "no sources": Shape(0, 5, 0),
    "one node, many self-loops": Shape(1, 1, 40),
    "many edges in few cells": Shape(30, 2, 150, subsets=1),
    "bipartite, few sources": Shape(2, 33, 60),
    "several shares of rows": Shape(4, 400, 30, subsets=1),
}
shapes = st.builds(
    lambda sources, targets, edges, **rest: Shape(
        sources, targets, edges if sources and targets else 0, **rest
    ),
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(0, 80),
    subsets=st.integers(1, 5),
    channels=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    full=st.booleans(),
)


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Calls a function of the kernels' module with tensors of this machine's CPU."""
    if torch.cuda.is_available():
        yield on_device
        return
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("TRITON_INTERPRET", "1")
            pool.submit(int).result()
        yield lambda function, *args, **kwargs: pool.submit(function, *args, **kwargs).result()


def on_device(function: Run, *args: Any, **kwargs: Any) -> Tensor:
    args, kwargs = tree_map_only(Tensor, Tensor.cuda, (args, kwargs))
    return function(*args, **kwargs).cpu()


def cells(edge_index: Tensor, edge_type: Tensor, subsets: int, rows: int) -> Cells:
    """Edges sorted by their second end and by type."""
    node, row = edge_index
    cell, edge = torch.sort(row * subsets + edge_type, stable=True)
    start = torch.searchsorted(cell, torch.arange(rows * subsets + 1))
    return Cells(start, node[edge], edge)


def drawn(shape: Shape, dtype: torch.dtype) -> Problem:
    edges = random_edges(shape.sources, shape.targets, shape.edges, shape.subsets)
    return problem(shape, dtype, *edges)


def problem(shape: Shape, dtype: torch.dtype, edge_index: Tensor, edge_type: Tensor) -> Problem:
    def numbers(*size: int) -> Tensor:
        return torch.randn(size).to(dtype)

    (channels, width), subsets = shape.channels, shape.subsets
    x, weight = numbers(shape.sources, channels), numbers(subsets, channels, width)
    value = numbers(edge_index.shape[1]) if shape.full else None
    bias, grad = numbers(width) if shape.full else None, numbers(shape.targets, width)
    incoming = cells(edge_index, edge_type, subsets, shape.targets)
    outgoing = cells(edge_index.flip(0), edge_type, subsets, shape.sources)
    expected = by_reference(x, weight, (edge_index, edge_type), value, grad)
    if bias is not None:
        expected["out"] = expected["out"] + bias.double()
    return Problem(x, weight, value, bias, grad, incoming, outgoing, expected)


def by_reference(
    x: Tensor, weight: Tensor, edges: tuple[Tensor, Tensor], value: Tensor | None, grad: Tensor
) -> dict[str, Tensor]:
    """The product and its gradients in float64."""
    values = torch.ones_like(edges[1], dtype=torch.double) if value is None else value
    leaves = [part.double().requires_grad_() for part in (x, weight, values)]
    graph = TypedGraph(*edges, len(weight), len(x), len(grad))
    out = reference(*leaves[:2], graph, leaves[2])
    gradients = torch.autograd.grad((out * grad.double()).sum(), leaves)
    return dict(zip(("out", "x", "weight", "value"), (out.detach(), *gradients)))


def assert_close(ours: Tensor, expected: Tensor, dtype: torch.dtype) -> None:
    """No error is above the tolerance for the type, relative to the largest number expected."""
    scale = float(expected.abs().max()) if expected.numel() else 0.0
    assert ours.shape == expected.shape
    torch.testing.assert_close(ours.double(), expected, rtol=0, atol=TOLERANCE[dtype] * scale)


def assert_all_close(run: Run, case: Problem, dtype: torch.dtype, single: bool = False) -> None:
    """The product and its three gradients."""
    x, weight, value, bias, grad, incoming, outgoing, expected = case
    ends = incoming[:2]
    values, turned = (None if value is None else value[part.edge] for part in (incoming, outgoing))
    out = run(typed_product, x, weight, *ends, value=values, bias=bias, single=single)
    assert out.dtype == dtype
    assert_close(out, expected["out"], dtype)
    sources = {"value": turned, "single": single}
    to_x = run(typed_product, grad, weight.transpose(1, 2), *outgoing[:2], **sources)
    assert_close(to_x, expected["x"], dtype)
    targets = {"value": values, "num_subsets": weight.shape[0], "single": single}
    assert_close(run(weight_gradient, x, grad, *ends, **targets), expected["weight"], dtype)
    to_value = run(value_gradient, x, weight, grad, *ends)
    assert_close(to_value, expected["value"][incoming.edge], dtype)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("shape", ADVERSARIAL.values(), ids=ADVERSARIAL)
def test_product_and_gradients_are_those_of_the_reference(
    run: Run, shape: Shape, dtype: torch.dtype
):
    assert_all_close(run, drawn(shape, dtype), dtype)


@given(shape=shapes, seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_product_and_gradients_are_those_of_the_reference_on_random_graphs(
    run: Run, shape: Shape, seed: int
):
    torch.manual_seed(seed)
    assert_all_close(run, drawn(shape, torch.float32), torch.float32)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_cells_of_at_most_one_edge_need_no_loop_over_edges(
    run: Run, dtype: torch.dtype, weighted: bool
):
    frames, kernel = 40, 9
    source, tau = torch.cartesian_prod(torch.arange(frames), torch.arange(kernel)).T
    target = source - tau + kernel // 2
    edges = torch.stack([source, target]), tau
    kept = ((target >= 0) & (target < frames) & (torch.rand(target.shape) < 0.8)).nonzero()[:, 0]
    shape = Shape(frames, frames, 0, kernel, (70, 33), weighted)
    case = problem(shape, dtype, *(part[..., kept] for part in edges))
    assert int(case.incoming.start.diff().max()) == int(case.outgoing.start.diff().max()) == 1
    assert_all_close(run, case, dtype, single=True)


def test_indices_may_have_32_bits(run: Run):
    case = drawn(Shape(12, 9, 40), torch.float32)
    ends = (case.incoming, case.outgoing)
    incoming, outgoing = (Cells(part.start.int(), part.node.int(), part.edge) for part in ends)
    assert_all_close(run, case._replace(incoming=incoming, outgoing=outgoing), torch.float32)


def test_tensors_need_not_be_contiguous(run: Run):
    case = drawn(Shape(12, 9, 40), torch.float32)
    turned = {name: getattr(case, name).mT.contiguous().mT for name in ("x", "grad")}
    strided = torch.stack([case.weight, case.weight], -1)[..., 0]
    case = case._replace(weight=strided, **turned)
    assert not (case.x.is_contiguous() or case.grad.is_contiguous() or strided.is_contiguous())
    assert_all_close(run, case, torch.float32)


def test_memory_behind_the_tensors_is_not_used(run: Run):
    case = drawn(Shape(12, 9, 40), torch.float32)
    parts = {name: followed(getattr(case, name), torch.nan) for name in FLOATS}
    incoming, outgoing = (
        Cells(followed(start, 0, 40), followed(node, 0), edge)
        for start, node, edge in (case.incoming, case.outgoing)
    )
    parts |= {"incoming": incoming, "outgoing": outgoing}
    assert_all_close(run, case._replace(**parts), torch.float32)


def followed(tensor: Tensor, *filler: float) -> Tensor:
    """The same tensor at the beginning of a longer one, which repeats the filler behind it."""
    behind = torch.tensor(filler, dtype=tensor.dtype).repeat(500)
    return torch.cat([tensor.flatten(), behind])[: tensor.numel()].view(tensor.shape)


def test_features_of_double_precision_are_refused():
    case = drawn(Shape(4, 4, 8), torch.float32)
    with pytest.raises(TypeError, match="Expected features of float32, .* found torch.float64"):
        typed_product(case.x.double(), case.weight.double(), *case.incoming[:2])


@pytest.mark.skipif(triton_kernels.INTERPRETED.value, reason="TRITON_INTERPRET compiles nothing")
@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_every_kernel_compiles_for_hopper(
    monkeypatch: pytest.MonkeyPatch, tmp_path, dtype: torch.dtype, single: bool
):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TRITON_DEFAULT_FP_FUSION", "1")  # since 3.9 triton asks for a choice
    launched = launches(drawn(Shape(9, 9, 30, channels=(64, 64)), dtype), single)
    assert len(launched) == 4
    for kernel, arguments in launched:
        code = assembly(kernel, arguments)
        on_tensor_cores = "wgmma.mma_async" in code or "mma.sync" in code
        assert on_tensor_cores == (dtype == torch.bfloat16)
        assert ("cp.async" in code) == single or kernel is triton_kernels._value_gradient


def launches(case: Problem, single: bool) -> list[tuple[Any, dict[str, Any]]]:
    """Which kernels would be launched with which arguments."""
    kernels = {name: getattr(triton_kernels, name) for name in KERNELS}
    with patch.multiple(triton_kernels, **dict.fromkeys(KERNELS, DEFAULT)) as launchers:
        x, weight, value, bias, grad, (*incoming, _), (*outgoing, _), _ = case
        typed_product(x, weight, *incoming, value=value, bias=bias, single=single)
        typed_product(grad, weight.mT, *outgoing, single=single)
        weight_gradient(x, grad, *incoming, num_subsets=3, single=single)
        value_gradient(x, weight, grad, *incoming)
    return [
        (kernels[name], dict(zip(kernels[name].fn.arg_names, call.args)) | call.kwargs)
        for name, launcher in launchers.items()
        for call in launcher.__getitem__.return_value.call_args_list
    ]


def assembly(kernel: Any, arguments: dict[str, Any]) -> str:
    """What the first configuration of a kernel compiles to for an H100, without having one."""
    config = kernel.configs[0]
    arguments = arguments | config.kwargs
    signature, fixed, aligned = {}, {}, {}
    for place, parameter in enumerate(kernel.fn.params):
        name, value = parameter.name, arguments[parameter.name]
        signature[name] = KINDS[value.dtype] if isinstance(value, Tensor) else "i32"
        if parameter.is_constexpr or value is None or (name.startswith("stride_") and value == 1):
            signature[name], fixed[name] = "constexpr", value
        elif isinstance(value, Tensor) or value % 16 == 0:
            aligned[place,] = [["tt.divisibility", 16]]
    source = ASTSource(kernel.fn, signature, fixed, aligned)
    options = {"num_warps": config.num_warps, "num_stages": config.num_stages}
    return str(triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options).asm["ptx"])


def step(
    x: Tensor, weight: Tensor, value: Tensor | None, bias: Tensor, backend: Any
) -> list[Tensor]:
    """The product through ``backend``, and its gradients."""
    source = torch.tensor([0, 3, 3, 1, 4, 0])
    target = torch.tensor([2, 1, 1, 0, 2, 2])
    edge_type = torch.tensor([1, 0, 0, 1, 0, 1]).to(x.device)
    graph = TypedGraph(torch.stack([source, target]).to(x.device), edge_type, 2, 5, 3)
    leaves = [
        leaf.clone().requires_grad_() for leaf in (x, weight, value, bias) if leaf is not None
    ]
    given = iter(leaves)
    x, weight = next(given), next(given)
    value = None if value is None else next(given)
    out = backend(x, weight, graph, value, next(given))
    return [out.detach(), *torch.autograd.grad(out.square().sum(), leaves)]


def fused_step(*arguments: Any) -> list[Tensor]:
    return step(*arguments, fused)


@pytest.mark.parametrize("per_row", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("graphs", [(), (3,)])
def test_the_backend_is_the_reference_in_values_and_gradients(
    run: Run, graphs: tuple[int, ...], weighted: bool, per_row: bool
):
    x, weight = torch.randn(*graphs, 5, 4), torch.randn(2, 4, 6)
    value = torch.rand(6) if weighted else None
    bias = torch.randn(3, 6) if per_row else torch.randn(6)
    arguments = (x, weight, value, bias)
    for ours, expected in zip(run(fused_step, *arguments), step(*arguments, reference)):
        assert_close(ours, expected.double(), torch.float32)
