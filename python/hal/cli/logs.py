"""Logs of long-running commands: one JSON object a line, or text; never a secret."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import typer

__all__ = ["Format", "JsonLines", "Redact", "configure"]

Format = Annotated[
    Literal["json", "text"], typer.Option("--log-format", help="One JSON object a line, or text.")
]

#: Attributes that every record has: the others were given as ``extra``.
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
#: Tokens as they look in headers, URLs and JSON; what follows the name is replaced.
_SECRET: Final = re.compile(
    r"(?i)(\b(?:bearer|basic)\s+|\b(?:token|password|passwd|secret|authorization|api[-_]?key|jwt)\b[\"']?\s*[=:]\s*[\"']?)"
    r"(?!bearer\b|basic\b)[^\s\"',;&}]+"
)
#: A JSON web token, wherever it stands.
_JWT: Final = re.compile(r"\beyJ[\w-]{4,}\.[\w-]+\.[\w-]*")


class Redact(logging.Filter):
    """Replaces what looks like a secret in the message and in every extra."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean the record; always lets it pass."""
        record.msg, record.args = record.getMessage(), None
        texts = {
            key: value for key, value in vars(record).items() if key not in _OWN and isinstance(value, str)
        }
        texts["msg"] = record.msg
        # One look at all of them: most lines have nothing to hide, and are written for every request.
        whole = "\0".join(texts.values())
        if clean(whole) != whole:
            for key, value in texts.items():
                setattr(record, key, clean(value))
        if record.exc_info and not record.exc_text:
            record.exc_text = clean(logging.Formatter().formatException(record.exc_info))
        return True


def clean(text: str) -> str:
    """Return the text without secrets."""
    return _JWT.sub("***", _SECRET.sub(r"\1***", text))


class JsonLines(logging.Formatter):
    """One JSON object a record: time (UTC), level, logger, message, and what was given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _OWN}
        if record.exc_text:
            line["exception"] = record.exc_text
        return json.dumps(line, ensure_ascii=False, default=str)


class Lines(logging.Formatter):
    """A line of text a record, with what was given as ``extra`` behind the message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """Return the line without what an exception adds."""
        told = (f"{key}={_text(value)}" for key, value in vars(record).items() if key not in _OWN)
        return " ".join([super().formatMessage(record), *told])


def _text(value: object) -> str:
    plain = isinstance(value, str) and value and not re.search(r"\s|\"", value)
    return str(value) if plain else json.dumps(value, ensure_ascii=False, default=str)


def configure(style: str) -> None:
    """Send the logs of ``hal`` to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Redact())
    handler.setFormatter(JsonLines() if style == "json" else Lines())
    logger = logging.getLogger("hal")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
