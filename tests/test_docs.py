"""What README.md and docs/ show runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^(<!-- not run -->\n)?```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str) -> list[tuple[int, str]]:
    """Line number and code of each block that is to be run."""
    return [
        (text.count("\n", 0, found.start(2)), found[2])
        for found in BLOCK.finditer(text)
        if not found[1]
    ]


PAGES = [
    page
    for page in (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md")))
    if page.exists() and blocks(page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_a_page_runs_from_top_to_bottom(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": page.stem}
    for line, code in blocks(page.read_text(encoding="utf-8")):
        exec(compile("\n" * line + code, str(page), "exec"), names)


def test_all_pages_with_code_are_found():
    assert {"concepts.md", "own_data.md", "partitions.md"} <= {page.name for page in PAGES}


def test_marked_blocks_are_not_run_and_lines_are_those_of_the_page():
    skipped = "# A\n\n<!-- not run -->\n```python\n1 / 0\n```\n"
    text = skipped + "\n```python\nx = 1\n```\n```console\nls\n```\n"
    assert blocks(text) == [(8, "x = 1\n")]


def test_pictures_and_pages_that_pages_point_to_exist():
    for page in (REPOSITORY / "docs").glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} points to {target}"
