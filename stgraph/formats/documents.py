"""JSON of unknown origin: read within bounds, and taken apart with names for what is wrong."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from stgraph.formats.json_parts import parse
from stgraph.formats.refusal import DAMAGED, read_bytes, refuse, shown

T = TypeVar("T")

_LARGEST = float(np.finfo(np.float32).max)
_CLASSES: dict[type, Any] = {float: (int, float), list: (list, np.ndarray)}
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

    Lists of numbers may come as arrays; :func:`numbers` and :func:`table` take both.

    Raises:
        ValueError: If it is no JSON (the message names the line), says NaN or Infinity, is
            nested too deeply, or would take far more memory than the file has bytes.
    """
    data = read_bytes(path)
    return parse(data, path), len(data)


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
    fits = isinstance(value, _CLASSES.get(kind, kind))
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
    items: Any = of_kind(value, list, source)
    if count is not None and len(items) != count:
        refuse(source, f"{count} numbers", f"{len(items)}", DAMAGED)
    array = items if isinstance(items, np.ndarray) and items.ndim == 1 else _array(items, source)
    if not bool((np.abs(array) <= _LARGEST).all()):
        refuse(source, f"numbers up to {_LARGEST:.1e}", "larger ones", DAMAGED)
    return array


def _array(items: Any, source: str) -> NDArray[np.float64]:
    odd = [item for item in items if type(item) not in (int, float)]
    if odd:
        refuse(source, "numbers", shown(odd[0]), DAMAGED)
    try:
        return np.array(items, dtype=np.float64)
    except OverflowError:
        refuse(source, "numbers that a float can hold", "larger ones", DAMAGED)


def table(value: Any, rows: int, columns: int, source: str) -> NDArray[np.float64]:
    """A list of ``rows`` lists of ``columns`` finite numbers each as an array.

    Raises:
        ValueError: As :func:`numbers`.
    """
    lists: Any = of_kind(value, list, source)
    if len(lists) != rows:
        refuse(source, f"{rows} lists of {columns} numbers", f"{len(lists)}", DAMAGED)
    for at, row in enumerate(lists):
        if not isinstance(row, list | np.ndarray) or len(row) != columns:
            refuse(f"{source}[{at}]", f"a list of {columns} numbers", shown(row), DAMAGED)
    flat = lists.ravel() if isinstance(lists, np.ndarray) else list(chain.from_iterable(lists))
    return numbers(flat, rows * columns, source).reshape(rows, columns)
