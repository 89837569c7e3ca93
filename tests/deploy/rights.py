"""What the chart's roles allow, given to a user who has no others, and what of it was forbidden."""

from __future__ import annotations

import copy
import itertools
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from hal.adapters.kubernetes.client import ApiError, Client
from hal.adapters.kubernetes.config import kubeconfig

from tests.adapters.kubernetes.cluster import OBSERVER, KubernetesCluster
from tests.deploy.chart import rendered
from tests.waiting import until

__all__ = ["Rights", "Watched", "grants", "without"]

RBAC = "/apis/rbac.authorization.k8s.io/v1"


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

            connection.request, connection.getresponse = request, getresponse
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
        full, now = (set(grants(given)) for given in (self.roles, roles))
        client = Client(self.access)
        for grant in sorted(full):
            until(lambda grant=grant: self._may(client, grant) == (grant in now), str(grant), every=0.02)
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


def grants(roles: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str, str, str]]:
    for role in roles.values():
        for rule in role["rules"]:
            for group, resource, verb in itertools.product(
                rule["apiGroups"], rule["resources"], rule["verbs"]
            ):
                yield group, resource, verb, (rule.get("resourceNames") or [""])[0]


def without(roles: dict[str, dict[str, Any]], grant: tuple[str, str, str, str]) -> dict[str, dict[str, Any]]:
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
