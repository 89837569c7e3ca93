from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.databases import Fresh, Server, server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    # Not pytest's folder: the user postgres may not enter it.
    with tempfile.TemporaryDirectory(prefix="hal-postgres-") as folder, server(Path(folder)) as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """Return a maker of empty databases, of each kind; the one before it may be gone."""
    count = itertools.count()
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path}/{next(count)}.db"
    running: Server = request.getfixturevalue("postgres")
    return running.fresh
