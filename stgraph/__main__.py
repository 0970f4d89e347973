"""``python -m stgraph`` and the command ``stgraph``."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line, or say what to install for it."""
    try:
        from stgraph import cli
    except ModuleNotFoundError as error:
        print(
            f"stgraph: the command needs {error.name}: pip install 'stgraph-pyg[train,viz]'",
            file=sys.stderr,
        )
        return 1
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
