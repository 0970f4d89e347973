"""The primitive and its gradients as Triton kernels: gather, sum and matrix product in one pass.

The only file that imports triton. Edges come sorted into cells: cell ``(i, k) = i * K + k`` holds
the edges of type k at node i. A block of rows sums its cells in registers and hands the sums to
the tensor cores, so that no ``[N, K C]`` table and no ``[E, C]`` messages are written.

All functions take:
    - **x:** ``[N, C]`` of float32, bfloat16 or float16, features of the nodes at the other end
    - **start:** ``[rows * K + 1]``, where the edges of each cell begin, int32 or int64
    - **node:** ``[E]``, the node at the other end of each edge, int32 or int64
    - **value:** ``[E]`` in the same order, or ``None`` for all ones
    - **single:** the caller knows that no cell has more than one edge, as in a temporal kernel:
      the loop over edges is left out and loads run ahead of the products; more would be ignored

Sums are float32; products are taken in the type of ``x``, those of float32 in TF32 where torch's
own are. Block sizes are chosen by timing at the first call for each shape, which therefore must
not happen while a CUDA graph is captured. Another type of ``x`` raises ``TypeError``.
"""

# mypy: disable-error-code="no-untyped-def, import-untyped, import-not-found"

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

INTERPRETED = tl.constexpr(triton.knobs.runtime.interpret)  # TRITON_INTERPRET=1
FEATURES = (torch.float32, torch.bfloat16, torch.float16)
PROGRAMS = 512  # about four for each multiprocessor of an H100
ROWS = 128  # shares of rows are multiples of it, and so of every BLOCK_ROWS


def typed_product(
    x: Tensor,
    weight: Tensor,
    start: Tensor,
    node: Tensor,
    *,
    value: Tensor | None = None,
    bias: Tensor | None = None,
    single: bool = False,
) -> Tensor:
    """``out[i] = sum over e = (j -> i) of value[e] * x[j] @ weight[type[e]] + bias``.

    The gradient to ``x`` is the same product, of the gradient to ``out`` with
    ``weight.transpose(1, 2)`` over the cells at the edges' other ends.

    Traffic: an edge costs its indices and one row of ``x`` for every 128 columns of the output
    (64 of float32); a row costs K + 1 starts and one row of output.

    Shapes:
        - **weight:** ``[K, C, D]`` with any strides
        - **bias:** ``[D]``
        - **out:** ``[rows, D]`` in the type of ``x``
    """
    x = _features(x)
    subsets, channels, width = weight.shape
    rows = (start.shape[0] - 1) // subsets
    out = x.new_empty(rows, width)
    if rows == 0:
        return out
    tiles = _tiles(x, channels, width, most=(64, 128)) | {"SINGLE": single}
    columns = triton.cdiv(width, tiles["BLOCK_D"])
    with torch.cuda.device_of(x):
        _typed_product[lambda meta: (triton.cdiv(rows, meta["BLOCK_ROWS"]) * columns,)](
            *(x, weight, start, node, value, bias, out, rows, subsets, *weight.stride()), **tiles
        )
    return out


def weight_gradient(
    x: Tensor,
    grad: Tensor,
    start: Tensor,
    node: Tensor,
    *,
    value: Tensor | None = None,
    num_subsets: int,
    single: bool = False,
) -> Tensor:
    """``out[k] = sum over e = (j -> i) of type k of value[e] * x[j]^T grad[i]``.

    Rows are split into shares, whose sums are kept apart and added in a fixed order: the result
    does not depend on the order in which programs run.

    Traffic: an edge costs its indices and one row of ``x`` for every 128 columns of ``grad`` (64
    of float32); a row of ``grad`` is read K times for every 64 columns of ``x`` (32 of float32),
    by programs that run side by side; about 512 tiles of float32 are written and read once.

    Shapes:
        - **grad:** ``[rows, D]``, the gradient to what :func:`typed_product` returned
        - **num_subsets:** K
        - **out:** float32 ``[K, C, D]``
    """
    x, grad = _features(x), grad.contiguous()
    (rows, width), channels = grad.shape, x.shape[1]
    tiles = _tiles(x, channels, width, most=(64, 128)) | {"SINGLE": single}
    places = triton.cdiv(channels, tiles["BLOCK_C"]) * triton.cdiv(width, tiles["BLOCK_D"])
    shares = max(1, min(PROGRAMS // (num_subsets * places), triton.cdiv(rows, ROWS)))
    share = triton.cdiv(triton.cdiv(rows, shares), ROWS) * ROWS
    partial = x.new_empty(shares, num_subsets, channels, width, dtype=torch.float32)
    with torch.cuda.device_of(x):
        _weight_gradient[(num_subsets * places, shares)](
            *(x, grad, start, node, value, partial, rows, num_subsets, share), **tiles
        )
    return partial.sum(0)


def value_gradient(x: Tensor, weight: Tensor, grad: Tensor, start: Tensor, node: Tensor) -> Tensor:
    """``out[e] = <x[j] @ weight[k], grad[i]>`` for every edge e = (j -> i) of type k.

    It is computed as ``<x[j], grad[i] @ weight[k]^T>``: all edges of a cell share this product and
    rows follow each other in memory, while the sources would need one product for each edge.

    Traffic: an edge costs its index, one row of ``x`` and one number; a row of ``grad`` is read K
    times for every 256 columns of ``x`` (128 of float32), by programs that run side by side.

    Shapes:
        - **weight:** ``[K, C, D]`` with any strides
        - **grad:** ``[rows, D]``, the gradient to what :func:`typed_product` returned
        - **out:** float32 ``[E]`` in the order of the cells
    """
    x, grad = _features(x), grad.contiguous()
    subsets, channels, width = weight.shape
    rows, edges = grad.shape[0], node.shape[0]
    tiles = _tiles(x, channels, width, most=(256, 64))
    slices = triton.cdiv(channels, tiles["BLOCK_C"])
    parts = x.new_empty(slices, edges, dtype=torch.float32)
    if edges == 0:
        return parts[0]
    with torch.cuda.device_of(x):
        _value_gradient[lambda meta: (triton.cdiv(rows, meta["BLOCK_ROWS"]) * subsets * slices,)](
            *(x, weight, grad, start, node, parts, rows, subsets, edges, *weight.stride()), **tiles
        )
    return parts[0] if slices == 1 else parts.sum(0)


def _features(x: Tensor) -> Tensor:
    """``x`` with rows that follow each other in memory."""
    if x.dtype not in FEATURES:
        raise TypeError(
            f"Expected features of float32, bfloat16 or float16, found {x.dtype}; "
            "convert them or choose another backend."
        )
    return x.contiguous()


def _tiles(x: Tensor, channels: int, width: int, most: tuple[int, int]) -> dict[str, Any]:
    """Tiles of columns, powers of two, at most so many 16-bit numbers or half as many others."""
    block_c, block_d = (
        min(max(16, triton.next_power_of_2(columns)), limit * 2 // x.element_size())
        for columns, limit in zip((channels, width), most)
    )
    blocks = {"BLOCK_C": block_c, "BLOCK_D": block_d}
    return {"C": channels, "D": width, "PRECISION": _precision(), **blocks}


def _precision() -> str:
    """How float32 is multiplied; since torch 2.9 its older switch fails where both were used."""
    settings = torch.backends.cuda.matmul
    new = hasattr(settings, "fp32_precision")
    fast = settings.fp32_precision == "tf32" if new else settings.allow_tf32
    return "tf32" if fast else "ieee"


def _tuned(*configs: tuple[int, int, int], key: tuple[str, ...] = ()) -> Any:
    """The fastest of (rows in a block, warps, stages) for each shape; one for the interpreter."""
    choices = [
        triton.Config({"BLOCK_ROWS": rows}, num_warps=warps, num_stages=stages)
        for rows, warps, stages in ([(16, 4, 1)] if INTERPRETED.value else configs)
    ]
    return triton.autotune(choices, key=["K", "C", "D", "PRECISION", *key])


@triton.jit
def _edges_of(start, row, rows, k, K):
    """Where the edges of type k of each row begin and end; rows past the last have none."""
    cell = start + row * K + k
    return tl.load(cell, row < rows, 0), tl.load(cell + 1, row < rows, 0)


@triton.jit
def _gathered(x, node, value, edge, present, c, C: tl.constexpr):
    """``value[edge] * x[node[edge]]`` at the columns c, zero where no edge is present."""
    source = tl.load(node + edge, present, 0).to(tl.int64)
    inside = c[None, :] < tl.where(present, C, 0)[:, None]
    features = tl.load(x + source[:, None] * C + c[None, :], inside, 0.0)
    if value is not None:
        features = features * tl.load(value + edge, present, 0.0).to(tl.float32)[:, None]
    return features


@triton.jit
def _cell_sums(x, start, node, value, row, rows, k, K, c, C: tl.constexpr, SINGLE: tl.constexpr):
    """``[BLOCK_ROWS, BLOCK_C]``, each row the sum over its cell's edges, in the type of ``x``."""
    first, last = _edges_of(start, row, rows, k, K)
    sums = _gathered(x, node, value, first, first < last, c, C)
    if not SINGLE:
        sums = sums.to(tl.float32)
        for step in range(1, tl.max(last - first, 0).to(tl.int32)):
            sums += _gathered(x, node, value, first + step, first + step < last, c, C)
    return sums.to(x.dtype.element_ty)


@triton.jit
def _tile(matrix, row, column, inside, stride_row, stride_column, C: tl.constexpr):
    """Rows and columns of a matrix, zero where a row is not inside or a column not below C."""
    places = row[:, None] * stride_row + column[None, :] * stride_column
    return tl.load(matrix + places, inside[:, None] & (column < C)[None, :], 0.0)


@triton.jit
def _add_product(total, left, right, PRECISION: tl.constexpr):
    """``total + left @ right``; the interpreter has no products of bfloat16."""
    right = right.to(left.dtype)
    if INTERPRETED:
        left, right = left.to(tl.float32), right.to(tl.float32)
    return tl.dot(left, right, total, input_precision=PRECISION)


@_tuned((64, 8, 4), (128, 8, 4), (64, 4, 4), (32, 4, 4), key=("SINGLE",))
@triton.jit(do_not_specialize=["rows"])
def _typed_product(
    x, weight, start, node, value, bias, out, rows, K, stride_k, stride_c, stride_d,
    C: tl.constexpr, D: tl.constexpr, SINGLE: tl.constexpr, PRECISION: tl.constexpr,
    BLOCK_C: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_ROWS: tl.constexpr,
):  # fmt: skip
    """One block of rows by one block of D; blocks of D of the same rows follow each other."""
    SLICES: tl.constexpr = (C + BLOCK_C - 1) // BLOCK_C
    COLUMNS: tl.constexpr = (D + BLOCK_D - 1) // BLOCK_D
    block = tl.program_id(0)
    row = (block // COLUMNS).to(tl.int64) * BLOCK_ROWS + tl.arange(0, BLOCK_ROWS)
    d = block % COLUMNS * BLOCK_D + tl.arange(0, BLOCK_D)
    total = tl.zeros([BLOCK_ROWS, BLOCK_D], tl.float32)
    for step in range(K * SLICES):
        k = step // SLICES
        c = step % SLICES * BLOCK_C + tl.arange(0, BLOCK_C)
        sums = _cell_sums(x, start, node, value, row, rows, k, K, c, C, SINGLE)
        matrix = _tile(weight + k * stride_k, c, d, c < C, stride_c, stride_d, D)
        total = _add_product(total, sums, matrix, PRECISION)
    if bias is not None:
        total += tl.load(bias + d, d < D, 0.0).to(tl.float32)[None, :]
    inside = (row < rows)[:, None] & (d < D)[None, :]
    tl.store(out + row[:, None] * D + d[None, :], total.to(out.dtype.element_ty), inside)


@_tuned((64, 8, 4), (128, 8, 4), (32, 4, 4), key=("SINGLE",))
@triton.jit(do_not_specialize=["rows"])
def _weight_gradient(
    x, grad, start, node, value, partial, rows, K, share,
    C: tl.constexpr, D: tl.constexpr, SINGLE: tl.constexpr, PRECISION: tl.constexpr,
    BLOCK_C: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_ROWS: tl.constexpr,
):  # fmt: skip
    """One subset, a block of C by a block of D, one share of the rows."""
    SLICES: tl.constexpr = (C + BLOCK_C - 1) // BLOCK_C
    COLUMNS: tl.constexpr = (D + BLOCK_D - 1) // BLOCK_D
    block, part = tl.program_id(0), tl.program_id(1).to(tl.int64)
    k = block // (SLICES * COLUMNS)
    c = block // COLUMNS % SLICES * BLOCK_C + tl.arange(0, BLOCK_C)
    d = block % COLUMNS * BLOCK_D + tl.arange(0, BLOCK_D)
    total = tl.zeros([BLOCK_C, BLOCK_D], tl.float32)
    for begin in range(part * share, tl.minimum((part + 1) * share, rows), BLOCK_ROWS):
        row = begin + tl.arange(0, BLOCK_ROWS)
        sums = _cell_sums(x, start, node, value, row, rows, k, K, c, C, SINGLE)
        matrix = _tile(grad, row, d, row < rows, D, 1, D)
        total = _add_product(total, sums.T, matrix, PRECISION)
    inside = (c < C)[:, None] & (d < D)[None, :]
    places = ((part * K + k) * C + c)[:, None] * D + d[None, :]
    tl.store(partial + places, total, inside)


@_tuned((32, 8, 3), (64, 8, 3), (16, 4, 3))
@triton.jit(do_not_specialize=["rows", "edges"])
def _value_gradient(
    x, weight, grad, start, node, parts, rows, K, edges, stride_k, stride_c, stride_d,
    C: tl.constexpr, D: tl.constexpr, PRECISION: tl.constexpr,
    BLOCK_C: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_ROWS: tl.constexpr,
):  # fmt: skip
    """One block of rows of one subset, one block of C."""
    SLICES: tl.constexpr = (C + BLOCK_C - 1) // BLOCK_C
    block = tl.program_id(0)
    part, k = block % SLICES, block // SLICES % K
    row = (block // SLICES // K).to(tl.int64) * BLOCK_ROWS + tl.arange(0, BLOCK_ROWS)
    c = part * BLOCK_C + tl.arange(0, BLOCK_C)
    turned = tl.zeros([BLOCK_ROWS, BLOCK_C], tl.float32)
    for begin in range(0, D, BLOCK_D):
        d = begin + tl.arange(0, BLOCK_D)
        targets = _tile(grad, row, d, row < rows, D, 1, D).to(x.dtype.element_ty)
        matrix = _tile(weight + k * stride_k, d, c, d < D, stride_d, stride_c, C)
        turned = _add_product(turned, targets, matrix, PRECISION)
    first, last = _edges_of(start, row, rows, k, K)
    for step in range(tl.max(last - first, 0).to(tl.int32)):
        edge = first + step
        features = _gathered(x, node, None, edge, edge < last, c, C)
        places = parts + part.to(tl.int64) * edges + edge
        tl.store(places, tl.sum(features * turned, 1), edge < last)
