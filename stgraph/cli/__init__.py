"""The command ``stgraph``: train, evaluate, fuse, ablate, predict, view ..."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from jsonargparse import ArgumentParser

from stgraph import __version__
from stgraph.allocator import keep_freed_memory
from stgraph.cli import ablation, benchmarks, checkpoints, drawing, fusion, training, viewing
from stgraph.cli.recipes import configs_first

COMMANDS = {
    "train": (training.run_train, training.train_arguments),
    "evaluate": (checkpoints.run_evaluate, checkpoints.evaluate_arguments),
    "ablate": (ablation.run_ablate, ablation.ablate_arguments),
    "fuse": (fusion.run_fuse, fusion.fuse_arguments),
    "predict": (checkpoints.run_predict, checkpoints.predict_arguments),
    "view": (viewing.run_view, viewing.view_arguments),
    "convert": (checkpoints.run_convert, checkpoints.convert_arguments),
    "draw": (drawing.run_draw, drawing.draw_arguments),
    "demo": (training.run_demo, training.demo_arguments),
    "bench": (benchmarks.run_bench, benchmarks.bench_arguments),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 0, 1 for bad input, 2 for bad arguments.

    Set ``STGRAPH_TRACEBACK=1`` to see where an error comes from.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = _parser().parse_args(configs_first(given))
    command = chosen.subcommand
    if command != "bench":  # that one sets what it measures
        keep_freed_memory()
    try:
        run, _ = COMMANDS[command]
        run(chosen[command])
    except (ValueError, OSError, RuntimeError) as error:
        if os.environ.get("STGRAPH_TRACEBACK"):
            raise
        print(f"stgraph {command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"stgraph {command}: stopped.", file=sys.stderr)
        return 130
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="stgraph", description=__doc__, version=__version__)
    commands = parser.add_subcommands()
    for name, (command, add_arguments) in COMMANDS.items():
        usage = f"stgraph {name} [options]"  # not all of them, in front of every error
        sub = ArgumentParser(description=command.__doc__, usage=usage)
        add_arguments(sub)
        commands.add_subcommand(name, sub, help=command.__doc__)
    return parser
