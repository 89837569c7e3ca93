"""Figures on disk, one JSON line a cell: what is there need not be run again."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from hal._doors import path_of
from hal.errors import InvalidModel
from hal.study.cell import Cell

__all__ = ["Store"]


class Store:
    """Figures by cell, kept in a file that only grows.

    Parameters
    ----------
    path : Path
        Made when missing. A last line that was cut off by a crash is left out, and its cell run again.

    Raises
    ------
    InvalidModel
        The file cannot be read or written, or a line that is not the last is no JSON.
    """

    def __init__(self, path: Path) -> None:
        self.path = path = path_of(path)
        self._figures: dict[str, dict[str, float]] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text("utf-8") if path.exists() else ""
            lines = text.splitlines()
            for number, line in enumerate(lines, 1):
                try:
                    row: dict[str, Any] = json.loads(line)
                    self._figures[row["cell"]] = {
                        name: _number(value) for name, value in row["figures"].items()
                    }
                except (ValueError, KeyError, TypeError, AttributeError):
                    if number < len(lines) or text.endswith("\n"):
                        raise InvalidModel(f"{path}: line {number} is no result; remove it") from None
                    path.write_text(text[: text.rfind("\n") + 1], "utf-8")
        except OSError as error:
            raise InvalidModel(f"{path}: cannot be used: {error}") from None

    def __len__(self) -> int:
        return len(self._figures)

    def __contains__(self, cell: Cell) -> bool:
        return cell.key() in self._figures

    def __getitem__(self, cell: Cell) -> dict[str, float]:
        return self._figures[cell.key()]

    def add(self, cell: Cell, figures: dict[str, float]) -> None:
        """Keep the figures of a cell."""
        kept = {name: value if math.isfinite(value) else None for name, value in figures.items()}
        with self.path.open("a", encoding="utf-8") as out:
            out.write(json.dumps({"cell": cell.key(), "figures": kept}) + "\n")
        self._figures[cell.key()] = figures


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
