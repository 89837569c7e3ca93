"""Loaders of the Philly and Eagle logs."""

from __future__ import annotations

import pytest

from hal.errors import InvalidModel
from hal.replay import read_eagle, read_philly, read_workload

PHILLY = "timestamp,duration,num_gpus,gpu_time,cluster"


def write(tmp_path, *lines):
    path = tmp_path / "log.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_philly_by_hand(tmp_path):
    path = write(
        tmp_path,
        PHILLY,
        "2017-10-09 07:00:10,66.0,2,132.0,b",
        "2017-10-09 07:00:00,5.0,1,5.0,a",
        "yesterday,5.0,1,5.0,a",
        "2017-10-09 07:00:00,inf,1,5.0,a",
        "2017-10-09 07:00:00",
    )
    workload = read_workload(path)
    assert workload.job.tolist() == [2, 1]
    assert workload.submit.tolist() == [0, 10]
    assert workload.run.tolist() == workload.requested.tolist() == [5, 66]
    assert workload.procs.tolist() == [1, 2]
    assert workload.user.tolist() == [1, 0]
    assert [issue.split(":")[0] for issue in workload.issues] == ["line 4", "line 5", "line 6"]


def test_columns_must_be_there(tmp_path):
    with pytest.raises(InvalidModel, match="lacks the column 'cluster'"):
        read_philly(write(tmp_path, "timestamp,duration,num_gpus", "2017-10-09 07:00:10,66.0,2"))


def test_a_log_without_jobs(tmp_path):
    with pytest.raises(InvalidModel, match="no job"):
        read_workload(write(tmp_path, PHILLY))


def test_real_philly(traces):
    workload = read_workload(traces / "gpu-jobs" / "philly.csv.gz")
    assert (len(workload), int(workload.procs.max()), workload.issues, workload.left_out) == (
        82_247,
        128,
        (),
        {},
    )
    assert len(set(workload.user.tolist())) == 15


def test_real_eagle(traces):
    path = traces / "gpu-jobs" / "sample_eagle_data.csv"
    workload = read_workload(path)
    assert (len(workload), workload.issues) == (1000, ())
    assert (workload.requested >= workload.run).all()
    assert int(workload.job.max()) == 532_940
    gpus = read_eagle(path, resource="gpus")
    assert 0 < len(gpus) < 1000
    assert set(gpus.left_out.values()) == {"number of processors is unknown"}
