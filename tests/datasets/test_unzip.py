from __future__ import annotations

import zipfile

import pytest

from stgraph.datasets.unzip import unzip


def pack(path, files, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_files_of_the_suffix_are_unpacked_without_their_folders(tmp_path):
    files = {"nturgb+d_skeletons/a.skeleton": "1", "deep/er/b.skeleton": "2", "readme.txt": "no"}
    unzip(pack(tmp_path / "x.zip", files), tmp_path / "raw", ".skeleton")
    assert names(tmp_path / "raw") == ["a.skeleton", "b.skeleton"]
    assert (tmp_path / "raw" / "b.skeleton").read_text() == "2"


@pytest.mark.parametrize(
    "name", ["../evil.skeleton", "/tmp/evil.skeleton", "..\\evil.skeleton", "a/../../evil.skeleton"]
)
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    unzip(pack(tmp_path / "x.zip", {name: "1"}), tmp_path / "raw", ".skeleton")
    assert names(tmp_path / "raw") == ["evil.skeleton"]
    assert names(tmp_path) == ["raw", "x.zip"]


def test_a_bomb_is_refused_before_anything_is_written(tmp_path):
    bomb = pack(tmp_path / "x.zip", {"a.skeleton": bytes(10_000_000)})
    with pytest.raises(ValueError, match=r"x\.zip: expected at most 100 times.*10,000,000 bytes"):
        unzip(bomb, tmp_path / "raw", ".skeleton")
    assert not (tmp_path / "raw").exists()


def test_two_files_of_one_name_are_refused(tmp_path):
    twice = pack(tmp_path / "x.zip", {"a/a.skeleton": "1", "b/a.skeleton": "2"})
    with pytest.raises(ValueError, match="each name once"):
        unzip(twice, tmp_path / "raw", ".skeleton")


@pytest.mark.parametrize("keep", [0, 10, 60, 100])
def test_a_damaged_archive_is_named(tmp_path, keep):
    path = pack(tmp_path / "x.zip", {"a.skeleton": "123 " * 100})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"x\.zip: expected a \.zip archive"):
        unzip(path, tmp_path / "raw", ".skeleton")


def test_a_changed_byte_inside_is_noticed_and_leaves_no_file(tmp_path):
    path = pack(tmp_path / "x.zip", {"a.skeleton": "123 456 " * 100})
    data = bytearray(path.read_bytes())
    data[45] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"x\.zip"):
        unzip(path, tmp_path / "raw", ".skeleton")
    assert "a.skeleton" not in names(tmp_path / "raw")


def test_files_that_are_known_are_passed_over(tmp_path):
    path = pack(tmp_path / "x.zip", {"a.skeleton": "123", "b.skeleton": "456"})
    unzip(path, tmp_path / "raw", ".skeleton", known={"a.skeleton"})
    assert names(tmp_path / "raw") == ["b.skeleton"]


def test_a_damaged_archive_of_another_packing_is_named(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.skeleton", "123 456 " * 100)
    data = bytearray(path.read_bytes())
    data[50:60] = bytes(10)
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"x\.zip: expected a \.zip archive"):
        unzip(path, tmp_path / "raw", ".skeleton")
