"""``hal serve``: answer over HTTP."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hal._extras import require
from hal.cli.adapter import Options, connect
from hal.cli.logs import Format, configure
from hal.cli.names import placing
from hal.errors import HalError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from hal.server import Live, Service

__all__ = ["command"]

log = logging.getLogger("hal.serve")

_TOKEN = "HAL_TOKEN"
#: Seconds that a thread may keep the interpreter from answering a request while the orchestrator tells a lot.
_SWITCH = 0.0005


def command(
    *,
    cluster: Annotated[Path | None, typer.Option(help="YAML or JSON with nodes.")] = None,
    adapter: Annotated[
        str | None,
        typer.Option(help="Orchestrator whose cluster to follow, instead; `hal plugins` lists them."),
    ] = None,
    option: Options = None,
    policy: Annotated[
        str, typer.Option(help="What decides when a request names none.", autocompletion=placing)
    ] = "best_fit",
    controller: Annotated[
        str | None,
        typer.Option(help="Turns p by the signals, and pack_spread(p) decides: static, heuristic, pid, …"),
    ] = None,
    power: Annotated[
        bool, typer.Option("--power", help="Show what the nodes draw, by published figures.")
    ] = False,
    host: Annotated[
        str, typer.Option(help="Address to listen on; loopback unless you say otherwise.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8420,
    token_file: Annotated[
        Path | None,
        typer.Option(help=f"File with the token that callers send; else ${_TOKEN}, else a new one."),
    ] = None,
    no_token: Annotated[bool, typer.Option("--no-token", help="Let anybody call; loopback only.")] = False,
    trust_loopback: Annotated[
        bool,
        typer.Option("--trust-loopback", help="Callers on this machine, or in this pod, need no token."),
    ] = False,
    rate: Annotated[float, typer.Option(help="Requests a second of one caller.", min=0.001)] = 1000.0,
    certificate: Annotated[Path | None, typer.Option(help="TLS certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key (PEM).")] = None,
    clients: Annotated[
        Path | None, typer.Option(help="Certificates of those who may call (PEM): mutual TLS.")
    ] = None,
    drain: Annotated[
        float,
        typer.Option(help="Seconds to go on answering after SIGTERM, while /ready says no.", min=0, max=600),
    ] = 0.0,
    log_format: Format = "json",
) -> None:
    """Serve decisions until SIGTERM or SIGINT; requests that have begun are answered first."""
    require("uvicorn", extra="server")
    require("fastapi", extra="server")
    from hal import control
    from hal._tracing import export_as_told
    from hal.energy import PowerModel
    from hal.server import Service, Settings, create_app
    from hal.server.settings import new_token

    configure(log_format)
    if (cluster is None) == (adapter is None):
        raise HalError("give --cluster FILE or --adapter NAME, one of them")
    if certificate is None and (key or clients):
        raise HalError(f"--{'key' if key else 'clients'}: give the server's own --certificate, too")
    if no_token and not (clients or host in ("127.0.0.1", "::1", "localhost")):
        raise HalError(
            "--no-token: anybody could call; give a token, client certificates, or listen on loopback"
        )
    given = None if no_token else _given(token_file)
    sys.setswitchinterval(_SWITCH)
    export_as_told("hal-serve")
    with _live(cluster, adapter, option) as (live, source):
        service = Service(
            live,
            policy=policy,
            controller=None if controller is None else control.make(controller),
            power=PowerModel() if power else None,
        )
        routers = [source.router(service)] if hasattr(source, "router") else []
        token = None if no_token else given or new_token()
        app = create_app(
            service,
            Settings(token=token, trust_loopback=trust_loopback, rate=rate, burst=max(1, int(2 * rate))),
            routers=routers,
        )
        config = _config(app, certificate, key, clients)
        listening = _listen(host, port)
        if token and not given:
            # To the terminal and nowhere else: a log would keep it.
            typer.echo(f"token: {token.get_secret_value()}", err=True)
        log.info(
            "serving",
            extra={
                "host": host,
                "port": listening.getsockname()[1],
                "policy": service.default,
                "source": live.name,
            },
        )
        # uvicorn ends in order, then raises the signal once more.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        _keep()
        _server(config, service, drain).run(sockets=[listening])
    log.info("stopped")


@contextlib.contextmanager
def _live(
    cluster: Path | None, adapter: str | None, option: list[str] | None
) -> Iterator[tuple[Live, object]]:
    """Yield the live cluster, and what may have routes of its own."""
    from hal.cluster import Cluster
    from hal.files import format_of, read_nodes
    from hal.server import Own

    if cluster is not None:
        yield Own(Cluster(read_nodes(cluster, format_of(cluster)))), None
        return
    from hal.adapters.follower import Follower

    source = connect(str(adapter), option)
    follower = Follower(source, on_read=_keep)
    follower.start()
    try:
        yield follower, source
    finally:
        follower.stop()


def _keep() -> None:
    """Have the garbage collector leave alone what is there now: it stays, and looking through it makes callers wait."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _server(config: Any, service: Service, drain: float) -> Any:
    import uvicorn

    class Server(uvicorn.Server):
        """Says that it is not ready any more, and goes on for a while: callers need time to hear of it."""

        def handle_exit(self, sig: int, frame: Any) -> None:
            again, service.stopping = service.stopping, True
            if drain and not again:
                later = threading.Timer(drain, super().handle_exit, (sig, frame))
                later.daemon = True  # a second signal ends it all at once
                later.start()
            else:
                super().handle_exit(sig, frame)

    return Server(config)


def _config(app: Any, certificate: Path | None, key: Path | None, clients: Path | None) -> Any:
    import ssl

    import uvicorn

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # a caller must not choose the address that its rate is counted for
        timeout_graceful_shutdown=10,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ssl_ca_certs=clients,
        ssl_cert_reqs=ssl.CERT_REQUIRED if clients else ssl.CERT_NONE,
    )
    try:
        config.load()
    except OSError as error:  # OpenSSL's are such, and name no file
        files = ", ".join(str(path) for path in (certificate, key, clients) if path)
        raise HalError(f"certificates ({files}): {error.strerror or error}") from None
    return config


def _listen(host: str, port: int) -> socket.socket:
    """Take the port before anything is said of serving there."""
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048
        )
    except OSError as error:
        raise HalError(
            f"port = {port} of {host}: {str(error.strerror).partition(' (')[0]}; give another, or 0"
        ) from None


def _given(token_file: Path | None) -> SecretStr | None:
    """Return the token that callers are to send, None where none was given."""
    from pydantic import SecretStr

    if token_file is None:
        given = os.environ.get(_TOKEN, "")
        return SecretStr(given) if given else None
    try:
        given = token_file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise HalError(
            f"{token_file}: cannot be read ({getattr(error, 'strerror', '') or 'is no text'})"
        ) from None
    if not given:
        raise HalError(f"{token_file}: holds no token")
    return SecretStr(given)
