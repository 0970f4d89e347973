"""What README.md and docs/ show runs as it stands."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path

import pytest

from stgraph import cli

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
    for page in (
        *sorted(REPOSITORY.glob("README*.md")),
        *sorted((REPOSITORY / "docs").glob("*.md")),
    )
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
    expected = {
        "README.md",
        "README.zh.md",
        "concepts.md",
        "layer.md",
        "own_data.md",
        "own_layout.md",
    }
    expected |= {"partitions.md", "start.md", "start_zh.md"}
    assert expected <= {page.name for page in PAGES}


def test_the_chinese_pages_run_the_code_of_the_english_ones():
    docs = REPOSITORY / "docs"
    for ours, english in (
        (REPOSITORY / "README.zh.md", REPOSITORY / "README.md"),
        (docs / "start_zh.md", docs / "start.md"),
    ):
        code, wanted = (
            [bare(code) for _, code in blocks(page.read_text(encoding="utf-8"))]
            for page in (ours, english)
        )
        assert code == wanted
        asked, shown = (commands(page.read_text(encoding="utf-8")) for page in (ours, english))
        assert all(command in shown for command in asked)


def bare(code: str) -> str:
    """Without remarks, which are in the language of the page."""
    return re.sub(r"\s*#.*", "", code)


def test_marked_blocks_are_not_run_and_lines_are_those_of_the_page():
    skipped = "# A\n\n<!-- not run -->\n```python\n1 / 0\n```\n"
    text = skipped + "\n```python\nx = 1\n```\n```console\nls\n```\n"
    assert blocks(text) == [(8, "x = 1\n")]


CONSOLE = re.compile(r"^```(?:console|bash|sh)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[list[str]]:
    """The arguments of each ``stgraph`` that a page shows, without dots and placeholders."""
    lines = "\n".join(CONSOLE.findall(text)).replace("\\\n", " ").splitlines()
    found = [shlex.split(line, comments=True) for line in lines if "stgraph " in line]
    return [
        [word.replace("$stream", "bone") for word in words[1:] if word != "..."]
        for words in found
        if words[:1] == ["stgraph"]
    ]


SHOWN = [
    (page.relative_to(REPOSITORY), command)
    for page in sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("d*/**/*.md")])
    for command in commands(page.read_text(encoding="utf-8"))
]


def test_commands_are_found_over_lines_and_without_remarks():
    text = (
        "```console\nstgraph draw layout \\\n  --out a.png   # a picture\nls\n  stgraph demo\n```\n"
    )
    assert commands(text) == [["draw", "layout", "--out", "a.png"], ["demo"]]
    assert len(SHOWN) > 40


@pytest.mark.parametrize(("page", "command"), SHOWN, ids=str)
def test_the_command_line_understands_what_pages_show(
    page: Path, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for option, value in itertools.pairwise(command):
        if option == "--config":
            tmp_path.joinpath(value).parent.mkdir(parents=True)
            tmp_path.joinpath(value).write_text("epochs: 3\n")
    asked = []
    for name, (_, add_arguments) in cli.COMMANDS.items():
        monkeypatch.setitem(cli.COMMANDS, name, (asked.append, add_arguments))
    assert cli.main(command) == 0 and len(asked) == 1


def test_pictures_and_pages_that_pages_point_to_exist():
    for page in (*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            example = re.sub(r"^gallery/(.*)\.rst$", r"../examples/\1.py", target)  # made by Sphinx
            place = example.replace("../examples/index.py", "../examples/GALLERY_HEADER.rst")
            assert (page.parent / place).exists(), f"{page.name} points to {target}"
