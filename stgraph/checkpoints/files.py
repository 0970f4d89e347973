"""Files of tensors, read without running code that they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

LAST = Path("checkpoints", "last.ckpt")  # in the folder of a run
_WRAPPERS = ("state_dict", "model_state_dict", "model")


def checkpoint_file(path: str | Path) -> Path:
    """The file itself; of the folder of a run its last check point."""
    last = Path(path) / LAST
    return last if last.is_file() else Path(path)


def read_file(path: str | Path) -> dict[str, Any]:
    """What ``torch.save`` wrote there: tensors, numbers, texts, and containers of these.

    The folder of a run stands for its last check point.

    Raises:
        ValueError: If the file is missing, damaged, or holds anything else than a dictionary.
    """
    path = checkpoint_file(path)
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

    Numbers of other width come back as float32, in which networks are built.

    Raises:
        ValueError: If there are none, other things among them, or tensors that are no dense real
            finite numbers.
    """
    inner = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), dict)), content)
    named = {str(name).removeprefix("module."): value for name, value in inner.items()}
    wrong = [name for name, value in named.items() if not isinstance(value, Tensor)]
    if wrong or not named:
        found = f"{wrong[0]} is {type(named[wrong[0]]).__name__}" if wrong else "it is empty"
        raise ValueError(
            f"{path} holds no plain state dict ({found}); expected names and tensors, bare or "
            "under 'state_dict'."
        )
    return {name: _checked(name, value, path) for name, value in named.items()}


def check_tensors(
    wanted: Mapping[str, tuple[int, ...]],
    found: Mapping[str, tuple[int, ...]],
    path: str | Path,
    *,
    may_lack: Callable[[str], bool] = lambda name: False,
    may_hold: Sequence[str] = (),
) -> None:
    """Compare names and shapes, and name what is missing, unknown or misshapen.

    Raises:
        ValueError: If anything is.
    """
    missing = sorted(name for name in wanted.keys() - found.keys() if not may_lack(name))
    extra = sorted(found.keys() - wanted.keys() - set(may_hold))
    if missing or extra:
        raise ValueError(
            f"{path} is a check point of another architecture: "
            f"{len(missing)} weights missing ({', '.join(missing[:3]) or 'none'}), "
            f"{len(extra)} unknown ({', '.join(extra[:3]) or 'none'})."
        )
    for name, shape in wanted.items():
        if found.get(name, shape) != shape:
            raise ValueError(
                f"{path} is a check point of another architecture: {name} has the shape "
                f"{found[name]}, the network's is {shape}."
            )


def _checked(name: str, value: Tensor, path: str | Path) -> Tensor:
    counts = name.endswith("num_batches_tracked")
    dense = value.layout == torch.strided and not value.is_quantized and value.device.type == "cpu"
    if not dense or not (value.is_floating_point() or counts):
        raise ValueError(
            f"{path} holds {name} as {value.dtype}, {value.layout} on {value.device}; expected "
            "dense real numbers on the CPU. Save the weights of the network itself."
        )
    if counts:
        return value
    if not bool(value.isfinite().all()):
        raise ValueError(
            f"{path} holds NaN or infinity in {name}; the training that wrote it has failed. Take "
            "an earlier check point."
        )
    return value.float()


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
