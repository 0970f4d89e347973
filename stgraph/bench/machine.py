"""What a table was measured on."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path

import torch
import torch_geometric

from stgraph.bench.clips import DEVIATION, MEAN, ragged
from stgraph.bench.setting import Setting


def describe_machine(setting: Setting) -> dict[str, str]:
    """Hardware, versions, setting and date, in words."""
    versions = (
        f"Python {platform.python_version()}, PyTorch {torch.__version__}, "
        f"PyTorch Geometric {torch_geometric.__version__}"
    )
    found = {
        "date": datetime.datetime.now().astimezone().isoformat(" ", "minutes"),
        "processor": f"{processor()}, {os.cpu_count()} cores; threads: {setting.threads}",
        "versions": f"{versions}, {platform.platform()}",
        "allocator": _allocator(setting),
        "lengths": _lengths(setting),
        "rounds": f"medians of {setting.rounds} rounds, both sides in turn, after a warm-up",
    }
    if setting.device == "cuda":
        gpu, cuda = torch.cuda.get_device_name(), torch.version.cuda
        found["GPU"] = f"{gpu}, CUDA {cuda}; fp32 may be TF32, on all sides"
    if hasattr(os, "getloadavg"):
        found["load"] = f"{os.getloadavg()[0]:.1f} processes were running before"
    if setting.quick:
        found["quick"] = "sizes are small: these figures show that it works, and nothing else"
    return found


def processor() -> str:
    """The name of the CPU, as well as it is known."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _allocator(setting: Setting) -> str:
    if setting.allocator == "kept":
        return "kept: memory that is freed stays with the process, on all sides"
    if setting.allocator == "tuned":
        return "tuned: THP_MEM_ALLOC_ENABLE=1, huge pages for large tensors, on all sides"
    return "plain: PyTorch's and the system's defaults, on all sides"


def _lengths(setting: Setting) -> str:
    clips = ragged(setting)
    frames = sum(size.frames for size in clips) / len(clips)
    bodies = sum(size.persons for size in clips)
    source = setting.lengths or f"log-normal with NTU's mean {MEAN} and deviation {DEVIATION}"
    work = sum(size.frames * size.persons for size in clips)
    whole = 2 * setting.sizes.frames * len(clips)
    return (
        f"{source}; in the batch {len(clips)} clips, {bodies} bodies, {frames:.1f} frames a clip, "
        f"{whole / work:.2f} times less than padded"
    )
