"""Files of tensors, read without running code that they hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_WRAPPERS = ("state_dict", "model_state_dict", "model")


def read_file(path: str | Path) -> dict[str, Any]:
    """What ``torch.save`` wrote there: tensors, numbers, texts, and containers of these.

    Raises:
        ValueError: If the file is missing, damaged, or holds anything else than a dictionary.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"There is no check point at {path}.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged pickle raises depends on its bytes
        raise ValueError(f"{path} cannot be read as a check point: {_reason(error)}") from None
    if not isinstance(content, dict):
        raise ValueError(
            f"{path} holds {type(content).__name__}, not the named weights of a network; expected "
            "a file written by stgraph or by a released program (docs/checkpoints.md)."
        )
    return content


def weights_of(content: Mapping[str, Any], path: str | Path) -> dict[str, Tensor]:
    """The named tensors of a file, taken out of its wrapping and without ``module.`` before them.

    Raises:
        ValueError: If there are none, or other things among them.
    """
    inner = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), dict)), content)
    weights = {str(name).removeprefix("module."): value for name, value in inner.items()}
    wrong = [name for name, value in weights.items() if not isinstance(value, Tensor)]
    if wrong or not weights:
        found = f"{wrong[0]} is {type(weights[wrong[0]]).__name__}" if wrong else "it is empty"
        raise ValueError(
            f"{path} holds no plain state dict ({found}); expected names and tensors, bare or "
            "under 'state_dict'."
        )
    return weights


def _reason(error: Exception) -> str:
    text = str(error).strip()
    if "Unsupported" in text or "weights_only" in text.lower():
        name = next((line for line in text.splitlines() if "GLOBAL" in line), text.splitlines()[0])
        return (
            f"it holds more than tensors and plain values, and code in it is not run: {name[:200]} "
            "In the program that wrote it, save its state_dict alone: "
            "torch.save(torch.load(path)['state_dict'], new_path)."
        )
    first = text.splitlines()[0] if text else repr(error)
    return f"it is damaged, cut off or of another kind: {first}"
