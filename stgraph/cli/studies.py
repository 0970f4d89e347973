"""Studies: variants of one set of options, and what is made of their scores together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser

from stgraph.cli.recipes import FOLDER
from stgraph.cli.training import Options, option_groups
from stgraph.options import DataOptions, ModelOptions, TrainingOptions

STUDIES = FOLDER / "studies"


@dataclass(frozen=True)
class Variant:
    """One row of a study's table.

    Attributes:
        name: Of its folder.
        what: For people.
        options: What differs from the options that all share, nested as in a recipe.
        fuse: Instead: the variants whose scores are averaged, ``{name: weight}``.
    """

    name: str
    what: str
    options: Mapping[str, Any]
    fuse: Mapping[str, float]


def read_study(source: str) -> dict[str, Variant]:
    """The variants of a study of the package, by name, or of a YAML file.

    Raises:
        ValueError: If there is none, or it is not a study.
    """
    known = sorted(path.stem for path in STUDIES.glob("*.yaml"))
    path = STUDIES / f"{source}.yaml" if source in known else Path(source)
    if not path.is_file():
        what = "file" if path.suffix else "study"
        raise ValueError(
            f"There is no {what} '{source}'; the package has {', '.join(known)}, other studies are "
            "YAML files."
        )
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(said, dict) or not said:
            raise ValueError("expected a mapping from names of variants to their options.")
        study = {str(name): _variant(str(name), options) for name, options in said.items()}
        _check(study)
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from None
    return study


def _variant(name: str, options: Any) -> Variant:
    options = {} if options is None else options
    if not re.fullmatch(r"[\w+-][\w.+-]*", name):
        raise ValueError(f"'{name}' is to be a folder's name; take letters, digits, '_+-.'.")
    if not isinstance(options, dict):
        raise ValueError(f"{name}: expected a mapping of options, found {options!r}.")
    rest = {key: value for key, value in options.items() if key not in ("what", "fuse")}
    fuse = options.get("fuse", {})
    numbers = isinstance(fuse, dict) and all(
        isinstance(weight, int | float) and weight >= 0 for weight in fuse.values()
    )
    if not numbers or ("fuse" in options and not any(fuse.values())):
        raise ValueError(
            f"{name}: fuse gives weights that are not negative and not all zero, such as "
            f"{{joint: 2, bone: 1}}; found {fuse!r}."
        )
    return Variant(name, str(options.get("what", name)), rest, fuse)


def _check(study: Mapping[str, Variant]) -> None:
    """Refuse fusions of what is not trained, and rows that could not be told apart."""
    for variant in study.values():
        strangers = [part for part in variant.fuse if part not in study or study[part].fuse]
        if strangers or (variant.fuse and variant.options):
            raise ValueError(
                f"{variant.name}: fuse stands alone and names variants that are trained; found "
                f"{', '.join([*strangers, *variant.options])}."
            )
    rows = [variant.what for variant in study.values()]
    if len(set(rows)) < len(rows):
        raise ValueError("two variants have the same name for people (what).")


def vary(groups: Options, variant: Variant) -> Options:
    """The options that all share, with those of a variant.

    Raises:
        ValueError: If there are no such options, or values do not fit.
    """
    data, model, training = (asdict(group) for group in groups)
    plain = dict(variant.options)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(TrainingOptions)
    parser.add_class_arguments(DataOptions, "data")
    parser.add_class_arguments(ModelOptions, "model")
    try:
        for name, group in (("data", data), ("model", model)):
            group |= plain.pop(name, None) or {}
        strangers = [key for key in plain if key not in training or key == "seed"]
        if strangers:
            raise ValueError(
                f"there is no option '{strangers[0]}' in a study; options of data and model are "
                "nested, data: {stream: bone}, seeds are --seeds."
            )
        return option_groups(
            parser.parse_object({**training, **plain, "data": data, "model": model})
        )
    except Exception as error:  # of many classes, all about these options
        raise ValueError(f"Variant {variant.name}: {error}") from None
