"""Replays equal the published schedules, job by job."""

from __future__ import annotations

import numpy as np
import pytest

from hal.errors import InvalidModel
from hal.replay import ORACLE_ALGORITHMS, check_oracle, read_oracle, read_waits, read_workload

HEADER = "job,submit,run,procs,req_time,user,wait_easy_req"


@pytest.mark.parametrize(("log", "jobs"), [("KTH-SP2", 28_481), ("SDSC-SP2", 54_006), ("SDSC-BLUE", 232_542)])
def test_every_job_waits_as_published(traces, log, jobs):
    path = traces / "swf" / f"{log}_sc15_oracle.csv.gz"
    answers = check_oracle(read_workload(path), *read_waits(path))
    assert [answer.column for answer in answers] == list(ORACLE_ALGORITHMS)
    assert [(answer.jobs, answer.wrong) for answer in answers] == [(jobs, 0)] * 5


def write(tmp_path, *lines, name="KTH-SP2_x.csv"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n")
    return path


def test_disagreements_are_found_and_named(tmp_path):
    path = write(tmp_path, HEADER, "1,0,10,100,10,1,0", "2,0,10,1,10,1,9", "3,0,10,1,10,1,10")
    (answer,) = check_oracle(read_oracle(path), *read_waits(path))
    assert (answer.jobs, answer.wrong, answer.first) == (3, 1, (2, 9, 10))


def test_waits_of_jobs_that_are_not_in_the_log(tmp_path):
    path = write(tmp_path, HEADER, "1,0,10,100,10,1,0")
    (answer,) = check_oracle(read_oracle(path), np.array([1, 8]), {"wait_easy_req": np.array([0, 0])})
    assert (answer.wrong, answer.first) == (1, (8, 0, -1))


def test_machine_by_name_or_by_hand(tmp_path):
    row = "1,0,10,1,10,1,0"
    assert read_oracle(write(tmp_path, HEADER, row)).processors == 100
    assert read_oracle(write(tmp_path, HEADER, row, name="other.csv")).processors is None
    assert read_oracle(write(tmp_path, HEADER, row), processors=7).processors == 7


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([HEADER, "1,0,10,x,10,1,0"], "could not convert"),
        ([HEADER, "1,0,10,1,10,1"], "6 columns and 7 names"),
        ([HEADER, "1,0,10,1,10,1,0", "1,0"], "columns"),
        (["submit,run,procs,req_time,user,wait_easy_req", "0,10,1,10,1,0"], "lacks the column 'job'"),
        (["job,submit", "1,0"], "lacks the column 'run'"),
    ],
)
def test_bad_files(tmp_path, lines, message):
    with pytest.raises(InvalidModel, match=message):
        read_oracle(write(tmp_path, *lines))


def test_unknown_wait_columns(tmp_path):
    path = write(tmp_path, HEADER.replace("easy_req", "easy_magic"), "1,0,10,1,10,1,0")
    with pytest.raises(InvalidModel, match="wait_easy_magic"):
        check_oracle(read_oracle(path), *read_waits(path))
    with pytest.raises(InvalidModel, match="starts with 'wait_'"):
        read_waits(write(tmp_path, "job,submit", "1,0"))
