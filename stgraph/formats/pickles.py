"""Pickles of unknown origin: numbers, texts, containers and NumPy arrays, and no code is run."""

from __future__ import annotations

import io
import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from stgraph.formats.pickled_values import (
    GLOBALS,
    Global,
    Refusal,
    Workshop,
    built,
    check_keys,
)
from stgraph.formats.refusal import DAMAGED, MEMORY_FLOOR, refuse, shown

# What pickle._Unpickler raises when opcodes, their arguments or the stack make no sense. They are
# caught at one place, around the loop over opcodes, where nothing but unpickling happens.
_NONSENSE = (
    *(pickle.UnpicklingError, EOFError, struct.error),
    *(IndexError, KeyError, AttributeError, TypeError, ValueError, OverflowError),
)
_FOREIGN = "Only numbers, texts, containers and NumPy arrays are read: save the data as those."
_CHARGES_PER_BYTE = 6  # besides the three or four times that texts and arrays take by themselves
_FAR_AHEAD = 8
_PLAIN_ESCAPES = re.compile(
    rb"(?:[^\\]|\\(?:[\\'\"abfnrtv]|x[0-9a-fA-F]{2}|[0-3][0-7]{0,2}|[4-7][0-7]?(?![0-7])))*"
)
_NEVER_NEEDED = {
    "a persistent id": (pickle.PERSID, pickle.BINPERSID),
    "an instance of a class": (pickle.OBJ, pickle.NEWOBJ, pickle.NEWOBJ_EX),
    "an extension code": (pickle.EXT1, pickle.EXT2, pickle.EXT4),
    "a buffer outside of the file": (b"\x97", b"\x98"),  # NEXT_BUFFER, READONLY_BUFFER
    "a number of more than 255 bytes": (pickle.LONG4,),
}
# Bytes that an opcode takes beyond its own place in the file: at once, and for every item since
# the last mark. Containers cost a hundred times their opcode.
_CHARGES = {
    **dict.fromkeys((pickle.EMPTY_LIST, pickle.EMPTY_DICT, pickle.MARK), (80, 0)),
    **dict.fromkeys((pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3), (72, 0)),
    **dict.fromkeys((pickle.TUPLE, pickle.LIST, pickle.APPENDS), (64, 8)),
    **dict.fromkeys((pickle.FROZENSET, pickle.ADDITEMS), (240, 110)),
    **dict.fromkeys((pickle.DICT, pickle.SETITEMS), (80, 80)),
    pickle.EMPTY_SET: (240, 0),
    pickle.SETITEM: (120, 0),
    pickle.BININT2: (20, 0),
}


def load_pickle(path: str | Path) -> Any:
    """What a pickle file holds, if it is plain data.

    Plain are numbers, texts, bytes, ``None``, lists, tuples, dicts, ``OrderedDict``, sets, and
    NumPy scalars and arrays of numbers or texts of fixed width, pickled by Python 2 or 3 and NumPy
    1 or 2 in protocols 0 to 5. Keys and members of sets are texts, bytes or numbers. Python 2's
    texts are taken for Latin-1. No class and no function that the file names is ever looked up.

    Raises:
        ValueError: If the file cannot be read, is no pickle, names anything else (the message says
            what, and at which byte), or would take far more memory than it has bytes.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            return _load(file, path.stat().st_size, str(path))
    except OSError as error:
        refuse(path, "a file that can be read", str(error.strerror), "Check the path.")


def parse_pickle(data: bytes, source: str) -> Any:
    """As :func:`load_pickle`, from bytes; ``source`` names them in messages."""
    return _load(io.BytesIO(data), len(data), source)


def described(value: object) -> str:
    """A value out of a pickle for a message; never the contents of containers, which may be huge.

    ``repr`` of lists in lists in lists would fail, or not end.
    """
    if isinstance(value, (str, bytes)):
        return shown(value[:80])
    if value is None or type(value) in (bool, int, float, complex):
        return shown(value)
    shape = getattr(value, "shape", None)
    if shape:
        return f"an array of shape {list(shape)}"
    size = f" of {len(value)}" if isinstance(value, (list, tuple, dict, set, frozenset)) else ""
    return f"a {type(value).__name__}{size}"


def _load(file: BinaryIO, size: int, source: str) -> Any:
    stream = _Stream(file, size)
    try:
        return _Unpickler(stream).load()
    except Refusal as error:
        where = f"{source}, byte {stream.at}"
        refuse(where, error.expected, error.found, error.remedy or DAMAGED)
    except _NONSENSE as error:
        what = f"{type(error).__name__} ({shown(str(error), 120)})"
        refuse(f"{source}, byte {stream.at}", "a pickle", what, DAMAGED)


class _Stream:
    """A file that knows how much is left, so that no length is believed before memory is taken."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size, self.at = file, size, 0

    def read(self, count: int) -> bytes:
        left = self.size - self.at
        if count > left:
            found = f"{left}, the rest of the file"
            raise Refusal(f"{count} more byte{'s' * (count != 1)}", found)
        self.at += count
        return self.file.read(count)

    def readline(self) -> bytes:
        line = self.file.readline()
        self.at += len(line)
        if not line.endswith(b"\n"):
            raise Refusal("a line", "the end of the file")
        return line


class _Memo:
    """The numbered objects of a pickle; numbers come in order, so none can ask for a huge table."""

    def __init__(self) -> None:
        self._items: list[Any] = []

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, number: int) -> Any:
        item = self._items[number] if 0 <= number < len(self._items) else self
        if item is self:
            raise Refusal("the number of an object already read", f"{shown(number)}")
        return item

    def __setitem__(self, number: int, value: Any) -> None:
        ahead = number - len(self._items)
        if ahead > _FAR_AHEAD:
            raise Refusal("objects numbered in order", f"{shown(number)} after {len(self)}")
        self._items.extend([self] * (ahead + 1))
        self._items[number] = value


class _Unpickler(pickle._Unpickler):
    """The unpickler in Python, which can be seen through, with plain data in place of classes."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]
    append: Callable[[Any], None]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, stream: _Stream) -> None:
        super().__init__(stream, encoding="latin1")
        self.stream = stream
        self.memo: Any = _Memo()
        self.left = _CHARGES_PER_BYTE * stream.size + MEMORY_FLOOR
        self.workshop = Workshop(self.charge)

    def charge(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            found = "containers and copies out of all proportion"
            raise Refusal(f"what {self.stream.size:,} bytes can hold", found)

    def find_class(self, module: str, name: str) -> Global:
        found = GLOBALS.get((module, name))
        if found is None:
            raise Refusal("plain data", f"the global {shown(f'{module}.{name}', 80)}", _FOREIGN)
        return found

    def _instantiate(self, klass: object, args: object) -> None:
        raise Refusal("plain data", "an instance of a class", _FOREIGN)

    def load_reduce(self) -> None:
        args, maker = self.stack.pop(), self.stack[-1]
        if type(maker) is not Global or type(args) is not tuple:
            raise Refusal("plain data", f"a call of {described(maker)}", _FOREIGN)
        self.charge(50)
        self.stack[-1] = maker.make(self.workshop, *args)

    def load_build(self) -> None:
        state = self.stack.pop()
        built(self.workshop, self.stack[-1], state)

    def load_frame(self) -> None:
        """Frames only say how much to read ahead."""
        (size,) = struct.unpack("<Q", self.stream.read(8))
        if size > self.stream.size - self.stream.at:
            raise Refusal(f"a frame of {size:,} bytes", "a file that ends before it")

    def load_bytearray8(self) -> None:
        (size,) = struct.unpack("<Q", self.stream.read(8))
        self.append(bytearray(self.stream.read(size)))

    def load_string(self) -> None:
        text = self.stream.readline()[:-1]
        if len(text) < 2 or text[:1] not in (b"'", b'"') or text[0] != text[-1]:
            raise Refusal("a text in quotes", shown(text))
        if not _PLAIN_ESCAPES.fullmatch(text[1:-1]):
            raise Refusal("a text with the escapes of Python 2", shown(text))
        self.append(text[1:-1].decode("unicode_escape"))

    def load_whole_number(self) -> None:
        text = self.stream.readline()[:-1].removesuffix(b"L")
        if len(text) > 620:
            raise Refusal("a number of at most 255 bytes", f"one of {len(text)} digits")
        self.append({b"00": False, b"01": True}.get(text) if text in (b"00", b"01") else int(text))

    def load_append(self) -> None:
        value = self.stack.pop()
        self._target(list).append(value)

    def load_appends(self) -> None:
        items = self.pop_mark()
        self._target(list).extend(items)

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        check_keys((key,))
        self._target(dict)[key] = value

    def load_setitems(self) -> None:
        items = self.pop_mark()
        check_keys(items[::2])
        self._target(dict).update(zip(items[::2], items[1::2], strict=True))

    def load_dict(self) -> None:
        items = self.pop_mark()
        check_keys(items[::2])
        self.append(dict(zip(items[::2], items[1::2], strict=True)))

    def load_additems(self) -> None:
        items = self.pop_mark()
        check_keys(items)
        self._target(set).update(items)

    def load_frozenset(self) -> None:
        items = self.pop_mark()
        check_keys(items)
        self.append(frozenset(items))

    def _target(self, kind: type) -> Any:
        if not isinstance(self.stack[-1], kind):
            raise Refusal(f"a {kind.__name__} to add to", described(self.stack[-1]))
        return self.stack[-1]


def _refusing(what: str) -> Callable[[Any], None]:
    def load(self: _Unpickler) -> None:
        raise Refusal("plain data", what, _FOREIGN)

    return load


def _charging(load: Callable[[Any], None], once: int, each: int) -> Callable[[Any], None]:
    def charge_and_load(self: _Unpickler) -> None:
        self.charge(once + each * len(self.stack))
        load(self)

    return charge_and_load


_OWN: dict[bytes, Callable[[Any], None]] = {
    pickle.REDUCE: _Unpickler.load_reduce,
    pickle.BUILD: _Unpickler.load_build,
    pickle.FRAME: _Unpickler.load_frame,
    pickle.BYTEARRAY8: _Unpickler.load_bytearray8,
    pickle.STRING: _Unpickler.load_string,
    pickle.DICT: _Unpickler.load_dict,
    pickle.INT: _Unpickler.load_whole_number,
    pickle.LONG: _Unpickler.load_whole_number,
    pickle.APPEND: _Unpickler.load_append,
    pickle.APPENDS: _Unpickler.load_appends,
    pickle.SETITEM: _Unpickler.load_setitem,
    pickle.SETITEMS: _Unpickler.load_setitems,
    pickle.ADDITEMS: _Unpickler.load_additems,
    pickle.FROZENSET: _Unpickler.load_frozenset,
}
_Unpickler.dispatch.update({code[0]: load for code, load in _OWN.items()})
for _what, _codes in _NEVER_NEEDED.items():
    _Unpickler.dispatch.update({code[0]: _refusing(_what) for code in _codes})
for _code, (_once, _each) in _CHARGES.items():
    _load_it = _Unpickler.dispatch[_code[0]]
    _Unpickler.dispatch[_code[0]] = _charging(_load_it, _once, _each)
