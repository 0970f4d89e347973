"""Where the clips of a data set come from: lazy sequences of clips with a key for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from stgraph.formats import Clip


class ClipSource(Protocol):
    """Clips that are read when asked for, by position.

    ``key`` says which contents a clip has without reading it, so that work which was interrupted
    goes on only where nothing has changed.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, position: int, /) -> Clip: ...

    def key(self, position: int) -> str: ...


class FileClips:
    """One clip per file.

    Args:
        paths: The files, in the order of the data set.
        read: Reads one of them; :class:`ValueError` if that is not possible.
    """

    def __init__(self, paths: Iterable[Path], read: Callable[[Path], Clip]) -> None:
        self.paths, self.read = [str(path) for path in paths], read  # text is a third of a Path

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, position: int) -> Clip:
        return self.read(Path(self.paths[position]))

    def key(self, position: int) -> str:
        return fingerprint(Path(self.paths[position]))


class ArchiveClips:
    """Many clips out of few files, or out of none.

    Args:
        clips: The clips, read when asked for.
        paths: The files that they come from.
    """

    def __init__(self, clips: Sequence[Clip], paths: Iterable[Path] = ()) -> None:
        self.clips = clips
        self._files = ";".join(fingerprint(path) for path in paths)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, position: int) -> Clip:
        return self.clips[position]

    def key(self, position: int) -> str:
        return f"{self._files}#{position}"


class Joined:
    """Several sources, one after another."""

    def __init__(self, parts: Sequence[ClipSource]) -> None:
        self.parts = list(parts)

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __getitem__(self, position: int) -> Clip:
        part, at = self._at(position)
        return part[at]

    def key(self, position: int) -> str:
        part, at = self._at(position)
        return part.key(at)

    def _at(self, position: int) -> tuple[ClipSource, int]:
        for part in self.parts:
            if position < len(part):
                return part, position
            position -= len(part)
        raise IndexError(position)


def fingerprint(path: Path) -> str:
    """Name, size and time of a file; of a folder those of its files."""
    if path.is_dir():
        return "+".join(fingerprint(inner) for inner in sorted(path.iterdir()))
    try:
        found = path.stat()
    except OSError:
        return f"{path}:absent"
    return f"{path}:{found.st_size}:{found.st_mtime_ns}"
