"""NumPy's files, .npy and .npz, of unknown origin: no size is believed unchecked."""

from __future__ import annotations

import io
import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from stgraph.formats.refusal import DAMAGED, MEMORY_FLOOR, refuse, shown

_LONGEST_HEADER = 10_000
_LONGEST_DIRECTORY, _END_RECORD = 1 << 16, 22
_LEAST_RATIO_OF_BOMBS = 1032  # deflate's own limit; repeated bytes come close to it
_CHUNK = 1 << 20
_MOST_AXES = 32
_DESCR = re.compile(r"['\"]descr['\"]\s*:\s*['\"]([^'\"]{1,20})['\"]")
_ORDER = re.compile(r"['\"]fortran_order['\"]\s*:\s*(True|False)\b")
_SHAPE = re.compile(r"['\"]shape['\"]\s*:\s*\(([0-9L,\s]*)\)")
_NUMBERS = re.compile(r"[<>|=]?(?:b1|[iu][1248]|f(?:2|4|8|12|16))")
# What zipfile raises when a directory, a local header or a compressed stream makes no sense.
_BROKEN_ZIP = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError),
    *(ValueError, OverflowError, IndexError),
)


@dataclass(frozen=True)
class NpyArray:
    """Where in a file an array of numbers lies; it fits into the file.

    Attributes:
        source: What to call it in messages.
        path: The file.
        offset: The byte of the file at which the numbers start.
        dtype: Booleans, whole numbers or floats of any size and byte order.
        shape: The lengths of its axes, none of them 0.
        fortran_order: Whether the first axis runs fastest.
    """

    source: str
    path: Path
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran_order: bool

    def open(self) -> NDArray[Any]:
        """The array, mapped into memory: numbers are read from the file when looked at."""
        order: Any = "F" if self.fortran_order else "C"
        try:
            return np.memmap(self.path, self.dtype, "r", self.offset, self.shape, order)
        except (OSError, ValueError) as error:
            refuse(self.source, "the file as it was", str(error), "Do not change it meanwhile.")


@dataclass(frozen=True)
class NpzMember:
    """An array in a .npz file, which is not read yet."""

    source: str
    path: Path
    inner: str
    size: int
    packed_size: int
    stored: bool
    header_offset: int

    def in_place(self) -> NpyArray:
        """Where the numbers of a stored member lie in the file (their check sum is not looked at).

        Raises:
            ValueError: If they do not lie there as the file says.
        """
        with opened(self.path) as file:
            size = self.path.stat().st_size
            at = min(max(self.header_offset, 0), size)  # which the archive may say wrongly
            file.seek(at)
            local = file.read(30)
            if len(local) < 30 or local[:4] != b"PK\3\4" or self.size != self.packed_size:
                refuse(self.source, "a member of the archive", "something else", DAMAGED)
            start = at + 30 + sum(struct.unpack("<HH", local[26:30]))
            file.seek(start)
            left = size - start
            if self.size > left:
                refuse(self.source, f"{self.size:,} bytes", f"{max(left, 0):,}", DAMAGED)
            return _header(file, self.size, self.source, self.path, start)

    def unpacked(self, target: BinaryIO, path: Path) -> NpyArray:
        """Write the member to ``target``, which belongs to ``path``, and say where the array lies.

        Raises:
            ValueError: If the member is damaged, or says that it unpacks to more than it can.
        """
        if self.size > _LEAST_RATIO_OF_BOMBS * self.packed_size + MEMORY_FLOOR:
            found = f"{self.size:,} bytes out of {self.packed_size:,}"
            refuse(self.source, "a size that deflate can reach", found, DAMAGED)
        written = 0
        for chunk in self._chunks():
            target.write(chunk)
            written += len(chunk)
        if written != self.size:
            refuse(self.source, f"{self.size:,} bytes", f"{written:,}", DAMAGED)
        target.flush()
        target.seek(0)
        return _header(target, written, self.source, path, 0)

    def in_memory(self) -> NDArray[Any]:
        """The array of a packed member; the caller has looked at its size."""
        target = io.BytesIO()
        place = self.unpacked(target, self.path)
        count = math.prod(place.shape)
        array = np.frombuffer(target.getbuffer(), place.dtype, count, place.offset)
        return array.reshape(place.shape, order="F" if place.fortran_order else "C")

    def _chunks(self) -> Iterator[bytes]:
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.inner) as member:
                while chunk := member.read(_CHUNK):
                    yield chunk
        except _BROKEN_ZIP as error:
            _refuse_zip(self.source, error)


def npy_array(path: str | Path) -> NpyArray:
    """Where the array of a ``.npy`` file lies, after a look at its header.

    Raises:
        ValueError: If the file cannot be read, holds no plain array of numbers, or is too short.
    """
    path = Path(path)
    with opened(path) as file:
        return _header(file, path.stat().st_size, str(path), path, 0)


def read_npy(path: str | Path) -> NDArray[Any]:
    """The array of a ``.npy`` file, mapped into memory; errors as :func:`npy_array`."""
    return npy_array(path).open()


def npz_members(path: str | Path) -> dict[str, NpzMember]:
    """The arrays in a ``.npz`` file by name, none of them read yet.

    Raises:
        ValueError: If the file cannot be read, is no zip archive or an encrypted one, has very many
            members, or packs them by other means than NumPy.
    """
    path = Path(path)
    with opened(path) as file:
        try:
            with zipfile.ZipFile(_Careful(file.fileno(), closefd=False)) as archive:
                infos = archive.infolist()
        except _BROKEN_ZIP as error:
            _refuse_zip(str(path), error)
    members = {}
    for info in infos:
        name = info.filename.removesuffix(".npy")
        source = f"{path}, {shown(name)}"
        if info.flag_bits & 0x61 or info.compress_type not in (0, zipfile.ZIP_DEFLATED):
            remedy = "Save the arrays with numpy.savez."
            refuse(source, "a stored or deflated array", "another kind of packing", remedy)
        sizes = (info.file_size, info.compress_size, info.compress_type == 0, info.header_offset)
        members[name] = NpzMember(source, path, info.filename, *sizes)
    return members


class _Careful(io.FileIO):
    """A file that refuses long reads, as zipfile reads directories of any length at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        left = os.fstat(self.fileno()).st_size - self.tell()
        if (left if size is None or size < 0 else size) > _LONGEST_DIRECTORY + _END_RECORD:
            raise ValueError("a very long directory")
        return super().read(size)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file, to read bytes from; :class:`ValueError` if that is not possible."""
    try:
        file = path.open("rb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        refuse(path, "a file that can be read", str(reason), "Check the path.")
    with file:
        yield file


def _refuse_zip(source: str, error: Exception) -> NoReturn:
    found = f"{type(error).__name__} ({shown(str(error), 120)})"
    refuse(source, "a .npz archive", found, DAMAGED)


def _header(file: BinaryIO, size: int, source: str, path: Path, start: int) -> NpyArray:
    """The array whose header begins here, if it fits into ``size`` bytes.

    NumPy reads headers as Python literals, which may be nested as deep as they like; three patterns
    do for arrays of numbers.
    """
    text, length = _header_text(file, source)
    descr, order, shape = (key.search(text) for key in (_DESCR, _ORDER, _SHAPE))
    if not (descr and order and shape) or not _NUMBERS.fullmatch(descr[1]):
        found = shown(descr[1] if descr else text)
        remedy = "Save the keypoints as an array of numbers."
        refuse(source, "a plain array of numbers", found, remedy)
    lengths = [part.strip().removesuffix("L") for part in shape[1].split(",") if part.strip()]
    if len(lengths) > _MOST_AXES or not all(n.isdecimal() and len(n) < 20 for n in lengths):
        refuse(source, f"a shape of at most {_MOST_AXES} lengths", shown(shape[1]), DAMAGED)
    axes, dtype, left = tuple(map(int, lengths)), np.dtype(descr[1]), size - length
    needed = math.prod(axes) * dtype.itemsize
    if needed > left:
        refuse(source, f"{needed:,} bytes for shape {list(axes)}", f"{left:,}", DAMAGED)
    if needed == 0:
        refuse(source, "an array with numbers in it", f"shape {list(axes)}", "Leave it out.")
    return NpyArray(source, path, start + length, dtype, axes, order[1] == "True")


def _header_text(file: BinaryIO, source: str) -> tuple[str, int]:
    """The header's text and how many bytes lie before the numbers."""
    magic = file.read(8)
    if len(magic) < 8 or magic[:6] != b"\x93NUMPY" or magic[6] not in (1, 2, 3):
        remedy = "Save the keypoints with numpy.save."
        refuse(source, "an array in NumPy's format", shown(magic), remedy)
    code = "<H" if magic[6] == 1 else "<I"
    raw = file.read(struct.calcsize(code))
    length = struct.unpack(code, raw)[0] if len(raw) == struct.calcsize(code) else 0
    if not 0 < length <= _LONGEST_HEADER:
        expected = f"a header of at most {_LONGEST_HEADER:,} bytes"
        refuse(source, expected, f"one of {length:,}", DAMAGED)
    text = file.read(length)
    if len(text) < length:
        refuse(source, f"a header of {length:,} bytes", f"{len(text):,}", DAMAGED)
    return text.decode("latin1"), 8 + len(raw) + length
