"""The Helm chart: it renders to what current Kubernetes takes, and its rights are those that hal needs, no more."""

from __future__ import annotations

import contextlib
import copy
import itertools
import os
import subprocess
import threading
import uuid
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest
import yaml
from hal.adapters.kubernetes import KubernetesAdapter
from hal.adapters.kubernetes.client import ApiError, Client
from hal.adapters.kubernetes.config import kubeconfig
from hal.adapters.kubernetes.extender import Extender

import hal
from hal.cli.app import build, run
from hal.server import Service
from tests.adapters.kubernetes.cluster import OBSERVER, KubernetesCluster, program
from tests.adapters.kubernetes.test_extender import pod as wire_pod
from tests.waiting import until

pytestmark = pytest.mark.server

CHART = Path(__file__).parents[2] / "deploy" / "chart" / "hal"
EVERYTHING = (
    "extender.enabled=true",
    "podMonitor.enabled=true",
    "serve.power=true",
    "serve.controller=pid",
    "scheduler.prometheus.url=http://prometheus:9090",
)
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def helm(*arguments: str) -> str:
    """Run helm; it must be content."""
    path = program("helm")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("no helm: run tools/servers.sh")
        pytest.skip("no helm: see make servers")
    told = subprocess.run([path, *arguments], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def rendered(*settings: str) -> list[dict[str, Any]]:
    """Return the objects of the chart with these values."""
    options = itertools.chain.from_iterable(("--set", setting) for setting in settings)
    return [thing for thing in yaml.safe_load_all(helm("template", "hal", str(CHART), *options)) if thing]


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


# ---- rights ----------------------------------------------------------------------------------------------


class Watched(Client):
    """Keeps what was forbidden, and which watches have been answered."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.forbidden: list[str] = []
        self.answered: set[str] = set()

    def call(self, method: str, path: str, *arguments: Any, **query: Any) -> dict[str, Any]:
        """Send a request."""
        try:
            return super().call(method, path, *arguments, **query)
        except ApiError as error:
            if error.status == 403:
                self.forbidden.append(f"{method} {path}")
            raise

    def watch(self, path: str, *arguments: Any, **query: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        """Watch a collection."""
        try:
            yield from super().watch(path, *arguments, **query)
        except ApiError as error:
            if error.status == 403:
                self.forbidden.append(f"WATCH {path}")
            raise
        finally:
            self.answered.add(path)

    def _new(self, timeout: float, stop: threading.Event | None = None) -> HTTPConnection:
        """Connect so that it is seen when a watch begins: what happens in it may be nothing for long."""
        connection = super()._new(timeout, stop)
        if stop is not None:
            ask, answer, asked = connection.request, connection.getresponse, []

            def request(method: str, url: str, *rest: Any, **more: Any) -> None:
                asked.append(url.partition("?")[0])
                ask(method, url, *rest, **more)

            def getresponse() -> HTTPResponse:
                told = answer()
                if told.status == 200:
                    self.answered.add(asked[-1])
                return told

            connection.request, connection.getresponse = request, getresponse  # type: ignore[method-assign]
        return connection


class Rights:
    """The chart's roles, given to a user who has no others."""

    def __init__(self, cluster: KubernetesCluster, *settings: str) -> None:
        self.cluster = cluster
        self.roles = {
            thing["kind"]: thing for thing in rendered(*settings) if thing["kind"] in ("ClusterRole", "Role")
        }
        self.access = kubeconfig(cluster.write_config(cluster.folder / "plain.kubeconfig", OBSERVER))

    def give(self, roles: dict[str, dict[str, Any]]) -> None:
        """Let the user have these and nothing else."""
        api = self.cluster.client
        for kind, role in roles.items():
            space = "" if kind == "ClusterRole" else "/namespaces/default"
            name = role["metadata"]["name"]
            role = {**role, "metadata": {"name": name}}
            subject = {"kind": "User", "name": "plain", "apiGroup": "rbac.authorization.k8s.io"}
            binding = {
                "metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
                "subjects": [subject],
            }
            for path, thing in ((f"{kind.lower()}s", role), (f"{kind.lower()}bindings", binding)):
                where = f"{RBAC}{space}/{path}"
                try:
                    api.call("PUT", f"{where}/{name}", thing)
                except ApiError as error:
                    if error.status != 404:
                        raise
                    api.call("POST", where, thing)
        self._settle(roles)

    def _settle(self, roles: dict[str, dict[str, Any]]) -> None:
        """Wait until the API server goes by them."""
        full, now = (set(_grants(given)) for given in (self.roles, roles))
        client = Client(self.access)
        for grant in sorted(full):
            until(lambda grant=grant: self._may(client, grant) == (grant in now), str(grant), every=0.02)  # type: ignore[misc]
        client.close()

    def _may(self, client: Client, grant: tuple[str, ...]) -> bool:
        group, resource, verb, name = grant
        kind, _, sub = resource.partition("/")
        asked = {"group": group, "resource": kind, "subresource": sub, "verb": verb, "name": name}
        if group == "coordination.k8s.io":
            asked["namespace"] = "default"
        body = {"spec": {"resourceAttributes": asked}}
        told = client.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
        return bool(told["status"]["allowed"])


def _grants(roles: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str, str, str]]:
    for role in roles.values():
        for rule in role["rules"]:
            for group, resource, verb in itertools.product(
                rule["apiGroups"], rule["resources"], rule["verbs"]
            ):
                yield group, resource, verb, (rule.get("resourceNames") or [""])[0]


def _without(roles: dict[str, dict[str, Any]], grant: tuple[str, str, str, str]) -> dict[str, dict[str, Any]]:
    """Return the roles with one verb on one resource less."""
    group, resource, verb, _ = grant
    out = copy.deepcopy(roles)
    for role in out.values():
        rules = []
        for rule in role["rules"]:
            for one in rule["resources"]:
                verbs = [
                    v for v in rule["verbs"] if (rule["apiGroups"][0], one, v) != (group, resource, verb)
                ]
                if verbs:
                    rules.append({**rule, "resources": [one], "verbs": verbs})
        role["rules"] = rules
    return out


def listened(adapter: KubernetesAdapter, client: Watched) -> hal.adapters.Snapshot:
    """Look, and listen until every watch is answered, well or not."""
    snapshot = adapter.snapshot()
    watches = {path for path, _, _ in adapter._starts.values()}

    def all_answered() -> bool:
        list(adapter.watch(adapter.version, timeout=0.05))
        return watches <= client.answered

    until(all_answered)
    return snapshot


def schedules(rights: Rights) -> list[str]:
    """Do all that ``hal run`` does; return what was forbidden."""
    cluster, client = rights.cluster, Watched(rights.access)
    adapter = KubernetesAdapter(client=client, scheduler="hal", lease="default/hal", lease_s=2)
    fits, waits = cluster.add_pods([f"fits-{uuid.uuid4().hex[:8]}", f"waits-{uuid.uuid4().hex[:8]}"])
    claim = f"claim-{uuid.uuid4().hex[:8]}"
    wanted = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "late",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    cluster.client.call("POST", CLAIMS, {"metadata": {"name": claim}, "spec": wanted})
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    (stores,) = cluster.add_pods([f"stores-{uuid.uuid4().hex[:8]}"], spec={"volumes": volumes})
    try:
        snapshot = listened(adapter, client)
        jobs = {job.name: job for job in snapshot.jobs}
        # Whoever may not read claims leaves their pods alone.
        placements = hal.place(snapshot.cluster, [jobs[name] for name in (fits, stores) if name in jobs])
        adapter.apply(list(placements))
        adapter._raced(fits, "n0", "")  # somebody else was faster: look at what became of it
        adapter.explain({waits: "0/1 nodes fit"})
        if adapter.lease is not None:
            adapter.lease._until = 0.0
            adapter.lease.acquire()
        if fits in cluster.bound():  # else it would be gone at once
            adapter._evictor._evict(fits, cluster.pods()[fits]["metadata"]["uid"])
    except hal.AdapterError:
        assert client.forbidden
    finally:
        adapter.close()
        cluster.delete_pods([fits, waits, stores])
        cluster.client.call("DELETE", f"{CLAIMS}/{claim}")
        merge = "application/merge-patch+json"
        with contextlib.suppress(ApiError):  # gone at once
            cluster.client.call("PATCH", f"{CLAIMS}/{claim}", {"metadata": {"finalizers": None}}, kind=merge)
        with contextlib.suppress(ApiError):  # where none was made
            cluster.client.call("DELETE", "/apis/coordination.k8s.io/v1/namespaces/default/leases/hal")
    return client.forbidden


def extends(rights: Rights) -> list[str]:
    """Do all that ``hal serve`` with the extender does; return what was forbidden."""
    cluster, client = rights.cluster, Watched(rights.access)
    adapter = KubernetesAdapter(client=client, scheduler="hal", lease="none")
    (name,) = cluster.add_pods([f"p-{uuid.uuid4().hex[:8]}"])
    try:
        snapshot = listened(adapter, client)
        uid = cluster.pods()[name]["metadata"]["uid"]
        extender = Extender(Service(snapshot.cluster), client=client)
        asked = wire_pod(name.partition("/")[2])
        asked["metadata"]["uid"] = uid
        assert extender.filter({"Pod": asked, "NodeNames": ["n0"]})["NodeNames"] == ["n0"]
        bind = {"PodName": asked["metadata"]["name"], "PodNamespace": "default", "PodUID": uid, "Node": "n0"}
        first = extender.bind(bind)
        assert (first == {"Error": ""}) == (not any("binding" in path for path in client.forbidden))
        extender._send(
            "default", asked["metadata"]["name"], uid, "n0", ()
        )  # once more: 409, and it is looked at
    except hal.AdapterError:
        assert client.forbidden
    finally:
        adapter.close()
        cluster.delete_pods([name])
    return client.forbidden


@pytest.fixture(scope="module")
def world(kubernetes: KubernetesCluster) -> KubernetesCluster:
    """Return the API server with one node, volumes that are made late, and PodGroups."""
    kubernetes.clear()
    late = {"provisioner": "example.com/late", "volumeBindingMode": "WaitForFirstConsumer"}
    kubernetes.client.call(
        "POST", "/apis/storage.k8s.io/v1/storageclasses", {"metadata": {"name": "late"}, **late}
    )
    kubernetes.add_nodes(["n0"], cpu="64", memory="256Gi")
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    kubernetes.client.call(
        "POST",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        {
            "metadata": {
                "name": "podgroups.scheduling.x-k8s.io",
                "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
            },
            "spec": {
                "group": "scheduling.x-k8s.io",
                "scope": "Namespaced",
                "names": {"plural": "podgroups", "singular": "podgroup", "kind": "PodGroup"},
                "versions": [
                    {
                        "name": "v1alpha1",
                        "served": True,
                        "storage": True,
                        "schema": {"openAPIV3Schema": schema},
                    }
                ],
            },
        },
    )

    def served() -> bool:
        try:
            kubernetes.client.list("/apis/scheduling.x-k8s.io/v1alpha1/podgroups")
        except ApiError:
            return False
        return True

    until(served)
    return kubernetes


@pytest.mark.parametrize(
    ("settings", "does", "least"),
    [
        (("serve.enabled=false",), schedules, 23),
        (("scheduler.enabled=false", "extender.enabled=true"), extends, 16),
    ],
    ids=["scheduler", "extender"],
)
def test_rights_are_enough_and_none_is_too_many(
    world: KubernetesCluster, settings: tuple[str, ...], does: Any, least: int
) -> None:
    rights = Rights(world, *settings)
    rights.give(rights.roles)
    assert does(rights) == []
    grants = sorted(set(_grants(rights.roles)))
    assert len(grants) >= least
    for grant in grants:
        rights.give(_without(rights.roles, grant))
        assert does(rights), f"nothing needs {grant}"
