"""Files out of zip archives, never outside the folder that they are meant for."""

from __future__ import annotations

import lzma
import shutil
import zipfile
import zlib
from collections.abc import Container
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from stgraph.formats.refusal import DAMAGED, refuse

_DAMAGES = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, RuntimeError),  # an unknown packing, a password
)
MOST_RATIO = 100  # unpacked to packed; text of numbers is packed to a fifth or so


def unzip(archive: Path, folder: Path, suffix: str, known: Container[str] = ()) -> None:
    """Unpack the files with that suffix into a folder, under their bare names.

    Folders in the archive are left out, so that no name in it leads anywhere else. A file appears
    when it is complete. Files whose names are ``known`` are passed over.

    Raises:
        ValueError: If the archive is damaged, its files claim to be more than a hundred times
            larger than the archive, or two have one name.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            _unpack(packed, archive, folder, _wanted(packed, suffix, known))
    except _DAMAGES as error:
        refuse(archive, "a .zip archive", str(error).lower(), DAMAGED)


def _wanted(
    packed: zipfile.ZipFile, suffix: str, known: Container[str]
) -> list[tuple[str, zipfile.ZipInfo]]:
    """Bare names and entries of the files to unpack."""
    named = (
        (PurePosixPath(entry.filename.replace("\\", "/")).name, entry)
        for entry in packed.infolist()
        if entry.filename.endswith(suffix) and not entry.is_dir()
    )
    return [(name, entry) for name, entry in named if name not in known]


def _unpack(
    packed: zipfile.ZipFile,
    archive: Path,
    folder: Path,
    wanted: list[tuple[str, zipfile.ZipInfo]],
) -> None:
    total = sum(entry.file_size for _, entry in wanted)
    if total > MOST_RATIO * archive.stat().st_size:
        expected = f"at most {MOST_RATIO} times its size"
        refuse(archive, expected, f"{total:,} bytes", "Unpack it yourself, if you trust it.")
    if len({name for name, _ in wanted}) < len(wanted):
        refuse(archive, "each name once", "some twice", "Unpack it yourself, into two folders.")
    folder.mkdir(parents=True, exist_ok=True)
    for name, entry in tqdm(wanted, desc=f"Unpacking {archive.name}", disable=None):
        target = folder / name
        partial = target.with_name(f"{name}.part")
        with packed.open(entry) as source, open(partial, "wb") as out:
            shutil.copyfileobj(source, out)
        partial.replace(target)
