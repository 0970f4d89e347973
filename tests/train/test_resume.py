"""A run that is killed goes on as if nothing had happened."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from .sets import read_sets, recognizer, write_swings

SCRIPT = Path(__file__).parent / "interrupted.py"
STEPS = 9  # three epochs of three steps
OPTIONS = {"epochs": 3, "save_every": 1, "learning_rate": 0.05}


def start(data: Path, out: Path, kill_at: int = -1, resume: Path | str = "", **options) -> int:
    out.mkdir(exist_ok=True)
    arguments = [data, out, kill_at, resume, json.dumps(OPTIONS | options)]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def losses(out: Path) -> dict[int, float]:
    """The loss of each step; of one that was taken twice the last."""
    lines = (out / "losses.txt").read_text().split("\n")[:-1]
    return {int(step): float(loss) for step, loss in map(str.split, lines)}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_swings(tmp_path_factory.mktemp("data") / "swings")


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    assert start(data, out, ema=0.5) == 0
    return out


@pytest.mark.parametrize(
    ("kill_at", "options"),
    [
        (4, {"workers": 2}),
        (6, {}),
        (5, {"save_every": 2}),
        pytest.param(1, {}, marks=pytest.mark.slow),
        pytest.param(8, {}, marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_goes_on_with_the_same_losses(
    kill_at: int, options, data, undisturbed, tmp_path
):
    """Dropout, chance in the data and a moving average of the weights included."""
    out = tmp_path / "run"
    assert start(data, out, kill_at, ema=0.5, **options) == -signal.SIGKILL
    assert max(losses(out)) == kill_at - 1
    last = out / "checkpoints" / "last.ckpt"
    assert start(data, out, resume=last, ema=0.5, **options) == 0
    found, wanted = losses(out), losses(undisturbed)
    assert found.keys() == wanted.keys() == set(range(STEPS))
    assert [found[step] for step in range(STEPS)] == pytest.approx(
        [wanted[step] for step in range(STEPS)], abs=1e-6
    )
    ours, theirs = (torch.load(run / "weights.pt") for run in (out, undisturbed))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    ours, theirs = (json.loads((run / "metrics.json").read_text()) for run in (out, undisturbed))
    assert {"train_loss", "val_loss", "val_top1"} <= set(ours)
    assert ours == pytest.approx({name: theirs[name] for name in ours}, abs=1e-6)


def test_every_start_of_a_run_is_on_record(data, tmp_path):
    out = tmp_path / "run"
    start(data, out, kill_at=4)
    start(data, out, resume=out / "checkpoints" / "last.ckpt")
    first, second = json.loads((out / "run.json").read_text())
    assert first["seed"] == second["seed"] == 0
    assert first["versions"]["torch"] == torch.__version__
    assert first["machine"]["threads"] == 1 and first["started"] <= second["started"]
    assert {path.name for path in out.glob("metrics*.csv")} == {"metrics.csv", "metrics-1.csv"}


def test_an_interrupted_epoch_of_another_length_is_not_gone_on_with(data, tmp_path):
    from stgraph.train import fit

    out = tmp_path / "run"
    assert start(data, out, kill_at=4) == -signal.SIGKILL
    sets = read_sets(data)
    other = recognizer(sets, epochs=3, batch_size=4)
    with pytest.raises(ValueError, match="had 3 batches for each process, now it has 6"):
        fit(other, *sets, out, resume=out / "checkpoints" / "last.ckpt")


def test_a_check_point_is_replaced_as_a_whole(tmp_path, monkeypatch):
    """A kill while the next one is written leaves the one before."""
    from stgraph.train.files import WholeFiles

    path = tmp_path / "last.ckpt"
    WholeFiles().save_checkpoint({"step": 1}, path)

    def half(content, file):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        WholeFiles().save_checkpoint({"step": 2}, path)
    assert torch.load(path) == {"step": 1}
