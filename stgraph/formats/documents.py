"""JSON of unknown origin: read within bounds, and taken apart with names for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from stgraph.formats.refusal import DAMAGED, check_memory, read_bytes, refuse, shown

T = TypeVar("T")

_BYTES_A_NUMBER, _BYTES_A_BRACKET = 33, 100  # a float in a list; an empty list or dict in a list
_KINDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    float: "a number",
}


def read_json(path: str | Path) -> tuple[Any, int]:
    """The document in a JSON file, and the size of the file in bytes.

    Raises:
        ValueError: If it is no JSON (the message names the line), holds NaN or infinite numbers, is
            nested too deeply, or would take far more memory than the file has bytes.
    """
    data = read_bytes(path)
    brackets = data.count(b"[") + data.count(b"{")
    needed = _BYTES_A_NUMBER * data.count(b",") + _BYTES_A_BRACKET * brackets + 2 * len(data)
    check_memory(path, needed, len(data), f"{brackets} lists and objects")
    try:
        return json.loads(data, parse_constant=_no_number), len(data)
    except json.JSONDecodeError as error:
        where = f"{path}, line {error.lineno}, column {error.colno}"
        refuse(where, "JSON", error.msg.lower(), DAMAGED)
    except UnicodeDecodeError as error:
        line = 1 + data[: error.start].count(b"\n")
        refuse(f"{path}, line {line}", "JSON in UTF-8", "other bytes", DAMAGED)
    except (RecursionError, ValueError) as error:
        refuse(path, "JSON with finite numbers", str(error).split(";")[0].lower(), DAMAGED)


def member(record: Any, key: str, kind: type[T], source: str) -> T:
    """``record[key]``, which has to be of that kind (a whole number serves as a float).

    Raises:
        ValueError: Naming ``source`` and the key.
    """
    if not isinstance(record, dict):
        refuse(source, "an object", shown(record), DAMAGED)
    if key not in record:
        refuse(source, f"the key '{key}'", shown(list(record)), "Is this another format?")
    return of_kind(record[key], kind, f"{source}, {key}")


def of_kind(value: Any, kind: type[T], source: str) -> T:
    """``value``, if it is of that kind; true and false are no numbers."""
    fits = isinstance(value, (int, float) if kind is float else kind)
    if not fits or (isinstance(value, bool) and kind is not bool):
        refuse(source, _KINDS[kind], shown(value), DAMAGED)
    return value


def numbers(value: Any, count: int | None, source: str) -> NDArray[np.float64]:
    """A list of finite numbers as an array, ``count`` of them if that is given.

    Raises:
        ValueError: Naming ``source`` and what is wrong with the list.
    """
    items = of_kind(value, list, source)
    if count is not None and len(items) != count:
        refuse(source, f"{count} numbers", f"{len(items)}", DAMAGED)
    if not set(map(type, items)) <= {int, float}:
        odd = next(item for item in items if type(item) not in (int, float))
        refuse(source, "numbers", shown(odd), DAMAGED)
    try:
        array = np.array(items, dtype=np.float64)
    except OverflowError:
        refuse(source, "numbers that a float can hold", "larger ones", DAMAGED)
    limit = np.finfo(np.float32).max
    if not bool((np.abs(array) <= limit).all()):
        refuse(source, f"numbers up to {limit:.1e}", "larger ones", DAMAGED)
    return array


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} where a number should be")
