"""The image's recipe: clean, of the sources that a wheel needs, and as the chart expects it. No container is run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.server.live import answers, free_port, process
from tests.waiting import until

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def steps() -> Iterator[tuple[str, str]]:
    """Yield each instruction with its argument; continued lines are joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    for line in filter(None, text.splitlines()):
        verb, _, rest = line.partition(" ")
        yield verb, " ".join(rest.split())


def of(verb: str) -> list[str]:
    return [rest for each, rest in steps() if each == verb]


def test_hadolint_finds_nothing_wrong(tmp_path: Path) -> None:
    hadolint = shutil.which(
        "hadolint", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    if hadolint is None and not os.environ.get("CI"):
        pytest.skip("no hadolint: pip install --group server")
    assert hadolint is not None
    told = subprocess.run(
        [hadolint, "--failure-threshold", "style", DOCKERFILE], capture_output=True, text=True
    )
    assert told.returncode == 0, told.stdout
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.read_text().replace("3.11.11-slim-bookworm", "latest"))
    told = subprocess.run([hadolint, tmp_path / "Dockerfile"], capture_output=True, text=True)
    assert "DL3007" in told.stdout


def test_is_the_image_of_the_chart() -> None:
    chart = ROOT / "deploy" / "chart" / "hal"
    image = yaml.safe_load((chart / "values.yaml").read_text())["image"]
    version = yaml.safe_load((chart / "Chart.yaml").read_text())["appVersion"]
    assert not image["tag"]  # the chart's appVersion
    assert f"-t {image['repository']}:{version} ." in DOCKERFILE.read_text()
    assert version == PROJECT["version"]
    user = re.search(r"runAsUser: (\d+)", (chart / "templates" / "_helpers.tpl").read_text())
    group = re.search(r"runAsGroup: (\d+)", (chart / "templates" / "_helpers.tpl").read_text())
    assert user is not None
    assert group is not None
    assert of("USER") == [f"{user[1]}:{group[1]}"]


def test_bases_are_pinned_and_fit() -> None:
    bases = [rest.split()[0] for rest in of("FROM")]
    assert len(set(bases)) == 1  # the environment is copied, so that Python must be the same
    version = re.fullmatch(r"python:(\d+\.\d+)\.\d+-slim-bookworm", bases[0])
    assert version is not None
    assert PROJECT["requires-python"] == f">={version[1]}"
    (install,) = (rest for rest in of("RUN") if "pip install" in rest)
    extras = re.search(r"\.\[([\w,]+)\]", install)
    assert extras is not None
    assert set(extras[1].split(",")) <= set(PROJECT["optional-dependencies"])


def test_what_is_copied_is_enough_to_build_and_is_let_through(tmp_path: Path) -> None:
    let = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for rest in of("COPY"):
        if rest.startswith("--from"):
            continue
        *sources, target = rest.split()
        assert let.issuperset(sources)
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(
                    ROOT / source,
                    tmp_path / "src" / target,
                    ignore=shutil.ignore_patterns("*.so", "__pycache__"),
                )
            else:
                (tmp_path / "src" / target).mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, tmp_path / "src" / target)
    (install,) = (rest for rest in of("RUN") if "pip install" in rest)
    assert install.startswith("python -m venv /opt/hal && /opt/hal/bin/pip install ")
    # Without the compiler's part, which the other lanes build; its list of sources is CMake's to check.
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "-C",
               "wheel.cmake=false", "--disable-pip-version-check", "--target", str(tmp_path / "out"), "."]  # fmt: skip
    told = subprocess.run(command, cwd=tmp_path / "src", capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "out" / "bin" / "hal").is_file()
    assert (tmp_path / "out" / "hal" / "adapters" / "slurm" / "job_submit.lua").is_file()
    assert (tmp_path / "out" / "hal" / "py.typed").is_file()
    needed = re.findall(r"(?:src|cmake)/[\w/]+[\w.*]+", (ROOT / "CMakeLists.txt").read_text())
    assert needed
    for path in map(Path, needed):
        assert list((tmp_path / "src" / path.parent).rglob(path.name)), path


def test_its_health_check_asks_the_server_and_the_loop(tmp_path: Path) -> None:
    (check,) = of("HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])
    assert command[0] == "python"
    (tmp_path / "c.json").write_text(json.dumps({"nodes": [{"name": "n", "cpus": 8}]}))
    port = free_port()
    hal = str(Path(sys.executable).with_name("hal"))
    assert json.loads(of("ENTRYPOINT")[0]) == ["hal"]

    def healthy() -> int:
        environment = {"HAL_PROBE_PORT": str(port), "PATH": ""}
        return subprocess.run([sys.executable, *command[1:]], env=environment, capture_output=True).returncode

    assert healthy() != 0
    options = ["--cluster", str(tmp_path / "c.json"), "--port", str(port), "--no-token"]
    with process([hal, "serve", *options], tmp_path / "log"):
        until(lambda: answers(f"http://127.0.0.1:{port}/live"), "live")
        assert healthy() == 0
    assert healthy() != 0
