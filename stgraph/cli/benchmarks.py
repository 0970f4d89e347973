"""Measuring speed and memory on the user's machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
from jsonargparse import ArgumentParser, Namespace

from stgraph import bench
from stgraph.bench.setting import Precision


def run_bench(arguments: Namespace) -> None:
    """Measure speed and memory here, against dense programs and PyG's relational layers."""
    setting = bench.Setting(
        device=arguments.device,
        threads=torch.get_num_threads() if arguments.threads is None else arguments.threads,
        rounds=arguments.rounds,
        quick=arguments.quick,
        lengths=arguments.lengths,
        seed=arguments.seed,
        allocator=arguments.allocator,
    )
    cases = bench.chosen_cases(setting.sizes, arguments.cases)
    machine = bench.describe_machine(setting)
    print(bench.header(machine), flush=True)
    if setting.quick:
        print("quick: the sizes are tiny, the figures say nothing about speed", flush=True)
    measured = []
    for case in cases:
        for precision in _precisions(case, setting):
            figures = bench.measure(
                case, replace(setting, precision=precision), memory=arguments.memory
            )
            print(bench.block(case, figures, precision), flush=True)
            measured.append(bench.as_values(case, figures, precision))
    if arguments.json is not None:
        out = Path(arguments.json)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps({"machine": machine, "cases": measured}, indent=1) + "\n")
        print(f"\nwritten: {out}")


def _precisions(case: bench.Case, setting: bench.Setting) -> tuple[Precision, ...]:
    on_gpu = setting.device == "cuda" and case.each_precision
    return ("fp32", "bf16") if on_gpu else ("fp32",)


def bench_arguments(parser: ArgumentParser) -> None:
    """Arguments of :func:`run_bench`."""
    keys = ", ".join(case.key for case in bench.all_cases())
    parser.add_argument("--cases", nargs="+", type=str, default=[], help=f"Some of: {keys}.")
    parser.add_argument("--device", type=Literal["cpu", "cuda"], default="cpu")
    parser.add_argument(
        "--threads", type=int | None, default=None, help="CPU threads; default: all cores."
    )
    parser.add_argument("--rounds", type=int, default=5, help="How often each side is timed.")
    parser.add_argument(
        "--allocator",
        type=Literal["plain", "tuned", "kept"],
        default="plain",
        help="tuned: huge pages for large tensors; kept: freed memory stays; on all sides.",
    )
    parser.add_argument(
        "--lengths", type=str | None, default=None, help="A file with a clip length per line."
    )
    parser.add_argument("--seed", type=int, default=0, help="Of lengths and coordinates.")
    parser.add_argument("--memory", type=bool, default=True, help="Measure peak memory as well.")
    parser.add_argument("--quick", action="store_true", help="Small sizes, to see it work.")
    parser.add_argument("--json", type=str | None, default=None, help="File for all figures.")
