import json

import pytest

from hal.cli.app import run


def test_prints_speed_and_quality(capsys):
    pytest.importorskip("ortools")
    assert run(["bench", "gangs", "--repeat", "1", "--small", "2", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert all(row["placed"] == ("impossible" not in row["case"]) for row in printed["speed"])
    assert printed["quality"]["missed"] == 0
