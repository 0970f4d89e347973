"""JSON and refusals: whatever a file holds, it is read within bounds or named."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stgraph.formats.documents import member, numbers, of_kind, read_json, table
from stgraph.formats.refusal import (
    MEMORY_FACTOR,
    MEMORY_FLOOR,
    check_memory,
    nobody_yet,
    read_bytes,
    refuse,
    shown,
)


def save(folder: Path, data: bytes) -> Path:
    path = folder / "clip.json"
    path.write_bytes(data)
    return path


def refusal(call: Any, *arguments: Any) -> str:
    with pytest.raises(ValueError, match="expected .* found") as caught:
        call(*arguments)
    assert type(caught.value) is ValueError and str(caught.value).endswith((".", "?"))
    return str(caught.value)


def test_a_document_comes_with_the_size_of_its_file(tmp_path: Path) -> None:
    document, size = read_json(save(tmp_path, b'{"a": [1, 2.5]}'))
    assert size == 15 and document["a"].tolist() == [1, 2.5]


@pytest.mark.parametrize(
    "value",
    [
        {"data": [{"pose": [1, 2.5], "who": None}, {"pose": []}], "label": "a"},
        {"a": [[[1, 2], [3, 4]], [[5]]], "b": [1, "x", True], "c": {"d": [{"e": [1]}]}},
        {"quotes": ['"[{', "\\", '\\"'], "data": [{"x]": "}"}], "data2": [[], {}]},
        {"mixed": [5, {"part": 0}, [7]], "none": [], "deep": [{"a": [{"b": [1, 2]}]}]},
        [[1, 2], {"a": [3]}],
        {"id": {"has": True}, "other": {"has": False}},
        "text",
    ],
)
def test_read_piece_by_piece_it_is_what_python_reads(tmp_path: Path, value: Any) -> None:
    for indent in (None, 2):
        document, _ = read_json(save(tmp_path, json.dumps(value, indent=indent).encode()))
        assert plain(document) == value


def plain(value: Any) -> Any:
    """The value with lists in place of arrays."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list | np.ndarray) else value


def test_an_error_far_down_is_told_by_its_line(tmp_path: Path) -> None:
    text = '{"data": [\n{"a": 1},\n{"a": 2},\n{"a": x}\n]}'
    assert "line 4, column 7: expected JSON" in refusal(read_json, save(tmp_path, text.encode()))
    text = '{"data": [\n{"a": 1},\n{"a": 2}\n] x}'
    assert "line 4, column 3: expected JSON" in refusal(read_json, save(tmp_path, text.encode()))


def test_many_short_numbers_take_less_than_ten_times_the_file(tmp_path: Path) -> None:
    joints = [[512.3, 100.2, 0.91]] * 17
    notes = [{"frame_index": n, "keypoints": joints} for n in range(4000)]
    path = save(tmp_path, json.dumps({"annotations": notes}, separators=(",", ":")).encode())
    tracemalloc.start()
    document, size = read_json(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert document["annotations"][7]["keypoints"].shape == (17, 3)
    assert peak < 10 * size


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "line 1, column 1: expected JSON"),
        (b'{"a": 1,\n"b": }', "line 2, column 6: expected JSON"),
        (b"[1, 2", "line 1, column 6: expected JSON"),
        (b'["\n\xff"]', "line 2: expected JSON in UTF-8, found other bytes"),
        (b"[NaN]", "found nan where a number should be"),
        (b"[-Infinity]", "found -infinity where a number should be"),
        (b"1" * 5000, "expected JSON with finite numbers"),
        (b"[" * 9000, "line 1: expected JSON, found lists in lists"),
        (b'{"a":' * 9000, "line 1: expected JSON, found lists in lists"),
        (b"\x00" * 100, "expected JSON"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(
    tmp_path: Path, data: bytes, complaint: str
) -> None:
    path = save(tmp_path, data)
    message = refusal(read_json, path)
    assert message.startswith(str(path)) and complaint in message and len(message) < 500


@pytest.mark.parametrize("items", ["{}", "[]", "[0]", '{"a":1}'])
def test_a_document_that_would_take_far_more_than_its_file_is_refused(
    tmp_path: Path, items: str
) -> None:
    path = save(tmp_path, f"[{','.join([items] * 200_000)}]".encode())
    tracemalloc.start()
    message = refusal(read_json, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "bytes can hold" in message and peak < 3 * path.stat().st_size


def test_a_large_document_of_floats_stays_within_the_promised_memory(tmp_path: Path) -> None:
    path = save(tmp_path, json.dumps([0.1234] * 200_000).encode())
    tracemalloc.start()
    read_json(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEMORY_FACTOR * path.stat().st_size + MEMORY_FLOOR


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal(read_bytes, tmp_path / "absent.json")
    assert "directory" in refusal(read_bytes, tmp_path)
    assert "expected a file that can be read" in refusal(read_bytes, "a\0b")


# Values


def test_a_member_is_found_and_of_its_kind() -> None:
    assert member({"a": 3}, "a", int, "x") == 3
    assert member({"a": 3}, "a", float, "x") == 3
    assert member({"a": []}, "a", list, "x") == []


@pytest.mark.parametrize(
    ("record", "kind", "complaint"),
    [
        ([1], int, "x: expected an object, found [1]"),
        ({"b": 1}, int, "x: expected the key 'a', found ['b']"),
        ({"a": "1"}, int, "x, a: expected a whole number, found '1'"),
        ({"a": 1.0}, int, "x, a: expected a whole number, found 1.0"),
        ({"a": True}, int, "x, a: expected a whole number, found True"),
        ({"a": False}, float, "x, a: expected a number, found False"),
        ({"a": 1}, bool, "x, a: expected true or false, found 1"),
        ({"a": None}, str, "x, a: expected a text, found None"),
        ({"a": {}}, list, "x, a: expected a list, found {}"),
    ],
)
def test_another_kind_is_refused_with_its_place(record: Any, kind: Any, complaint: str) -> None:
    assert refusal(member, record, "a", kind, "x").startswith(complaint)


@pytest.mark.parametrize("value", [2**63, -(2**63), 10**4000])
def test_whole_numbers_of_more_than_64_bits_are_refused(value: int) -> None:
    assert "x: expected a whole number up to 9.2e+18" in refusal(of_kind, value, int, "x")
    assert of_kind(2**63 - 1, int, "x") == 2**63 - 1


@pytest.mark.parametrize("value", [json.loads("1e999"), -1e39, 10**400])
def test_numbers_beyond_float32_are_refused(value: float) -> None:
    assert "x: expected a number up to 3.4e+38" in refusal(of_kind, value, float, "x")


def test_half_a_character_is_refused_and_any_whole_one_is_a_text() -> None:
    assert "whole characters" in refusal(of_kind, json.loads(r'"\ud83d"'), str, "x")
    assert of_kind(json.loads(r'"\ud83d\ude00"'), str, "x") == "\N{GRINNING FACE}"


def test_numbers_become_an_array() -> None:
    array = numbers([1, 2.5, -3], 3, "x")
    assert array.dtype == np.float64 and array.tolist() == [1, 2.5, -3]
    assert numbers([], None, "x").shape == (0,)


@pytest.mark.parametrize(
    ("value", "count", "complaint"),
    [
        ({}, None, "x: expected a list, found {}"),
        ([1, 2], 3, "x: expected 3 numbers, found 2"),
        ([1, True], None, "x: expected numbers, found True"),
        ([1, "2"], 2, "x: expected numbers, found '2'"),
        ([1, [2]], 2, "x: expected numbers, found [2]"),
        ([10**400], 1, "x: expected numbers that a float can hold"),
        ([1e39], 1, "x: expected numbers up to 3.4e+38"),
        (json.loads("[1e999]"), 1, "x: expected numbers up to 3.4e+38"),
    ],
)
def test_a_list_of_anything_else_is_refused(value: Any, count: Any, complaint: str) -> None:
    assert refusal(numbers, value, count, "x").startswith(complaint)


def test_a_table_is_rows_of_columns() -> None:
    assert table([[1, 2, 3], [4, 5, 6]], 2, 3, "x").tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("ab", "x: expected a list, found 'ab'"),
        ([[1, 2]], "x: expected 2 lists of 2 numbers, found 1"),
        ([[1, 2], [3]], "x[1]: expected a list of 2 numbers, found [3]"),
        ([[1, 2], "ab"], "x[1]: expected a list of 2 numbers, found 'ab'"),
        ([[1, 2], [3, None]], "x: expected numbers, found None"),
        ([[1, 2], [3, [4]]], "x: expected numbers, found [4]"),
    ],
)
def test_another_table_is_refused_with_its_place(value: Any, complaint: str) -> None:
    assert refusal(table, value, 2, 2, "x").startswith(complaint)


# Refusals


def test_a_refusal_says_where_what_was_expected_what_found_and_what_to_do() -> None:
    message = refusal(refuse, Path("a.json"), "a list", "a text", "Mend it.")
    assert message == "a.json: expected a list, found a text. Mend it."


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        ("a\nb", r"'a\nb'"),
        ([1, 2], "[1, 2]"),
        ([1] * 5, "a list of 5"),
        ({"a": 1}, "{'a': 1}"),
        ({"a": [1]}, "a dict of 1"),
        (["x" * 100], "a list of 1"),
        ("x" * 100, "'" + "x" * 59 + "..."),
    ],
)
def test_values_are_shown_briefly(value: Any, text: str) -> None:
    assert shown(value) == text


def test_a_value_nested_as_deep_as_json_allows_is_shown() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert shown(value) == "a list of 1"


def test_memory_is_ten_times_the_file_and_a_mebibyte() -> None:
    allowed = MEMORY_FACTOR * 1000 + MEMORY_FLOOR
    check_memory("x", allowed, 1000, "frames")
    message = refusal(check_memory, "x", allowed + 1, 1000, "9 frames")
    assert message.startswith("x: expected what 1,000 bytes can hold, found 9 frames, 1,058,577")
    assert refusal(check_memory, "x", 10**9, 1, "y", "Cut it.").endswith("Cut it.")


def test_nobody_yet_is_nan_in_the_shape_asked_for() -> None:
    keypoints = nobody_yet("x", (2, 3, 25, 3), 100)
    assert keypoints.shape == (2, 3, 25, 3) and keypoints.dtype == np.float32
    assert np.isnan(keypoints).all()
    assert nobody_yet("x", (0, 3, 25, 3), 100).shape == (0, 3, 25, 3)


@pytest.mark.parametrize("shape", [(1, 10**9, 1, 1), (0, 10**12, 18, 3), (10**9, 10**9, 0, 3)])
def test_more_than_the_file_may_ask_for_is_refused(shape: tuple[int, int, int, int]) -> None:
    assert f"{shape[0]} persons in {shape[1]} frames" in refusal(nobody_yet, "x", shape, 100)
