"""Where the API server is and who we are to it: kubeconfig, or the service account of the pod that we run in."""

from __future__ import annotations

import base64
import importlib
import json
import os
import ssl
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import hal

__all__ = ["Access", "in_cluster", "kubeconfig"]

_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Access:
    """An API server, and the credentials for it.

    Parameters
    ----------
    server : str
        ``https://host:port``.
    context : SSLContext
    token : str
        Bearer token, when it never changes.
    token_file : path, optional
        Where it is renewed: read again each minute, and when it was refused.
    command : sequence of str
        A credential plugin (``exec`` of a kubeconfig) that prints tokens, with its environment.
    """

    def __init__(
        self,
        server: str,
        context: ssl.SSLContext,
        *,
        token: str = "",
        token_file: Path | None = None,
        command: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        parts = urlsplit(server)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise hal.AdapterError(f"server = {server!r}: give https://host:port")
        self.secure = parts.scheme == "https"
        self.host, self.port = parts.hostname, parts.port or (443 if self.secure else 80)
        self.prefix, self.context = parts.path.rstrip("/"), context
        self._token, self._file, self._command = token, token_file, command
        self._environment = environment or {}
        self._until = 0.0

    def token(self, *, anew: bool = False) -> str:
        """Return the bearer token; empty where certificates do."""
        if (self._file or self._command) and (anew or time.monotonic() >= self._until):
            self._until = time.monotonic() + 60
            try:
                self._token = self._file.read_text().strip() if self._file else self._ask()
            except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
                # The text of the error may hold what the plugin printed.
                raise hal.AdapterError(f"no token: {type(error).__name__}") from None
        return self._token

    def _ask(self) -> str:
        said = subprocess.run(
            self._command,
            env={**os.environ, **self._environment},
            capture_output=True,
            timeout=30,
            check=True,
        )
        return str(json.loads(said.stdout)["status"]["token"])


def in_cluster(account: Path = _ACCOUNT) -> Access:
    """Return the access of a pod's service account."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (account / "token").is_file():
        raise hal.AdapterError("no kubeconfig, and not inside a cluster: give -o kubeconfig=PATH")
    host = f"[{host}]" if ":" in host else host
    context = ssl.create_default_context(cafile=account / "ca.crt")
    return Access(f"https://{host}:{port}", context, token_file=account / "token")


def kubeconfig(path: str | Path, context: str = "") -> Access:
    """Return the access that a kubeconfig describes.

    Parameters
    ----------
    path : path
    context : str
        Empty: its current one.
    """
    path = Path(path)
    try:
        told = _read(path)
        chosen = _named(told, "contexts", context or told["current-context"])["context"]
        cluster = _named(told, "clusters", chosen["cluster"])["cluster"]
        user = _named(told, "users", chosen["user"]).get("user") or {}
        return _access(path.parent, cluster, user)
    except _Unnamed as error:
        raise hal.AdapterError(f"kubeconfig {path}: {error}") from None
    except OSError as error:  # also a certificate that it names
        where = f" ({error.filename})" if error.filename and Path(error.filename) != path else ""
        raise hal.AdapterError(f"kubeconfig {path}: {error.strerror or error}{where}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise hal.AdapterError(f"kubeconfig {path}: {type(error).__name__}: {error}") from error


class _Unnamed(Exception):
    """Something that a kubeconfig refers to and does not hold."""


def _read(path: Path) -> Any:
    text = path.read_text()
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        yaml: Any = importlib.import_module("yaml")
    except ModuleNotFoundError:
        raise hal.MissingExtra("yaml is not installed: pip install 'hal-core[kubernetes]'") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def _named(told: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    for item in told.get(kind) or ():
        if item["name"] == name:
            found: Mapping[str, Any] = item
            return found
    there = ", ".join(str(item["name"]) for item in told.get(kind) or ())
    raise _Unnamed(f"{kind} has no {name!r}; it has {there or 'none'}")


def _access(folder: Path, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> Access:
    context = ssl.create_default_context()
    if data := cluster.get("certificate-authority-data"):
        context = ssl.create_default_context(cadata=base64.b64decode(data).decode())
    elif file := cluster.get("certificate-authority"):
        context = ssl.create_default_context(cafile=folder / file)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if "client-certificate-data" in user:
        # ssl reads certificates from files only; this one is gone before anybody else could use it.
        with tempfile.NamedTemporaryFile() as file:
            for part in ("client-certificate-data", "client-key-data"):
                file.write(base64.b64decode(user[part]) + b"\n")
            file.flush()
            context.load_cert_chain(file.name)
    elif "client-certificate" in user:
        context.load_cert_chain(folder / user["client-certificate"], folder / user["client-key"])
    plugin = user.get("exec") or {}
    command = (plugin["command"], *(plugin.get("args") or ())) if plugin else ()
    return Access(
        cluster["server"],
        context,
        token=user.get("token") or "",
        token_file=folder / user["tokenFile"] if "tokenFile" in user else None,
        command=command,
        environment={item["name"]: item["value"] for item in plugin.get("env") or ()},
    )
