"""The ``hal`` command."""

from __future__ import annotations

import importlib.util
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; a missing extra or a HalError is one line on stderr, not a traceback."""
    if importlib.util.find_spec("typer") is None or importlib.util.find_spec("rich") is None:
        print("the hal command needs typer and rich: pip install 'hal-core[cli]'", file=sys.stderr)
        raise SystemExit(2)
    from hal.cli.app import run

    raise SystemExit(run(sys.argv[1:]))
