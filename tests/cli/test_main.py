"""What holds for the command as a whole."""

from __future__ import annotations

import pytest

from stgraph import __version__
from stgraph.cli import main


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0 and __version__ in capsys.readouterr().out
