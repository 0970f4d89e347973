"""Fusion of the scores of several runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import yaml
from jsonargparse import ArgumentParser, Namespace

from stgraph.cli.checkpoints import write_evaluation
from stgraph.evaluate import Evaluation
from stgraph.fusion import USUAL_WEIGHTS, fuse, search_weights
from stgraph.report import markdown_table


class Scores(NamedTuple):
    """What a run says of clips, and the stream it saw, or the name of its file."""

    name: str
    found: Evaluation


def run_fuse(arguments: Namespace) -> None:
    """Average the scores of several runs, and write the table of all and each."""
    scores = [read_scores(Path(path)) for path in arguments.runs]
    weights = chosen_weights(arguments.weights, scores, arguments.validation)
    table = fusion_table(scores, weights)
    out = Path(arguments.out)
    write_evaluation(fuse([each.found for each in scores], weights), out)
    (out / "fusion.md").write_text(table, encoding="utf-8")
    print(f"\n{table}")


def fuse_arguments(parser: ArgumentParser) -> None:
    """Arguments of :func:`run_fuse`."""
    parser.add_argument(
        "runs",
        nargs="+",
        type=str,
        help="Folders of runs, or of evaluations, or scores.npz files, all of the same clips.",
    )
    parser.add_argument(
        "--weights",
        type=str,
        default="usual",
        help="usual (2:2:1:1 for joint, bone and their motions), equal, search, or numbers: 2,1.",
    )
    parser.add_argument(
        "--validation",
        nargs="*",
        type=str,
        default=[],
        help="For search: scores of the same networks on clips that are not tested on.",
    )
    parser.add_argument("--out", type=str, default="runs/fusion", help="Folder for the tables.")


def read_scores(path: Path) -> Scores:
    """Scores of a run, of an evaluation or of a file.

    Raises:
        ValueError: If there are none.
    """
    places = (path, path / "scores.npz", path / "evaluation" / "scores.npz")
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        raise ValueError(
            f"There are no scores in {path}; run stgraph evaluate on the run's check point first."
        )
    return Scores(_stream(file) or path.stem, Evaluation.load(file))


def _stream(file: Path) -> str | None:
    """The stream that the run of these scores was trained on, if its config says so."""
    for folder in (file.parent, file.parent.parent):
        config = folder / "config.yaml"
        if config.is_file():
            known = yaml.safe_load(config.read_text(encoding="utf-8"))
            return str(known.get("data", {}).get("stream", "joint"))
    return None


def chosen_weights(
    text: str, scores: Sequence[Scores], validation: Sequence[str]
) -> tuple[float, ...]:
    """The weights that the command line asks for.

    Raises:
        ValueError: If there are no usual ones, or nothing to search on, or these are no numbers.
    """
    if text == "equal":
        return (1.0,) * len(scores)
    if text == "usual":
        names = [each.name for each in scores]
        if not set(names) <= set(USUAL_WEIGHTS) or len(set(names)) < len(names):
            raise ValueError(
                f"There are usual weights for one run of each stream ({', '.join(USUAL_WEIGHTS)}), "
                f"these are {', '.join(names)}; give --weights equal, or numbers."
            )
        return tuple(USUAL_WEIGHTS[name] for name in names)
    if text == "search":
        if len(validation) != len(scores):
            raise ValueError(
                f"A search for {len(scores)} weights needs as many --validation scores, of clips "
                f"that are not tested on, in the same order; found {len(validation)}."
            )
        return search_weights([read_scores(Path(path)).found for path in validation])
    try:
        return tuple(float(number) for number in text.replace(":", ",").split(","))
    except ValueError:
        raise ValueError(
            f"--weights is usual, equal, search, or numbers such as 2,2,1,1, not '{text}'."
        ) from None


def fusion_table(scores: Sequence[Scores], weights: Sequence[float]) -> str:
    """Markdown: accuracies of each run, of joint and bone together, and of all."""
    rows = [(each.name, "", each.found) for each in scores]
    pair = [each for each in scores if each.name in ("joint", "bone")]
    if len(scores) > 2 and len(pair) == 2:
        rows.append(("joint + bone", "1 : 1", fuse([each.found for each in pair], (1, 1))))
    ratio = " : ".join(f"{weight:g}" for weight in weights)
    rows.append(("all", ratio, fuse([each.found for each in scores], weights)))
    shares = [
        (name, ratio, f"{100 * found.accuracy():.2f}", f"{100 * found.accuracy(5):.2f}")
        for name, ratio, found in rows
    ]
    return markdown_table(("scores", "weights", "top-1", "top-5"), shares) + "\n"
