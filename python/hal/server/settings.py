"""What a server is told when it starts."""

from __future__ import annotations

import secrets
from typing import Annotated

from pydantic import Field, SecretStr

from hal._validate import settings

__all__ = ["Settings", "new_token"]


def new_token() -> SecretStr:
    """Return a token that nobody can guess."""
    return SecretStr(secrets.token_urlsafe(32))


@settings
class Settings:
    """How a server guards itself.

    Attributes
    ----------
    token : SecretStr or None
        What callers send as ``Authorization: Bearer …``; None: anybody who can reach the port may call.
    trust_loopback : bool
        Callers on this machine, or in this pod, need no token.
    rate, burst : float, int
        Requests a second that one caller may make in the long run, and at once; more are told 429.
    max_body : int
        Bytes; larger requests are told 413.
    max_jobs : int
        Jobs in one request.
    """

    token: SecretStr | None = None
    trust_loopback: bool = False
    rate: Annotated[float, Field(gt=0, le=1e6)] = 1000.0
    burst: Annotated[int, Field(ge=1, le=10**6)] = 2000
    max_body: Annotated[int, Field(ge=1024, le=2**30)] = 8 * 2**20
    max_jobs: Annotated[int, Field(ge=1, le=10**6)] = 10_000
