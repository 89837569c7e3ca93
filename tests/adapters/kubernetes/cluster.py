"""A real kube-apiserver on a real etcd, and a real kube-scheduler, in a folder of their own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hal.adapters.kubernetes.client import Client
from hal.adapters.kubernetes.config import kubeconfig

from tests.waiting import PATIENCE, until

__all__ = ["KubernetesCluster", "missing", "program"]

ADMIN, OBSERVER = "admin-token", "plain-token"


def program(name: str) -> Path | None:
    """Return a program that tools/servers/*.sh installs, also kubectl and helm; None where it is not there."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hal-core"
    cache = Path(os.environ.get("HAL_SERVER_CACHE") or default)
    built = sorted(path for path in cache.glob(f"*/{name}") if os.access(path, os.X_OK))
    found = shutil.which(name)
    return built[-1] if built else Path(found) if found else None


def missing() -> list[str]:
    """Return which of the servers are not there."""
    return [name for name in ("etcd", "kube-apiserver", "kube-scheduler") if program(name) is None]


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class KubernetesCluster:
    """An API server with RBAC, on loopback; every process is ended by its own id.

    Attributes
    ----------
    config : Path
        kubeconfig of an administrator.
    client : Client
        For what a user or an operator does.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.ports = free_ports(3)
        self.server = f"https://127.0.0.1:{self.ports[2]}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.config = folder / "admin.kubeconfig"
        # Accounts beside the administrator: one word is the token, the user, and part of its kubeconfig's name.
        (folder / "tokens.csv").write_text(f'{ADMIN},admin,1,"system:masters"\n{OBSERVER},plain,2\n')
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """For what a user or an operator does; made when the server is there."""
        if self._client is None:
            self._client = Client(kubeconfig(self.config), timeout=30)
        return self._client

    def start(self) -> None:
        """Start etcd and the API server, and wait until it is ready."""
        folder = self.folder
        self.run_etcd()
        subprocess.run(
            ["openssl", "genrsa", "-out", str(folder / "account.key"), "2048"],
            check=True,
            capture_output=True,
        )
        self.run_api_server()
        self.write_config(self.config, ADMIN)
        # The server makes the namespace only soon after it says that it is ready.
        until(lambda: "default" in [x["metadata"]["name"] for x in self.client.list("/api/v1/namespaces")[0]])

    def run_etcd(self) -> None:
        """Start etcd on its data, if any."""
        here = [f"http://127.0.0.1:{port}" for port in self.ports[:2]]
        self._run(
            "etcd",
            f"--data-dir={self.folder}/etcd",
            f"--listen-client-urls={here[0]}",
            f"--advertise-client-urls={here[0]}",
            f"--listen-peer-urls={here[1]}",
            f"--initial-advertise-peer-urls={here[1]}",
            f"--initial-cluster=default={here[1]}",
        )

    def run_api_server(self) -> None:
        """Start the API server and wait until it is ready."""
        folder = self.folder
        self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self.ports[0]}",
            f"--secure-port={self.ports[2]}",
            "--bind-address=127.0.0.1",
            f"--cert-dir={folder}/certs",
            f"--token-auth-file={folder}/tokens.csv",
            "--authorization-mode=RBAC",
            f"--service-account-issuer={self.server}",
            f"--service-account-signing-key-file={folder}/account.key",
            f"--service-account-key-file={folder}/account.key",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--disable-admission-plugins=ServiceAccount",
            # Of how much room storage has this release tells when it is asked to.
            "--feature-gates=CSIStorageCapacity=true",
            "--runtime-config=storage.k8s.io/v1alpha1=true",
            # Short, so that tests can ask for changes that are not kept any more.
            "--etcd-compaction-interval=0",
        )
        self._wait_ready()

    def scheduler(self, **configuration: Any) -> subprocess.Popen[bytes]:
        """Start a real kube-scheduler; further fields of its KubeSchedulerConfiguration may be given."""
        config = self.folder / "scheduler.json"
        base = {
            "apiVersion": "kubescheduler.config.k8s.io/v1beta1",
            "kind": "KubeSchedulerConfiguration",
            "clientConnection": {"kubeconfig": str(self.config), "qps": 5000, "burst": 5000},
            "leaderElection": {"leaderElect": False},
        }
        config.write_text(json.dumps({**base, **configuration}))
        return self._run("kube-scheduler", f"--config={config}", "--secure-port=0", "--port=0")

    def hal(self, *options: str, name: str = "hal") -> subprocess.Popen[bytes]:
        """Start ``hal run`` on this cluster; its log is ``<name>.log``."""
        command = [Path(sys.executable).with_name("hal"), "run", "--adapter", "kubernetes"]
        given = ["-o", f"kubeconfig={self.config}", "--interval", "0.5", "--log-format", "text"]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen([*command, *given, *options], stdout=log, stderr=log)
        return self.processes[name]

    def end(self, name: str, sign: int = signal.SIGTERM) -> None:
        """End a process and wait for it."""
        process = self.processes.pop(name)
        process.send_signal(sign)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """End what is left, the API server before etcd; nothing of theirs is kept."""
        if self._client is not None:
            self._client.close()
        for name in reversed(list(self.processes)):
            self.end(name, signal.SIGKILL)

    def write_config(self, path: Path, token: str) -> Path:
        """Write a kubeconfig for a bearer of this token; it trusts the server's own certificate."""
        cluster = {
            "server": self.server,
            "certificate-authority": str(self.folder / "certs" / "apiserver.crt"),
        }
        told = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        path.write_text(json.dumps(told))
        path.chmod(0o600)
        return path

    # ---- what a user or an operator does -------------------------------------------------------------

    def add_nodes(
        self, names: Iterable[str], *, labels: Mapping[str, str] | None = None, **offers: str
    ) -> None:
        """Create ready nodes that offer 8 CPUs, 32 GiB and 110 pods, or what is given (``gpu=4``)."""
        offered = {"cpu": "8", "memory": "32Gi", "pods": "110"}
        offered |= {"nvidia.com/gpu" if key == "gpu" else key: value for key, value in offers.items()}

        def add(name: str) -> None:
            meta = {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}}
            self.client.call("POST", "/api/v1/nodes", {"metadata": meta})
            ready = {"type": "Ready", "status": "True", "reason": "Test"}
            status = {"capacity": offered, "allocatable": offered, "conditions": [ready]}
            patch = "application/merge-patch+json"
            self.client.call("PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, kind=patch)
            self.client.call("PATCH", f"/api/v1/nodes/{name}", {"spec": {"taints": None}}, kind=patch)

        self._all(add, names)

    def add_pods(
        self,
        names: Iterable[str],
        *,
        scheduler: str = "hal",
        namespace: str = "default",
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        spec: Mapping[str, Any] | None = None,
        **requests: str,
    ) -> list[str]:
        """Create pods of one container; their names with the namespace."""
        asked = {"nvidia.com/gpu" if key == "gpu" else key: value for key, value in requests.items()}
        resources = {"requests": asked or {"cpu": "500m", "memory": "256Mi"}}
        if "nvidia.com/gpu" in asked:
            resources["limits"] = {"nvidia.com/gpu": asked["nvidia.com/gpu"]}
        body = {
            "schedulerName": scheduler,
            "containers": [{"name": "c", "image": "none", "resources": resources}],
            **(spec or {}),
        }

        def add(name: str) -> str:
            meta = {"name": name, "labels": dict(labels or {}), "annotations": dict(annotations or {})}
            self.client.call("POST", f"/api/v1/namespaces/{namespace}/pods", {"metadata": meta, "spec": body})
            return f"{namespace}/{name}"

        return self._all(add, names)

    def pods(self) -> dict[str, dict[str, Any]]:
        """Return all pods by ``namespace/name``."""
        items, _ = self.client.list("/api/v1/pods")
        return {f"{item['metadata']['namespace']}/{item['metadata']['name']}": item for item in items}

    def bound(self) -> dict[str, str]:
        """Return pod → node."""
        return {
            name: pod["spec"]["nodeName"] for name, pod in self.pods().items() if pod["spec"].get("nodeName")
        }

    def delete_pods(self, names: Iterable[str]) -> None:
        """Delete pods at once, as a kubelet would end it."""

        def delete(name: str) -> None:
            space, _, pod = name.partition("/")
            self.client.call("DELETE", f"/api/v1/namespaces/{space}/pods/{pod}", {"gracePeriodSeconds": 0})

        self._all(delete, names)

    def clear(self) -> None:
        """Delete every pod and every node."""
        self.delete_pods(self.pods())
        nodes, _ = self.client.list("/api/v1/nodes")
        self._all(
            lambda name: self.client.call("DELETE", f"/api/v1/nodes/{name}"),
            [n["metadata"]["name"] for n in nodes],
        )

    # ---- inside --------------------------------------------------------------------------------------

    def _all(self, do: Any, names: Iterable[str]) -> list[Any]:
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(do, names))

    def _run(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        path = program(name)
        assert path is not None, f"{name} is not installed"
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [path, *arguments], stdout=log, stderr=log, cwd=self.folder
            )
        return self.processes[name]

    def _wait_ready(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        end = time.monotonic() + PATIENCE
        while True:
            try:
                connection = socket.create_connection(("127.0.0.1", self.ports[2]), 5)
                with context.wrap_socket(connection) as secure:
                    request = f"GET /readyz HTTP/1.0\r\nAuthorization: Bearer {ADMIN}\r\n\r\n"
                    secure.sendall(request.encode())
                    if b" 200 " in secure.recv(64):
                        return
            except OSError:
                pass
            died = [name for name, process in self.processes.items() if process.poll() is not None]
            assert not died, f"{died} ended: {(self.folder / f'{died[0]}.log').read_text()[-2000:]}"
            assert time.monotonic() < end, (self.folder / "kube-apiserver.log").read_text()[-2000:]
            time.sleep(0.2)
