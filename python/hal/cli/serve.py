"""``hal serve``: answer over HTTP."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
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
    import ssl

    uvicorn = require("uvicorn", extra="server")
    require("fastapi", extra="server")
    from hal import control
    from hal._tracing import export_as_told
    from hal.energy import PowerModel
    from hal.server import Service, Settings, create_app

    configure(log_format)
    if (cluster is None) == (adapter is None):
        raise HalError("give --cluster FILE or --adapter NAME, one of them")
    sys.setswitchinterval(_SWITCH)
    export_as_told("hal-serve")
    token = _token(token_file, no_token, safe=host in ("127.0.0.1", "::1", "localhost") or bool(clients))
    with _live(cluster, adapter, option) as (live, source):
        service = Service(
            live,
            policy=policy,
            controller=None if controller is None else control.make(controller),
            power=PowerModel() if power else None,
        )
        routers = [source.router(service)] if hasattr(source, "router") else []
        app = create_app(
            service,
            Settings(token=token, trust_loopback=trust_loopback, rate=rate, burst=max(1, int(2 * rate))),
            routers=routers,
        )
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
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
        log.info(
            "serving", extra={"host": host, "port": port, "policy": service.default, "source": live.name}
        )
        # uvicorn ends in order, then raises the signal once more.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        gc.freeze()  # what has been made so far stays: looking through it again and again would make callers wait
        _server(config, service, drain).run()
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
    follower = Follower(source)
    follower.start()
    try:
        yield follower, source
    finally:
        follower.stop()


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


def _token(token_file: Path | None, no_token: bool, *, safe: bool) -> SecretStr | None:
    from pydantic import SecretStr

    from hal.server.settings import new_token

    if no_token:
        if not safe:
            raise HalError(
                "--no-token: anybody could call; give a token, client certificates, or listen on loopback"
            )
        return None
    given = token_file.read_text().strip() if token_file else os.environ.get(_TOKEN, "")
    if token_file and not given:
        raise HalError(f"{token_file}: holds no token")
    token = SecretStr(given) if given else new_token()
    if not given:
        # To the terminal and nowhere else: a log would keep it.
        typer.echo(f"token: {token.get_secret_value()}", err=True)
    return token
