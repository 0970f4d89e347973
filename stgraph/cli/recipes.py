"""Recipes: complete settings by name, YAML files inside the package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jsonargparse import ActionConfigFile  # type: ignore[attr-defined]

FOLDER = Path(__file__).parent.parent / "recipes"


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


class ConfigOrRecipe(ActionConfigFile):
    """``--config FILE`` and ``--recipe NAME``; of several the last wins."""

    def __call__(self, parser: Any, cfg: Any, values: Any, option_string: Any = None) -> None:
        if option_string == "--recipe":
            try:
                values = str(recipe_path(values))
            except ValueError as error:
                parser.error(str(error))
        super().__call__(parser, cfg, values, option_string)
