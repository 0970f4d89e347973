"""Clips of one's own in NumPy's files: read as they are, or refused before memory is taken."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stgraph.formats.arrays import read_array_clip
from stgraph.formats.clip import Clip
from stgraph.formats.npy import npz_members, read_npy

from .fuzzing import Case

POINTS = np.random.default_rng(0).normal(size=(2, 4, 5, 3))


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(packed: bool = False, **arrays: Any) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(file, **arrays)
    return file.getvalue()


def seeds() -> list[bytes]:
    everything = {"keypoints": POINTS.astype("f4"), "score": POINTS[..., 0], "label": 3}
    return [
        *(npy(POINTS), npy(POINTS[0].astype("f2")), npy((9 * POINTS).astype(">i4"))),
        *(npy(np.asfortranarray(POINTS, dtype="f4")), npz(clip=POINTS[0])),
        *(npz(**everything), npz(True, **everything)),
    ]


def read(path: Path) -> list[Clip]:
    return [read_array_clip(path)]


CASE = Case("array", seeds, read, ".npz")


def save(folder: Path, data: bytes) -> Path:
    path = folder / "wave.npy"
    path.write_bytes(data)
    return path


def header(text: str, length: int | None = None) -> bytes:
    size = len(text) if length is None else length
    return b"\x93NUMPY\x01\x00" + size.to_bytes(2, "little") + text.encode("latin1")


def plain(descr: str = "'<f4'", shape: str = "(1, 1, 1, 3)") -> bytes:
    return header(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n") + b"a" * 12


def test_an_array_is_a_clip_named_after_its_file(tmp_path: Path) -> None:
    path = save(tmp_path, npy(POINTS))
    clip = read_array_clip(path)
    assert (clip.name, clip.label, clip.source) == ("wave", None, str(path))
    assert clip.keypoints.dtype == np.float32 and (clip.keypoints == POINTS.astype("f4")).all()


def test_three_axes_are_one_person(tmp_path: Path) -> None:
    clip = read_array_clip(save(tmp_path, npy(POINTS[1])))
    assert (clip.keypoints == POINTS[1:].astype("f4")).all()


@pytest.mark.parametrize("dtype", ["f2", ">f4", "f8", "i2", ">i8", "u1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_numbers_of_any_kind_become_floats(tmp_path: Path, dtype: str, order: Any) -> None:
    values = np.arange(1, 121).reshape(2, 4, 5, 3)
    clip = read_array_clip(save(tmp_path, npy(np.array(values, dtype=dtype, order=order))))
    assert (clip.keypoints == values).all()


def test_zeros_are_places_and_nan_is_unseen(tmp_path: Path) -> None:
    points = np.zeros((1, 2, 3, 2))
    points[0, 1] = np.nan
    clip = read_array_clip(save(tmp_path, npy(points)))
    assert (clip.keypoints[0, 0] == 0).all() and np.isnan(clip.keypoints[0, 1]).all()


@pytest.mark.parametrize("packed", [False, True])
def test_an_archive_has_keypoints_scores_and_a_label(tmp_path: Path, packed: bool) -> None:
    points = POINTS.copy()
    points[0, 0, 0] = np.nan
    score = np.full(POINTS.shape[:3], 0.5)
    clip = read_array_clip(save(tmp_path, npz(packed, keypoints=points, score=score, label=7)))
    assert clip.label == 7 and clip.keypoints.shape == (2, 4, 5, 4)
    assert np.isnan(clip.keypoints[0, 0, 0]).all() and (clip.keypoints[1, ..., 3] == 0.5).all()
    assert np.array_equal(clip.keypoints[1, ..., :3], points[1].astype("f4"))


@pytest.mark.parametrize("packed", [False, True])
def test_an_array_alone_in_an_archive_may_have_any_name(tmp_path: Path, packed: bool) -> None:
    clip = read_array_clip(save(tmp_path, npz(packed, arr_0=POINTS)))
    assert (clip.keypoints == POINTS.astype("f4")).all()


def test_a_file_of_python_2_is_read(tmp_path: Path) -> None:
    clip = read_array_clip(save(tmp_path, plain(shape="(1L, 1L, 1L, 3L)")))
    assert clip.keypoints.shape == (1, 1, 1, 3)


REFUSED = {
    "objects": (npy(np.array([None])), "'|O'"),
    "records": (npy(np.zeros(2, "i4,f4")), "plain array of numbers"),
    "texts": (npy(np.array(["a"])), "'<U1'"),
    "complex numbers": (npy(np.ones((1, 1, 1, 1), "c8")), "'<c8'"),
    "booleans": (npy(np.ones((1, 1, 1, 1), bool)), "bool"),
    "two axes": (npy(np.ones((2, 2))), "shape [2, 2]"),
    "five axes": (npy(np.ones((1, 1, 1, 1, 1))), "shape [1, 1, 1, 1, 1]"),
    "infinity": (npy(np.full((1, 1, 1, 3), np.inf)), "infinite"),
    "too large for a float": (npy(np.full((1, 1, 1, 3), 1e300)), "infinite"),
    "nobody": (npy(np.full((1, 2, 1, 3), np.nan)), "nobody in 2 frames"),
    "no frames": (npy(np.ones((1, 0, 5, 3))), "shape [1, 0, 5, 3]"),
    "an empty file": (b"", "NumPy's format"),
    "another format": (b"x,y,z\n1,2,3\n", "NumPy's format"),
    "a pickle": (b"\x80\x04N.", "NumPy's format"),
    "a short file": (npy(POINTS)[:-1], "960 bytes for shape [2, 4, 5, 3]"),
    "a short header": (npy(POINTS)[:50], "a header of"),
    "a long header": (header("{" * 60000), "10,000 bytes"),
    "a deep header": (header("(" * 9000), "plain array of numbers"),
    "a huge shape": (plain(shape="(99999999999, 99999999999, 9, 3)"), "for shape [99999999999"),
    "a huge number": (plain(shape=f"({'9' * 5000}, 1, 1)"), "a shape of at most"),
    "many axes": (plain(shape=f"({'1, ' * 33})"), "at most 32 lengths"),
    "a negative shape": (plain(shape="(-1, -1, 1, 3)"), "plain array of numbers"),
    "a call": (plain("__import__('os')"), "plain array of numbers"),
    "a subarray": (plain("('<f4', (9, 9))"), "plain array of numbers"),
    "other members": (npz(keypoints=POINTS, pose=POINTS), "'pose'"),
    "no keypoints": (npz(a=POINTS, b=POINTS), "keypoints, score and label"),
    "odd scores": (npz(keypoints=POINTS, score=POINTS[0, ..., 0]), "shape [2, 4, 5]"),
    "two labels": (npz(keypoints=POINTS, label=[1, 2]), "one label"),
    "half a label": (npz(keypoints=POINTS, label=1.5), "a class"),
    "a negative label": (npz(keypoints=POINTS, label=-2), "a class"),
    "a zip of texts": (npz(keypoints=np.array(["a"])), "plain array of numbers"),
    "a cut archive": (npz(keypoints=POINTS)[:-30], "BadZipFile"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_clip_is_refused(name: str, tmp_path: Path) -> None:
    data, found = REFUSED[name]
    path = save(tmp_path, data)
    with pytest.raises(ValueError) as error:
        read_array_clip(path)
    text = str(error.value)
    assert text.startswith(str(path)) and found in text and text.endswith((".", "?"))


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.npy", tmp_path):
        with pytest.raises(ValueError, match="Check the path"):
            read_array_clip(path)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = save(tmp_path, npz(True, keypoints=np.zeros((1, 100_000, 25, 3), "f4")))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"30,000,128 unpacked.*numpy\.savez"):
        read_array_clip(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_an_archive_packed_by_other_means_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wave.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("keypoints.npy", npy(POINTS))
    with pytest.raises(ValueError, match="another kind of packing"):
        read_array_clip(path)


def test_an_archive_with_a_long_directory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wave.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(2000):
            archive.writestr(f"{number}.npy", b"")
    with pytest.raises(ValueError, match="a very long directory"):
        npz_members(path)


def test_a_packed_member_with_a_wrong_check_sum_is_refused(tmp_path: Path) -> None:
    data = bytearray(npz(True, keypoints=POINTS))
    data[150] ^= 1
    with pytest.raises(ValueError, match=r"a \.npz archive"):
        read_array_clip(save(tmp_path, bytes(data)))


def test_an_array_stays_in_its_file(tmp_path: Path) -> None:
    path = save(tmp_path, npz(keypoints=POINTS))
    array = npz_members(path)["keypoints"].in_place().open()
    assert isinstance(array, np.memmap) and (array == POINTS).all()
    path = save(tmp_path, npy(POINTS))
    assert isinstance(read_npy(path), np.memmap) and (read_npy(path) == POINTS).all()
