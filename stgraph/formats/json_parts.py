"""JSON read piece by piece, so that it takes little more memory than the numbers in it.

Python's own reader makes an object of every number, some ten times the bytes of a file of short
ones. All our formats are an object with long lists of objects or lists in it: those are read one
item at a time, and lists of numbers in an item become arrays at once.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from stgraph.formats.refusal import DAMAGED, check_memory, refuse

_BYTES_A_NUMBER, _BYTES_A_BRACKET = 33, 100  # a float in a list; an empty list or dict in a list
_TOKENS = re.compile(rb'"|\\.|[{}\[\]]', re.DOTALL)
_OPEN = b"{["
_PART = "part"  # items of the lists of the outermost object that are objects still are all ours


class Part(NamedTuple):
    """The bytes of a document from ``start`` to ``end`` are an item of a list in its object."""

    start: int
    end: int


def parse(data: bytes, path: str | Path) -> Any:
    """The document in ``data``; lists of numbers within the items of its lists are arrays.

    Raises:
        ValueError: If it is no JSON (the message names the line), says NaN or Infinity, is nested
            too deeply, or would take far more memory than it has bytes.
    """
    parts = list(_parts(data))
    items = list(_items(data, parts, path))
    document = _loaded(_without(data, parts), path, used=sum(map(_taken, items)), size=len(data))
    if parts:
        for key, value in document.items():
            if isinstance(value, list):
                document[key] = [items[at[_PART]] if type(at) is dict else at for at in value]
    return document


def _without(data: bytes, parts: list[Part]) -> bytes:
    """The document with the number of each part in its place; line ends stay."""
    pieces, end = [], 0
    for number, part in enumerate(parts):
        lines = data.count(b"\n", part.start, part.end)
        pieces += [data[end : part.start], b'{"%b":%d}' % (_PART.encode(), number), b"\n" * lines]
        end = part.end
    return b"".join([*pieces, data[end:]])


def _parts(data: bytes) -> Iterator[Part]:
    """The objects and lists that are items of a list in the outermost object."""
    stack = bytearray()
    quoted, start = False, 0
    for token in _TOKENS.finditer(data):
        what = token[0]
        if what == b'"':
            quoted = not quoted
        elif quoted or len(what) > 1:
            continue
        elif what in _OPEN:
            if stack == b"{[":
                start = token.start()
            stack += what
        elif stack:
            stack.pop()
            if stack == b"{[":
                yield Part(start, token.end())


def _items(data: bytes, parts: list[Part], path: str | Path) -> Iterator[Any]:
    """The parts, read one after another and packed."""
    used = line = before = 0
    for start, end in parts:
        line, before = line + data.count(b"\n", before, start), start
        item = _loaded(data[start:end], path, used=used, size=len(data), line=line)
        used += _taken(item)
        yield item


def _loaded(data: bytes, path: str | Path, *, used: int, size: int, line: int = 0) -> Any:
    brackets = data.count(b"[") + data.count(b"{")
    needed = _BYTES_A_NUMBER * data.count(b",") + _BYTES_A_BRACKET * brackets
    check_memory(path, used + 2 * size + needed, size, f"{brackets} lists and objects in one")
    try:
        return _packed(json.loads(data.decode("utf-8-sig"), parse_constant=_no_number))
    except json.JSONDecodeError as error:
        where = f"{path}, line {line + error.lineno}, column {error.colno}"
        refuse(where, "JSON", error.msg.lower(), DAMAGED)
    except UnicodeDecodeError as error:
        at = line + 1 + data[: error.start].count(b"\n")
        refuse(f"{path}, line {at}", "JSON in UTF-8", "other bytes", DAMAGED)
    except RecursionError:
        refuse(f"{path}, line {line + 1}", "JSON", "lists in lists in lists without end", DAMAGED)
    except ValueError as error:
        where = f"{path}, line {line + 1}"
        refuse(where, "JSON with finite numbers", str(error).split(";")[0].lower(), DAMAGED)


def _packed(value: Any) -> Any:
    """The value with arrays in place of lists of numbers, and of equally long lists of them."""
    if isinstance(value, dict):
        return {key: _packed(inner) for key, inner in value.items()}
    if not isinstance(value, list) or not value:
        return value
    if set(map(type, value)) <= {int, float}:
        return _array(value)
    inner = [_packed(item) for item in value]
    shapes = {item.shape if isinstance(item, np.ndarray) else None for item in inner}
    return np.stack(inner) if len(shapes) == 1 and None not in shapes else inner


def _array(numbers: list[Any]) -> Any:
    try:
        return np.array(numbers, dtype=np.float64)
    except OverflowError:
        return numbers  # whoever looks at them says what is wrong


def _taken(value: Any) -> int:
    """Bytes that a packed value takes, its keys aside."""
    size = sys.getsizeof(value) + (8 if not isinstance(value, np.ndarray) else 0)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return size + sum(map(_taken, inner))


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} where a number should be")
