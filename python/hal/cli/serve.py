"""``hal serve``: answer over HTTP."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from hal._extras import require
from hal.cli.logs import Format, configure
from hal.errors import HalError

__all__ = ["command"]

log = logging.getLogger("hal.serve")

_TOKEN = "HAL_TOKEN"


def command(
    *,
    cluster: Annotated[Path, typer.Option(help="YAML or JSON with nodes.")],
    policy: Annotated[str, typer.Option(help="What decides when a request names none.")] = "best_fit",
    host: Annotated[
        str, typer.Option(help="Address to listen on; loopback unless you say otherwise.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8420,
    token_file: Annotated[
        Path | None,
        typer.Option(help=f"File with the token that callers send; else ${_TOKEN}, else a new one."),
    ] = None,
    no_token: Annotated[bool, typer.Option("--no-token", help="Let anybody call; loopback only.")] = False,
    rate: Annotated[float, typer.Option(help="Requests a second of one caller.", min=0.001)] = 1000.0,
    certificate: Annotated[Path | None, typer.Option(help="TLS certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key (PEM).")] = None,
    clients: Annotated[
        Path | None, typer.Option(help="Certificates of those who may call (PEM): mutual TLS.")
    ] = None,
    log_format: Format = "json",
) -> None:
    """Serve decisions until SIGTERM or SIGINT; requests that have begun are answered first."""
    import ssl

    from pydantic import SecretStr

    from hal.cluster import Cluster
    from hal.files import format_of, read_nodes

    uvicorn = require("uvicorn", extra="server")
    require("fastapi", extra="server")
    from hal.server import Service, Settings, create_app
    from hal.server.settings import new_token

    configure(log_format)
    token: SecretStr | None = None
    if not no_token:
        given = token_file.read_text().strip() if token_file else os.environ.get(_TOKEN, "")
        if token_file and not given:
            raise HalError(f"{token_file}: holds no token")
        token = SecretStr(given) if given else new_token()
        if not given:
            # To the terminal and nowhere else: a log would keep it.
            typer.echo(f"token: {token.get_secret_value()}", err=True)
    elif host not in ("127.0.0.1", "::1", "localhost") and not clients:
        raise HalError(
            f"host = {host!r} with --no-token: anybody could call; give a token, or client certificates"
        )
    service = Service(Cluster(read_nodes(cluster, format_of(cluster))), policy=policy)
    app = create_app(service, Settings(token=token, rate=rate, burst=max(1, int(2 * rate))))
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ssl_ca_certs=clients,
        ssl_cert_reqs=ssl.CERT_REQUIRED if clients else ssl.CERT_NONE,
    )
    log.info("serving", extra={"host": host, "port": port, "policy": policy, "nodes": len(service.cluster)})
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn ends in order, then raises the signal once more
        signal.signal(number, lambda *_: None)
    uvicorn.Server(config).run()
    log.info("stopped")
