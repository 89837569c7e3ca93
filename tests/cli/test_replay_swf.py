"""``hal replay swf``: figures, checks against waits, and their exit codes."""

from __future__ import annotations

import csv
import json

import pytest

from hal.cli.app import run

SWF = "; MaxProcs: 4\n" + "\n".join(
    [
        "1 0 0 100 4 -1 -1 4 100 -1 1 1 1 -1 -1 -1 -1 -1",
        "2 10 0 50 4 -1 -1 4 60 -1 1 1 1 -1 -1 -1 -1 -1",
        "3 20 0 10 9 -1 -1 9 60 -1 1 1 1 -1 -1 -1 -1 -1",
        "oops",
    ]
)
ORACLE = "job,submit,run,procs,req_time,user,wait_easy_req\n1,0,100,4,100,1,0\n2,10,50,4,60,1,90\n"


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "small.swf"
    path.write_text(SWF)
    return path


def test_json_has_the_figures_and_every_oddity(log, capsys):
    assert run(["replay", "swf", str(log), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["jobs"], answer["processors"], answer["wait_max"]) == (2, 4, 90)
    assert answer["bsld_mean"] == pytest.approx((1 + 140 / 50) / 2)
    assert answer["left_out"] == {"3": "wider than the machine of 4 processors"}
    assert answer["issues"] == ["line 5: not a number (field 1)"]


def test_table_and_the_oddities_on_stderr(log, capsys):
    assert run(["replay", "swf", str(log), "--order", "sjf", "--backfill", "none"]) == 0
    out, err = capsys.readouterr()
    assert "bounded slowdown, mean" in out
    assert "left out, wider than the machine of 4 processors: 1 job (3)" in err
    assert "line 5: not a number" in err


def test_csv_and_plot(log, tmp_path):
    table, picture = tmp_path / "jobs.csv", tmp_path / "plan.png"
    assert run(["replay", "swf", str(log), "--csv", str(table), "--plot", str(picture)]) == 0
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["job"], row["start"], row["end"], row["bsld"]) for row in rows] == [
        ("1", "0", "100", "1.0000"),
        ("2", "100", "150", "2.8000"),
    ]
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("wait", "code"), [(90, 0), (89, 1)])
def test_check_oracle(tmp_path, wait, code, capsys):
    path = tmp_path / "oracle.csv"
    path.write_text(ORACLE.replace(",90\n", f",{wait}\n"))
    assert run(["replay", "swf", str(path), "--procs", "4", "--check-oracle"]) == code
    assert ("job 2: 89 s, replayed 90 s" in capsys.readouterr().out) == (code == 1)


def test_oracle_files(log, tmp_path, capsys):
    right, wrong = tmp_path / "right.csv", tmp_path / "wrong.csv"
    right.write_text("job,wait_easy_req,wait_easy_clairvoyant\n2,90,90\n")
    wrong.write_text("job,wait_easy_sjbf_req\n2,90\n8,0\n")
    command = ["replay", "swf", str(log), "--json", "--oracle", str(right)]
    assert run(command) == 0
    assert [row["wrong"] for row in json.loads(capsys.readouterr().out)] == [0, 0]
    assert run([*command, "--oracle", str(wrong)]) == 1
    assert json.loads(capsys.readouterr().out)[2]["first_wrong"] == {"job": 8, "expected": 0, "got": -1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--order", "lifo"], "lifo"),
        (["--overrun", "maybe"], "maybe"),
        (["--predict", "psychic"], "last_two, user_median, similar"),
        (["--check-oracle"], "lacks the column 'job'"),
        (["--procs", "0"], "processors is 0"),
        (["--csv", "/nonexistent/x.csv"], "there is no folder /nonexistent"),
        (["--plot", "/nonexistent/x.png"], "there is no folder /nonexistent"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(log, arguments, message, capsys):
    assert run(["replay", "swf", str(log), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_published_waits_through_the_command(traces, capsys):
    path = traces / "swf" / "KTH-SP2_sc15_oracle.csv.gz"
    assert run(["replay", "swf", str(path), "--check-oracle", "--json"]) == 0
    assert [row["wrong"] for row in json.loads(capsys.readouterr().out)] == [0] * 5


def test_on_the_nodes_of_a_file(log, tmp_path, capsys):
    cluster = tmp_path / "cluster.yaml"
    cluster.write_text("nodes:\n  - {name: a, cpus: 2}\n  - {name: b, cpus: 2}\n")
    assert run(["replay", "swf", str(log), "--cluster", str(cluster), "--policy", "worst_fit", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["jobs"], answer["processors"], answer["wait_max"]) == (2, 4, 90)


@pytest.mark.parametrize(
    ("options", "jobs"), [(["--order", "fair_share", "--half-life", "60"], 2), (["--think-times"], 2)]
)
def test_fair_share_and_think_times(log, capsys, options, jobs):
    assert run(["replay", "swf", str(log), *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["jobs"] == jobs


def test_requeued_overruns_are_rows_of_their_own(tmp_path, capsys):
    path = tmp_path / "long.swf"
    path.write_text("; MaxProcs: 4\n1 0 0 100 4 -1 -1 4 60 -1 1 1 1 -1 -1 -1 -1 -1\n")
    assert run(["replay", "swf", str(path), "--overrun", "requeue", "--checkpoint", "30", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["jobs"], answer["makespan"]) == (2, 100)
