"""Recipes: complete settings by name, YAML files inside the package."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from jsonargparse import ActionConfigFile  # type: ignore[attr-defined]

FOLDER = Path(__file__).parent.parent / "recipes"
DEFAULT_RECIPES = {"ablate": "embedded"}  # of commands that are given none


def recipe_path(name: str) -> Path:
    """The file of a recipe.

    Raises:
        ValueError: If there is none of that name.
    """
    path = FOLDER / f"{name}.yaml"
    if not path.is_file():
        raise ValueError(f"There is no recipe '{name}'; there are {', '.join(recipe_names())}.")
    return path


def recipe_names() -> list[str]:
    """All recipes."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def configs_first(arguments: Sequence[str]) -> list[str]:
    """The command line with ``--recipe`` and ``--config`` before all other options.

    So an option that somebody writes down wins over a file, wherever it stands. A command with a
    recipe of its own starts from that one if none is named.
    """
    first: list[str] = []
    rest = list(arguments[:1])
    given = iter(arguments[1:])
    for argument in given:
        name, equals, _ = argument.partition("=")
        if name not in ("--recipe", "--config"):
            rest.append(argument)
            continue
        first += [argument] if equals else [argument, *islice(given, 1)]
    if not first and rest and rest[0] in DEFAULT_RECIPES:
        first = ["--recipe", DEFAULT_RECIPES[rest[0]]]
    return [*rest[:1], *first, *rest[1:]]


class ConfigOrRecipe(ActionConfigFile):
    """``--config FILE`` and ``--recipe NAME``; of several the last wins."""

    def __call__(self, parser: Any, cfg: Any, values: Any, option_string: Any = None) -> None:
        if option_string == "--recipe":
            try:
                values = str(recipe_path(values))
            except ValueError as error:
                parser.error(str(error))
        super().__call__(parser, cfg, values, option_string)
