"""The Helm chart renders to what current Kubernetes takes."""

from __future__ import annotations

import copy
import subprocess
from typing import Any

import pytest

from hal.cli.app import build, run
from tests.adapters.kubernetes.cluster import program
from tests.deploy.chart import CHART, EVERYTHING, helm, rendered

pytestmark = pytest.mark.server


def test_helm_finds_nothing_wrong() -> None:
    helm("lint", "--strict", str(CHART))


@pytest.mark.parametrize("settings", [(), EVERYTHING, ("scheduler.enabled=false",), ("rbac.create=false",)])
@pytest.mark.parametrize("version", ["1.30", "1.34"])
def test_is_what_kubernetes_takes(settings: tuple[str, ...], version: str) -> None:
    import kubernetes_validate

    things = rendered(*settings)
    for thing in things:
        if thing["kind"] != "PodMonitor":  # no kind of Kubernetes itself
            kubernetes_validate.validate(thing, version, strict=True)
    wrong = copy.deepcopy(next(thing for thing in things if thing["kind"] == "Deployment"))
    wrong["spec"]["replica"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, version, strict=True)


def test_monitors_are_what_the_prometheus_operator_takes() -> None:
    from cloudcoil.models.prometheus_operator.v1 import PodMonitor

    def taken(thing: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = PodMonitor.model_validate(thing).model_dump(by_alias=True, exclude_unset=True)
        return {key: made[key] for key in ("apiVersion", "kind", "spec")}

    things = rendered(*EVERYTHING)
    monitors = [thing for thing in things if thing["kind"] == "PodMonitor"]
    assert [thing["metadata"]["name"] for thing in monitors] == ["hal-scheduler", "hal"]
    for monitor in monitors:
        assert taken(monitor) == {key: monitor[key] for key in ("apiVersion", "kind", "spec")}
        chosen = monitor["spec"]["selector"]["matchLabels"].items()
        (pods,) = (
            thing["spec"]["template"]
            for thing in things
            if thing["kind"] == "Deployment"
            and chosen <= thing["spec"]["template"]["metadata"]["labels"].items()
        )
        ports = {port["name"] for each in pods["spec"]["containers"] for port in each.get("ports", ())}
        assert {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]} <= ports
    wrong = copy.deepcopy(monitors[0])
    wrong["spec"]["podMetricsEndpoints"][0]["paths"] = "/metrics"
    assert taken(wrong)["spec"] != wrong["spec"]


def test_every_container_of_hal_has_probes() -> None:
    seen = 0
    for thing in rendered(*EVERYTHING):
        for container in (
            thing["spec"]["template"]["spec"]["containers"] if thing["kind"] == "Deployment" else ()
        ):
            ports = {port["name"] for port in container.get("ports", ())}
            for probe, path in (("livenessProbe", "/live"), ("readinessProbe", "/ready")):
                if container["command"] == ["hal"]:
                    given = container[probe]
                    seen += 1
                    if "httpGet" in given:
                        assert given["httpGet"]["path"] == path
                        assert given["httpGet"]["port"] in ports
                    else:
                        assert f"{path}'" in given["exec"]["command"][-1]
    assert seen == 6


def test_commands_are_those_of_this_release() -> None:
    seen = set()
    for thing in rendered(*EVERYTHING):
        if thing["kind"] != "Deployment":
            continue
        for container in thing["spec"]["template"]["spec"]["containers"]:
            if container["command"] == ["hal"]:
                seen.add(container["args"][0])
                assert run([*container["args"], "--help"]) == 0  # an unknown option is an error even so
    assert seen == {"run", "serve"}


@pytest.mark.parametrize(
    "wrong",
    [
        "replicas=3",
        "serve.port=80",
        "serve.controller=magic",
        "scheduler.name=Not_a_name",
        "image.tagg=x",
        "scheduler.prometheus.url=prometheus:9090",
    ],
)
def test_wrong_values_are_refused(wrong: str) -> None:
    path = program("helm")
    told = subprocess.run(
        [path or "helm", "template", "hal", CHART, "--set", wrong], capture_output=True, text=True
    )
    assert told.returncode != 0
    assert "values don't meet the specifications" in told.stderr


def test_options_are_those_of_the_commands() -> None:
    import typer

    seen = set()
    for thing in rendered(*EVERYTHING):
        if thing["kind"] != "Deployment":
            continue
        for container in thing["spec"]["template"]["spec"]["containers"]:
            if container["command"] != ["hal"]:
                continue
            name, *options = container["args"]
            known = typer.main.get_command(build([name])).commands[name].params  # type: ignore[attr-defined]
            named = {option for parameter in known for option in parameter.opts}
            assert {option.partition("=")[0] for option in options} <= named
            seen.add(name)
    assert seen == {"run", "serve"}
