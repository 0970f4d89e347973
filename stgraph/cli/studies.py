"""Studies: variants of one set of options, and what is made of their scores together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser

from stgraph.cli.recipes import FOLDER
from stgraph.cli.training import Options, option_groups, train_arguments

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
        raise ValueError(
            f"There is no study '{source}'; there are {', '.join(known)}, or a YAML file."
        )
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    if (
        not isinstance(said, dict)
        or not said
        or not all(isinstance(v, dict) for v in said.values())
    ):
        raise ValueError(f"{path}: expected a mapping from names of variants to their options.")
    study = {str(name): _variant(str(name), dict(options)) for name, options in said.items()}
    for variant in study.values():
        strangers = [part for part in variant.fuse if part not in study or study[part].fuse]
        if strangers or (variant.fuse and variant.options):
            raise ValueError(
                f"{path}: {variant.name} takes fuse alone, weights of variants that are trained; "
                f"found {', '.join([*strangers, *variant.options])}."
            )
    return study


def _variant(name: str, options: dict[str, Any]) -> Variant:
    if Path(name).name != name:
        raise ValueError(f"'{name}' is a folder's name in the results; leave slashes out.")
    what, fuse = str(options.pop("what", name)), options.pop("fuse", {})
    if not isinstance(fuse, dict):
        raise ValueError(f"{name}: fuse is a mapping such as {{joint: 2, bone: 1}}, not {fuse}.")
    return Variant(name, what, options, {str(part): float(w) for part, w in fuse.items()})


def vary(groups: Options, variant: Variant, seed: int) -> Options:
    """The options of one training: those that all share, the variant's, and the seed.

    Raises:
        ValueError: If the variant has options that there are not, or values that do not fit.
    """
    data, model, training = (asdict(group) for group in groups)
    plain = dict(variant.options)
    data |= plain.pop("data", {})
    model |= plain.pop("model", {})
    parser = ArgumentParser(exit_on_error=False)
    train_arguments(parser)
    try:
        parsed = parser.parse_object(
            {**training, **plain, "seed": seed, "data": data, "model": model}
        )
    except Exception as error:  # of many classes, all about the object
        raise ValueError(f"Variant {variant.name}: {error}") from None
    return option_groups(parsed)
