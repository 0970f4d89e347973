"""Pickles from anywhere: plain data comes back bit for bit, and nothing else is made or run."""

from __future__ import annotations

import pickle
import struct
import time
import tracemalloc
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stgraph.formats import Clip
from stgraph.formats.pickles import described, load_pickle, parse_pickle

from .fuzzing import Case

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
PLAIN = {
    "numbers": [0, -1, 255, 65536, 2**31, -(2**63), 2**1000, 1.5, float("inf"), True, None, 2j],
    "texts": ["", "S001", "naïve ☂ 😀\n\\'\"", "\udc80", b"", b"\x00\xff", bytearray(b"ab")],
    "containers": [(), (1,), (1, 2, 3, 4), [[]], {"a": [1], 0.5: 2}, {1, 2}, set(), frozenset("a")],
    "ordered": OrderedDict([("b", 1), ("a", 2)]),
    "scalars": [np.float16(1.5), np.int64(-3), np.bool_(True), np.str_("ab"), np.bytes_(b"c")],
    "labels": (["S001C001P001R001A001.skeleton"] * 3, [0, 59, 300]),
}
ARRAYS = [
    np.arange(6, dtype="<f4").reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(24, dtype="f2").reshape(2, 3, 4).transpose(1, 2, 0),
    np.arange(2000, dtype=">i4"),
    np.zeros((0, 25, 3), "f4"),
    np.array(7, "u1"),
    np.array([True, False]),
    np.array(["a", "bcd"]),
    np.array(["a", "bcd"]).astype(">U3"),
    np.array([b"ab"]),
    np.array([1, 2], np.longdouble),
]
COREMULTI = b"cnumpy.core.multiarray\n"


def numpy1(data: bytes) -> bytes:
    """A pickle as NumPy 1 would have written it; the frame says how much follows it."""
    for module in (b"multiarray", b"numeric"):
        length = len(module) + 12
        long, short = bytes([length]) + b"numpy._core.", bytes([length - 1]) + b"numpy.core."
        data = data.replace(b"\x8c" + long + module, b"\x8c" + short + module)
    data = data.replace(b"numpy._core.", b"numpy.core.")
    if data[2:3] != pickle.FRAME:
        return data
    size = struct.unpack("<Q", data[3:11])[0]
    return data[:3] + struct.pack("<Q", min(size, len(data) - 11)) + data[11:]


def seeds() -> list[bytes]:
    values = [*PLAIN.values(), ARRAYS]
    made = [pickle.dumps(value, protocol) for value in values for protocol in PROTOCOLS]
    return [*made, *map(numpy1, made)]


def read(path: Path) -> list[Clip]:
    load_pickle(path)
    return []


CASE = Case("pickle", seeds, read, ".pkl")


def same(one: Any, other: Any) -> bool:
    """The same values of the same kinds, NaN included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        shape = one.dtype == other.dtype and one.shape == other.shape
        strides = one.size == 0 or one.strides == other.strides
        return bool(shape and one.tobytes() == other.tobytes() and strides)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(map(repr, one)) == list(map(repr, other)) and same(
            list(one.values()), list(other.values())
        )
    return repr(one) == repr(other) if isinstance(one, (float, np.number)) else one == other


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_data_comes_back_as_it_was(protocol: int) -> None:
    assert same(parse_pickle(pickle.dumps(PLAIN, protocol), "x"), PLAIN)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("number", range(len(ARRAYS)))
def test_arrays_come_back_as_numpy_itself_reads_them(number: int, protocol: int) -> None:
    data = pickle.dumps(ARRAYS[number], protocol)
    assert same(parse_pickle(data, "x"), pickle.loads(data))
    assert same(parse_pickle(numpy1(data), "x"), pickle.loads(data))


@given(
    hnp.arrays(
        st.one_of(
            *(make(endianness="?") for make in (hnp.floating_dtypes, hnp.integer_dtypes)),
            *(hnp.unsigned_integer_dtypes(endianness="?"), hnp.boolean_dtypes()),
            *(hnp.unicode_string_dtypes(endianness="?"), hnp.byte_string_dtypes()),
        ),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    ),
    st.sampled_from(PROTOCOLS),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_any_array_comes_back(array: Any, protocol: int, fortran: bool) -> None:
    data = pickle.dumps(np.asfortranarray(array) if fortran else array, protocol)
    assert same(parse_pickle(data, "x"), pickle.loads(data))


KEYS = st.one_of(
    *(st.none(), st.booleans(), st.integers(1 - 2**60, 2**60 - 1), st.text(), st.binary()),
    st.floats(allow_nan=False),  # sets of NaN have no order
)
LEAVES = st.one_of(KEYS, st.integers())


@given(
    st.recursive(
        LEAVES,
        lambda inner: st.one_of(
            *(st.lists(inner), st.tuples(inner, inner), st.dictionaries(KEYS, inner), st.sets(KEYS))
        ),
        max_leaves=20,
    ),
    st.sampled_from(PROTOCOLS),
)
@settings(max_examples=150, deadline=None)
def test_any_container_comes_back(value: Any, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    assert repr(parse_pickle(data, "x")) == repr(pickle.loads(data))


def test_a_shared_list_stays_one_list() -> None:
    inner = [1]
    one, other = parse_pickle(pickle.dumps([inner, inner]), "x")
    assert one is other


def test_texts_of_python_2_are_taken_for_latin_1() -> None:
    assert parse_pickle(b"\x80\x02U\x02\xe9a.", "x") == "éa"
    assert parse_pickle(b"S'\\xe9\\n'\np1\n.", "x") == "é\n"


def test_an_array_of_python_2_comes_back() -> None:
    data = (
        COREMULTI
        + b"_reconstruct\np1\n(cnumpy\nndarray\np2\n(I0\ntp3\nS'b'\np4\ntp5\nRp6\n(I1\n(I2"
        b"\ntp7\ncnumpy\ndtype\np8\n(S'i2'\np9\nI0\nI1\ntp10\nRp11\n(I3\nS'<'\np12\nNNNI-1\nI-1\n"
        b"I0\ntp13\nbI00\nS'\\x01\\x00\\xff\\xff'\np14\ntp15\nb."
    )
    assert parse_pickle(data, "x").tolist() == [1, -1]


class Reduced:
    """Pickles as a call of anything."""

    def __init__(self, call: Callable[..., Any], *args: Any) -> None:
        self.call, self.args = call, args

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call, self.args


class Kind(np.ndarray):
    pass


def raw_array(shape: bytes, code: bytes, data: bytes) -> bytes:
    return (
        COREMULTI + b"_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n" + shape + b"cnumpy\n"
        b"dtype\n(S'" + code + b"'\nI0\nI1\ntRI00\nS'" + data + b"'\ntb."
    )


def length8(code: bytes, size: int) -> bytes:
    return code + struct.pack("<Q", size)


ATTACKS: dict[str, tuple[bytes, str]] = {
    "os.system": (b"cos\nsystem\n(S'touch /tmp/attacked'\ntR.", "os.system"),
    "posix.system": (b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x01x\x85R.", "posix.system"),
    "eval": (pickle.dumps(Reduced(eval, "1")), "builtins.eval"),
    "eval, Python 2": (b"c__builtin__\neval\n(S'1'\ntR.", "__builtin__.eval"),
    "getattr": (pickle.dumps(Reduced(getattr, 1, "real")), "builtins.getattr"),
    "a dotted name": (b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.", "numpy.ndarray.tofile"),
    "numpy.load": (b"cnumpy\nload\n(S'x'\ntR.", "numpy.load"),
    "functools.partial": (pickle.dumps(partial(print)), "functools.partial"),
    "copyreg": (b"ccopyreg\n_reconstructor\n.", "copyreg._reconstructor"),
    "torch": (b"ctorch._utils\n_rebuild_tensor_v2\n.", "torch._utils._rebuild_tensor_v2"),
    "a subclass of ndarray": (pickle.dumps(np.zeros(2).view(Kind)), "Kind"),
    "an instance": (b"(ios\nsystem\n.", "os.system"),
    "an admitted instance": (b"(icollections\nOrderedDict\n.", "an instance"),
    "a new object": (b"\x80\x02ccollections\nOrderedDict\n)\x81.", "an instance"),
    "a persistent id": (b"Pabc\n.", "persistent id"),
    "an extension": (b"\x80\x02\x82\x01.", "extension"),
    "a buffer from elsewhere": (b"\x80\x05\x97.", "buffer"),
    "objects in an array": (pickle.dumps(np.array([object()])), "'O8'"),
    "an object scalar": (COREMULTI + b"scalar\n(cnumpy\ndtype\n(S'O'\nI0\nI1\ntRS'x'\ntR.", "'O'"),
    "records": (pickle.dumps(np.zeros(2, "i4,f4")), "'V8'"),
    "void": (raw_array(b"(I1\nt", b"V1000000000", b""), "'V1000000000'"),
    "a wide text": (raw_array(b"(I1\nt", b"U99999999", b""), "399,999,996 bytes"),
    "nothing, often": (raw_array(b"(I999999999999\nt", b"S0", b""), "array of nothing"),
    "a huge empty axis": (raw_array(b"(I0\nI999999999999\nt", b"f4", b""), "999999999999"),
    "too few bytes": (raw_array(b"(I2\nt", b"f4", b"abcd"), "8 bytes"),
    "a negative shape": (raw_array(b"(I-1\nI-4\nt", b"i1", b"abcd"), "from 0"),
    "no letters": (raw_array(b"(I1\nt", b"U1", b"\\xff\\xff\\xff\\xff"), "Unicode"),
    "an empty array with a shape": (
        COREMULTI + b"_reconstruct\n(cnumpy\nndarray\n(I1000000000\ntS'b'\ntR.",
        "a shape of its own",
    ),
    "a call of ndarray": (b"cnumpy\nndarray\n(I1000000000\ntR.", "numpy.ndarray"),
    "zeros": (b"cbuiltins\nbytearray\n(I10000000000\ntR.", "text to encode"),
    "bytes of a number": (b"cbuiltins\nbytes\n(I10000000000\ntR.", "TypeError"),
    "another encoding": (b"c_codecs\nencode\n(S'x'\nS'idna'\ntR.", "latin1"),
    "letters beyond": (b"c_codecs\nencode\n(V\\u20ac\nS'latin1'\ntR.", "letters"),
    "many bytes": (length8(b"\x8e", 2**40), "1099511627776"),
    "many letters": (length8(b"\x8d", 2**62), "more bytes"),
    "a large bytearray": (length8(b"\x96", 2**40), "1099511627776"),
    "a large frame": (length8(b"\x80\x04\x95", 2**40), "1,099,511,627,776"),
    "a large number": (b"\x80\x02\x8b\xff\xff\xff\x7f", "255 bytes"),
    "a long number": (b"L" + b"9" * 5000 + b"L\n.", "5000 digits"),
    "the memo's end": (b"Nr\x00\x00\x00\x80.", "2147483648"),
    "an unset memo": (b"Nq\x03h\x01.", "already read"),
    "no memo": (b"h\x07.", "already read"),
    "a call of a text": (b"S'x'\n)R.", "a call of 'x'"),
    "a state for a list": (b"](I1\ntb.", "a list and a state"),
    "extending bytes": (pickle.dumps(bytearray(b"x"), 5)[:-1] + b"K\x01a.", "list to add to"),
    "items of an array": (pickle.dumps(np.zeros(2), 2)[:-1] + b"K\x00K\x01s.", "dict to add to"),
    "a tuple as a key": (b"}K\x01\x85K\x02s.", "a tuple"),
    "a list as a key": (b"}]K\x02s.", "a list"),
    "colliding numbers": (pickle.dumps({2**61 - 1: 0}), "61 bits"),
    "half a pair": (b"}(K\x01u.", "ValueError"),
    "nothing on the stack": (b".", "IndexError"),
    "an unknown opcode": (b"\xff.", "KeyError"),
    "no end": (b"]", "the rest of the file"),
    "an empty file": (b"", "the rest of the file"),
    "odd escapes": (b"S'\\d'\n.", "escapes"),
    "no text": (b"X\x01\x00\x00\x00\xff.", "UnicodeDecodeError"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_at_once_and_named(name: str, tmp_path: Path) -> None:
    data, named = ATTACKS[name]
    path = tmp_path / "labels.pkl"
    path.write_bytes(data)
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(ValueError) as error:
        load_pickle(path)
    took, peak = time.perf_counter() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    text = str(error.value)
    assert type(error.value) is ValueError and named in text
    assert text.startswith(f"{path}, byte ") and "found" in text and text.endswith(".")
    assert took < 1 and peak < 1 << 20


@pytest.mark.parametrize("opcodes", [b"\x8f", b"}", b"(", b"N\x85", b"(\x91", b"(}0]0"])
def test_containers_out_of_proportion_are_refused(opcodes: bytes) -> None:
    data = opcodes * (400_000 // len(opcodes))
    tracemalloc.start()
    with pytest.raises(ValueError, match="out of all proportion"):
        parse_pickle(data, "x")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 10 * len(data) + (1 << 20)


def test_copies_of_a_large_text_are_refused() -> None:
    text = b"X" + struct.pack("<I", 100_000) + b"a" * 100_000
    copy = b"c_codecs\nencode\n(h\x00X\x06\x00\x00\x00latin1tR"
    data = b"\x80\x02" + text + b"q\x00" + copy * 1000 + b"."
    with pytest.raises(ValueError, match="out of all proportion"):
        parse_pickle(data, "x")


def test_a_state_is_given_once() -> None:
    data = raw_array(b"(I1\nt", b"i1", b"a")
    again = data[:-1] + data[data.index(b"(I1\n(I1") : -1] + b"."
    assert parse_pickle(data, "x").tolist() == [97]
    with pytest.raises(ValueError, match="still lacks its state"):
        parse_pickle(again, "x")


def test_a_message_shows_little_of_a_container() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep, deep]
    assert described(deep) == "a list of 2"
    assert described(np.zeros((2, 3))) == "an array of shape [2, 3]"
    assert described("a" * 1000).startswith("'aaa") and len(described("a" * 1000)) < 80
    while deep:
        deep = deep.pop()


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.pkl", tmp_path):
        with pytest.raises(ValueError, match="Check the path"):
            load_pickle(path)


def test_a_real_label_file_takes_no_more_memory_than_promised() -> None:
    names = [f"{number:011x}.json" for number in range(60_000)]
    data = pickle.dumps((names, [number % 400 for number in range(60_000)]))
    tracemalloc.start()
    loaded = parse_pickle(data, "x")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert loaded[0] == names and peak < 10 * len(data) + (1 << 20)
