"""Coverage-guided fuzzing of one door: ``python -m tests.fuzz.fuzz NAME CORPUS [libFuzzer options]``."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["hal"]):
    from tests.fuzz.targets import TARGETS, accepts


def main() -> None:
    """Start from the seed; libFuzzer stops at the first input that breaks the promise and prints it."""
    name, corpus, *options = sys.argv[1:]
    folder = Path(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "seed").write_bytes(TARGETS[name][1])

    def once(data: bytes) -> None:
        accepts(name, data)

    atheris.Setup([sys.argv[0], *options, corpus], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
