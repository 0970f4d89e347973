"""The few things that a pickle may name, made here from checked parts instead of looked up."""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stgraph.formats.refusal import DAMAGED, MEMORY_FLOOR, shown

_DTYPE = re.compile(r"[<>|=]?(?:b1|[iu][1248]|f(?:2|4|8|12|16)|[SU]\d{1,8})")
_MOST_AXES = 32
_MOST_KEY_BITS = 60  # hashes of larger numbers can be chosen so that all of them collide
_ARRAY_BYTES, _DTYPE_BYTES, _ORDERED_BYTES, _SET_BYTES, _MEMBER_BYTES = 250, 150, 600, 240, 110


class Refusal(Exception):
    """What is wrong with a pickle; whoever knows the file and the place makes the message."""

    def __init__(self, expected: str, found: str, remedy: str = DAMAGED) -> None:
        super().__init__(expected)
        self.expected, self.found, self.remedy = expected, found, remedy


@dataclass
class Workshop:
    """What makers share while one pickle is read.

    Attributes:
        charge: Counts bytes that are about to be taken, and refuses if they are too many.
        unbuilt: Arrays and dtypes whose state is still to come, by identity: it comes once.
    """

    charge: Callable[[int], None]
    unbuilt: dict[int, Any] = field(default_factory=dict)

    def promise(self, value: Any, size: int) -> Any:
        self.charge(size)
        self.unbuilt[id(value)] = value
        return value


@dataclass(frozen=True)
class Global:
    """Stands for something that a pickle names; ``make`` is what a call of it gives."""

    name: str
    make: Callable[..., Any]


def check_keys(keys: Iterable[object]) -> None:
    """Keys of dicts and members of sets: texts, bytes and numbers, and no very large numbers.

    Tuples in tuples have hashes that take for ever, or overflow the stack.
    """
    for key in keys:
        if not (key is None or isinstance(key, (str, bytes, int, float, np.number, np.bool_))):
            kind = type(key).__name__
            raise Refusal("texts, bytes or numbers as keys and in sets", f"a {kind}")
        if isinstance(key, int) and key.bit_length() > _MOST_KEY_BITS:
            found = f"one of {key.bit_length()} bits"
            raise Refusal(f"numbers of at most {_MOST_KEY_BITS} bits as keys and in sets", found)


def built(workshop: Workshop, value: Any, state: Any) -> None:
    """Give an array or a dtype its state, as the opcode BUILD says, once."""
    if workshop.unbuilt.pop(id(value), None) is not value or value is None:
        kind = type(value).__name__
        raise Refusal("an array or a dtype that still lacks its state", f"a {kind} and a state")
    if type(state) is not tuple:
        raise Refusal("a tuple as state", f"a {type(state).__name__}")
    if isinstance(value, np.dtype):
        _build_dtype(value, state)
    else:
        _build_array(workshop, value, state)


def _build_dtype(dtype: np.dtype[Any], state: tuple[Any, ...]) -> None:
    size, sizes = dtype.itemsize, (-1, dtype.itemsize)
    plain = (
        len(state) == 8
        and all(type(state[at]) is int for at in (0, 5, 6, 7))
        and (state[0], *state[2:5]) == (3, None, None, None)
        and state[1] in ("<", ">", "|", "=")
        and (state[5] in sizes and state[6] in (-1, dtype.alignment) and state[7] in (0, 8))
    )
    if not plain:
        raise Refusal(f"the byte order of a dtype of {size} bytes", "a state with more in it")
    dtype.__setstate__(state)  # type: ignore[attr-defined]


def _build_array(workshop: Workshop, array: NDArray[Any], state: tuple[Any, ...]) -> None:
    if len(state) != 5 or type(state[0]) is not int or state[0] != 1:
        raise Refusal("an array's state of version 1", f"a tuple of {len(state)}")
    shape, dtype, fortran_order, data = state[1:]
    if isinstance(data, str):  # as Python 2 pickled it
        data = _latin1(data)
    _check_contents(shape, dtype, data)
    if type(fortran_order) not in (bool, int):
        raise Refusal("true or false for the order", f"a {type(fortran_order).__name__}")
    workshop.charge(len(data))
    array.__setstate__((shape, dtype, bool(fortran_order), data))  # type: ignore[arg-type]


def _check_contents(shape: Any, dtype: Any, data: Any) -> None:
    """Refuse unless exactly these bytes are an array of that shape."""
    _check_dtype(dtype)
    if not isinstance(data, (bytes, bytearray)):
        raise Refusal("the bytes of an array", f"a {type(data).__name__}")
    if type(shape) is not tuple or len(shape) > _MOST_AXES:
        raise Refusal(f"a shape of at most {_MOST_AXES} axes", f"a {type(shape).__name__}")
    if not all(type(length) is int and 0 <= length < 1 << 60 for length in shape):
        raise Refusal("a shape of whole numbers from 0", "another")
    needed, found = math.prod(shape) * dtype.itemsize, len(data)
    if dtype.itemsize == 0 and shape:
        raise Refusal("items of at least one byte", "an array of nothing")
    if needed != found:
        raise Refusal(f"the {needed:,} bytes of shape {shown(list(shape))}", f"{found:,}")
    if found == 0 and math.prod(max(length, 1) for length in shape) > MEMORY_FLOOR:
        raise Refusal("an empty array of few rows", f"shape {shown(list(shape))}")
    if dtype.kind == "U" and found:
        letters = np.frombuffer(data, dtype=np.dtype("u4").newbyteorder(dtype.byteorder))
        if letters.max() > 0x10FFFF:
            raise Refusal("letters of Unicode", "a number that is none")


def _check_dtype(dtype: Any) -> None:
    if not isinstance(dtype, np.dtype):
        raise Refusal("a dtype", f"a {type(dtype).__name__}")


def _make_array(workshop: Workshop, kind: object, shape: object, code: object) -> NDArray[Any]:
    if kind is not _NDARRAY:
        raise Refusal("an ndarray", "another kind of array")
    if shape != (0,) or code not in (b"b", "b"):
        raise Refusal("an empty array to fill", "one with a shape of its own")
    return workshop.promise(np.ndarray((0,), np.int8), _ARRAY_BYTES)


def _make_array_of_buffer(
    workshop: Workshop, data: Any, dtype: Any, shape: Any, order: object, axes: Any = None
) -> NDArray[Any]:
    _check_contents(shape, dtype, data)
    if order not in ("C", "F", "K"):
        raise Refusal("the order C, F or K", "another")
    workshop.charge(_ARRAY_BYTES)
    array = np.frombuffer(data, dtype) if len(data) else np.empty(0, dtype)
    if order != "K" or axes is None:
        return array.reshape(shape, order="F" if order == "F" else "C")
    known = type(axes) in (tuple, list) and all(type(axis) is int for axis in axes)
    if not known or sorted(axes) != list(range(len(shape))):
        raise Refusal("each axis once", "another order of axes")
    return array.reshape(shape).transpose(axes)


def _make_scalar(workshop: Workshop, dtype: Any, data: Any) -> Any:
    data = _latin1(data) if isinstance(data, str) else data
    _check_contents((), dtype, data)
    workshop.charge(len(data))
    return np.ndarray((), dtype, bytes(data) or b"\0")[()]


def _make_dtype(workshop: Workshop, code: object, align: object, copy: object) -> np.dtype[Any]:
    code = _latin1(code).decode("latin1") if isinstance(code, (str, bytes)) else ""
    if not _DTYPE.fullmatch(code):
        raise Refusal("a dtype of plain numbers or texts", f"{shown(code) if code else 'another'}")
    return workshop.promise(np.dtype(np.dtype(code), copy=True), _DTYPE_BYTES)


def _make_bytes(workshop: Workshop, text: object, encoding: object) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Refusal("a text to encode as latin1", "something else")
    workshop.charge(len(text))
    return _latin1(text)


def _make_bytearray(workshop: Workshop, *args: object) -> bytearray:
    if len(args) == 1 and isinstance(args[0], bytes):
        workshop.charge(len(args[0]))
        return bytearray(args[0])
    if args and len(args) != 2:
        raise Refusal("bytes or a text to encode", "something else")
    return bytearray(_make_bytes(workshop, *args)) if args else bytearray()


def _make_no_bytes(workshop: Workshop) -> bytes:
    return b""


def _make_set(kind: Callable[..., Any]) -> Callable[..., Any]:
    def make(workshop: Workshop, *args: object) -> Any:
        members = args[0] if args else []
        if len(args) > 1 or type(members) is not list:
            raise Refusal("a list of members", "something else")
        workshop.charge(_SET_BYTES + _MEMBER_BYTES * len(members))
        check_keys(members)
        return kind(members)

    return make


def _make_ordered(workshop: Workshop) -> OrderedDict[Any, Any]:
    workshop.charge(_ORDERED_BYTES)
    return OrderedDict()


def _make_complex(workshop: Workshop, real: object, imaginary: object) -> complex:
    if type(real) is not float or type(imaginary) is not float:
        raise Refusal("two numbers of a complex number", "something else")
    return complex(real, imaginary)


def _not_called(workshop: Workshop, *args: object) -> Any:
    raise Refusal("numpy.ndarray as it is", "a call of it")


def _latin1(text: str | bytes) -> bytes:
    try:
        return text.encode("latin1") if isinstance(text, str) else text
    except UnicodeEncodeError:
        raise Refusal("bytes written as letters up to 255", "other letters") from None


_NDARRAY = Global("numpy.ndarray", _not_called)
_MAKERS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "dtype"): _make_dtype,
    ("_codecs", "encode"): _make_bytes,
    ("collections", "OrderedDict"): _make_ordered,
}
for _numpy in ("numpy.core", "numpy._core"):
    _MAKERS[f"{_numpy}.multiarray", "_reconstruct"] = _make_array
    _MAKERS[f"{_numpy}.multiarray", "scalar"] = _make_scalar
    _MAKERS[f"{_numpy}.numeric", "_frombuffer"] = _make_array_of_buffer
for _builtins in ("builtins", "__builtin__"):
    _MAKERS[_builtins, "bytes"] = _make_no_bytes
    _MAKERS[_builtins, "bytearray"] = _make_bytearray
    _MAKERS[_builtins, "complex"] = _make_complex
    _MAKERS[_builtins, "set"] = _make_set(set)
    _MAKERS[_builtins, "frozenset"] = _make_set(frozenset)

GLOBALS = {place: Global(".".join(place), make) for place, make in _MAKERS.items()}
GLOBALS["numpy", "ndarray"] = _NDARRAY
