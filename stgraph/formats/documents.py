"""JSON of unknown origin: read within bounds, and taken apart with names for what is wrong."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from stgraph.formats.refusal import DAMAGED, check_memory, read_bytes, refuse, shown

T = TypeVar("T")

_BYTES_A_NUMBER, _BYTES_A_BRACKET = 33, 100  # a float in a list; an empty list or dict in a list
_LARGEST = float(np.finfo(np.float32).max)
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
        ValueError: If it is no JSON (the message names the line), says NaN or Infinity, is
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
    """``value``, if it is of that kind; true and false are no numbers.

    Numbers have to fit into 64 bits (whole ones) or float32, texts have to be valid Unicode.
    """
    fits = isinstance(value, (int, float) if kind is float else kind)
    if not fits or (isinstance(value, bool) and kind is not bool):
        refuse(source, _KINDS[kind], shown(value), DAMAGED)
    most = {int: 2**63 - 1, float: _LARGEST}.get(kind)
    if most is not None and not abs(value) <= most:
        refuse(source, f"{_KINDS[kind]} up to {most:.1e}", shown(value), DAMAGED)
    if kind is str and any("\ud800" <= letter <= "\udfff" for letter in value):
        refuse(source, "a text of whole characters", shown(value), DAMAGED)
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
    if not bool((np.abs(array) <= _LARGEST).all()):
        refuse(source, f"numbers up to {_LARGEST:.1e}", "larger ones", DAMAGED)
    return array


def table(value: Any, rows: int, columns: int, source: str) -> NDArray[np.float64]:
    """A list of ``rows`` lists of ``columns`` finite numbers each as an array.

    Raises:
        ValueError: As :func:`numbers`.
    """
    lists = of_kind(value, list, source)
    if len(lists) != rows:
        refuse(source, f"{rows} lists of {columns} numbers", f"{len(lists)}", DAMAGED)
    for at, row in enumerate(lists):
        if type(row) is not list or len(row) != columns:
            refuse(f"{source}[{at}]", f"a list of {columns} numbers", shown(row), DAMAGED)
    return numbers(list(chain.from_iterable(lists)), None, source).reshape(rows, columns)


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} where a number should be")
