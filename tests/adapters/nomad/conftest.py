from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.nomad.harness import NomadHarness
from tests.adapters.nomad.objects import captured, node
from tests.adapters.nomad.server import Nomad


@pytest.fixture(scope="session")
def captures(traces: Path) -> Path:
    """Return the folder of real answers and of the API's field names."""
    folder = traces.parent / "fixtures" / "nomad"
    assert (folder / "api_fields.json").is_file()
    return folder


@pytest.fixture
def nomad(captures: Path) -> Iterator[Nomad]:
    """Return a region of the three nodes of the captures with what ran on them, and one with four GPUs."""
    server = Nomad(json.loads((captures / "api_fields.json").read_text()), keep=10_000)
    try:
        for node_id, allocs in captured(captures).items():
            server.add_node(node(node_id, allocs[0]["NodeName"]))
            for alloc in allocs:
                row = {key: value for key, value in copy.deepcopy(alloc).items() if key != "Job"}
                server.allocs[row["ID"]] = row
                server.set_alloc(row["ID"])
        server.add_node(node("cafe0000-0000-4000-8000-000000000001", "gpu-1", gpus=4))
        yield server
    finally:
        server.stop()
    assert not server.wrong, server.wrong[:10]


@pytest.fixture
def harness(nomad: Nomad) -> Iterator[NomadHarness]:
    made = NomadHarness(nomad)
    yield made
    for adapter in made.made:
        adapter.close()
