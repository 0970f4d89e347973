"""The command that prints the speed table."""

from __future__ import annotations

import json

from .command import assert_one_clear_line, stgraph


def test_the_table_is_printed_and_its_figures_are_kept(tmp_path):
    out = tmp_path / "new" / "figures.json"
    done = stgraph(
        "bench", "--quick", "--cases", "machine", "edges", "--rounds", 2, "--threads", 1,
        "--memory", "false", "--allocator", "tuned", "--json", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "tuned" in done.stdout and "threads: 1" in done.stdout
    assert done.stdout.index("edges:") < done.stdout.index("machine:")
    found = json.loads(out.read_text())
    assert [case["case"] for case in found["cases"]] == ["edges", "machine"]
    assert all(len(side["seconds"]) == 2 for case in found["cases"] for side in case["sides"])


def test_bad_wishes_get_one_clear_line(tmp_path):
    assert_one_clear_line(stgraph("bench", "--cases", "speed"), "no case 'speed'", "train-ragged")
    assert_one_clear_line(stgraph("bench", "--rounds", 0), "at least 1")
    assert_one_clear_line(stgraph("bench", "--lengths", tmp_path / "none.txt"), "none.txt")
