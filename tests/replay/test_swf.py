"""The SWF loader: every line is a job, a header, blank, or an issue with its number."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import InvalidModel
from hal.replay import Workload, read_swf
from hal.replay.swf import FIELDS

LINE = "7 600 10 50 4 12.5 1024 8 60 2048 1 3 4 5 6 7 -1 -1"


def log_of(tmp_path, text: str | bytes, name="log.swf"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_swf(path)


def test_all_eighteen_fields(tmp_path):
    log = log_of(tmp_path, LINE + "\n")
    row = {field: log[field][0] for field in FIELDS}
    assert list(row.values()) == [7, 600, 10, 50, 4, 12.5, 1024, 8, 60, 2048, 1, 3, 4, 5, 6, 7, -1, -1]
    assert {str(log[field].dtype) for field in FIELDS} == {"int64", "float64"}
    assert log.issues == ()


def test_header_directives(tmp_path):
    log = log_of(
        tmp_path, b"; MaxProcs: 128\n;MaxNodes:  64 \n; Note: a\xe9\n;\n;  Note: b\r\n" + LINE.encode()
    )
    assert log.directives == {"maxprocs": "128", "maxnodes": "64", "note": "aé\nb"}
    assert log.processors == 128
    assert len(log) == 1


@pytest.mark.parametrize(
    ("header", "processors"), [("; MaxNodes: 9 (SMP)", 9), ("; MaxProcs: -1", None), ("", None)]
)
def test_machine_size(tmp_path, header, processors):
    assert log_of(tmp_path, f"{header}\n{LINE}").processors == processors


def test_issues_have_line_numbers_and_nothing_is_dropped_silently(tmp_path):
    text = "\n".join(
        [
            "; Version: 2.2",
            LINE,
            "",
            "1 2 3",
            LINE.replace("600", "6x0"),
            LINE + " {1,1,1} q_2d",
            LINE.replace("600", "-5"),
            LINE.replace("50", "nan", 1),
            LINE.replace("600", "1e300"),
            "garbage",
            LINE,
        ]
    )
    log = log_of(tmp_path, text)
    assert [str(issue) for issue in log.issues] == [
        "line 4: too few fields (3 fields)",
        "line 5: not a number (field 2)",
        "line 6: extra fields (field 19)",
        "line 7: negative time (field 2)",
        "line 8: not a number (field 4)",
        "line 9: not a number (field 2)",
        "line 10: not a number (field 1)",
    ]
    assert len(log) == 4
    assert log.faults == {"too few fields": 1, "not a number": 4, "extra fields": 1, "negative time": 1}
    assert sum(issue.broken for issue in log.issues) + len(log) == 9


def test_fractions_are_cut(tmp_path):
    assert log_of(tmp_path, LINE.replace("600", "600.9"))["submit"].tolist() == [600]


def test_gzip_is_told_by_content(tmp_path):
    assert len(log_of(tmp_path, gzip.compress(LINE.encode()), "log.txt")) == 1


@pytest.mark.parametrize(
    "broken", [gzip.compress(b"x" * 1000, mtime=0)[:-9], b"\x1f\x8b\x08nonsense"], ids=["cut", "nonsense"]
)
def test_broken_gzip(tmp_path, broken):
    with pytest.raises(InvalidModel, match="cannot read"):
        log_of(tmp_path, broken, "log.swf.gz")


def test_missing_file(tmp_path):
    with pytest.raises(InvalidModel, match=r"none\.swf"):
        read_swf(tmp_path / "none.swf")


@given(st.lists(st.text(alphabet=" \t\r;-+.,eE0123456789naif\x00é", max_size=60), max_size=12))
def test_any_text_is_accounted_for(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("swf") / "log.swf"
    path.write_bytes("\n".join(lines).encode())
    log = read_swf(path)
    content = [
        n
        for n, line in enumerate(lines, 1)
        if line.strip(" \t\r") and not line.strip(" \t\r").startswith(";")
    ]
    broken = [issue.line for issue in log.issues if issue.broken]
    assert len(content) == len(log) + len(broken)
    assert set(broken) <= set(content)


def test_what_cannot_be_replayed_is_left_out_with_a_reason(tmp_path):
    lines = [
        "1 -5 0 10 1 -1 -1 1 20 -1 1 1 1 -1 -1 -1 -1 -1",
        "2 0 0 -1 1 -1 -1 1 20 -1 1 1 1 -1 -1 -1 -1 -1",
        "3 0 0 10 -1 -1 -1 -1 20 -1 1 1 1 -1 -1 -1 -1 -1",
        "4 0 0 10 9 -1 -1 9 20 -1 1 1 1 -1 -1 -1 -1 -1",
        "5 0 0 10 9 -1 -1 4 20 -1 1 1 1 -1 -1 -1 -1 -1",
        "6 0 0 99999999999 1 -1 -1 4 20 -1 1 1 1 -1 -1 -1 -1 -1",
    ]
    workload = Workload.from_swf(log_of(tmp_path, "; MaxProcs: 8\n" + "\n".join(lines)))
    assert workload.job.tolist() == [5]
    assert workload.left_out == {
        1: "submit time is negative",
        2: "run time is unknown or negative",
        3: "number of processors is unknown",
        4: "wider than the machine of 8 processors",
        6: "lasts more than 2**31 - 2 s",
    }
    assert workload.issues == ("line 2: negative time (field 2)",)
    assert sum(workload.left_out_counts.values()) == 5


def test_requested_before_used_and_the_three_rules_of_overrun(tmp_path):
    log = log_of(
        tmp_path, "1 0 0 90 2 -1 -1 4 60 -1 1 1 1 -1 -1 -1 -1 -1\n2 0 0 90 2 -1 -1 -1 -1 -1 1 1 1 0 0 0 0 0"
    )
    for overrun, run, requested in (("kill", 60, 60), ("extend", 90, 90), ("ignore", 90, 60)):
        workload = Workload.from_swf(log, overrun=overrun)
        assert workload.procs.tolist() == [4, 2]
        assert workload.run.tolist() == [run, 90]
        assert workload.requested.tolist() == [requested, 90]


def test_unsorted_jobs_are_sorted_stably():
    workload = Workload.from_columns(submit=[5, 0, 5, 0], run=[1, 2, 3, 4], procs=[1, 1, 1, 1])
    assert workload.job.tolist() == [2, 4, 1, 3]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"run": [1.5]}, "fractions"),
        ({"run": [np.nan]}, "fractions"),
        ({"run": ["x"]}, "dtype"),
        ({"run": [1, 2]}, "shape"),
        ({"processors": 0}, "processors is 0"),
        ({"overrun": "maybe"}, "overrun is 'maybe'"),
    ],
)
def test_bad_columns(columns, message):
    with pytest.raises(InvalidModel, match=message):
        Workload.from_columns(**{"submit": [0], "run": [1], "procs": [1], **columns})


def test_a_smaller_machine_leaves_out_wide_jobs():
    workload = Workload.from_columns(submit=[0, 1], run=[1, 1], procs=[4, 2], processors=4).on(3)
    assert workload.job.tolist() == [2]
    assert workload.left_out == {1: "wider than the machine of 3 processors"}


@pytest.mark.parametrize(
    ("name", "jobs", "processors"),
    [
        ("KTH-SP2-1996-2.1-cln", 27_992, 100),
        ("HPC2N-2002-2.1-cln", 202_876, 240),
        ("lublin_256", 10_000, 256),
        ("wagap-2013", 17_900, None),
    ],
)
def test_real_logs(traces, name, jobs, processors):
    log = read_swf(traces / "swf" / f"{name}.swf.gz")
    assert (len(log), log.processors) == (jobs, processors)
    assert not any(issue.broken for issue in log.issues)
