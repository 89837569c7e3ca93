"""Reading logs: plain or gzip-compressed, with errors that name the file."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from hal.errors import InvalidModel

__all__ = ["read_bytes", "stem"]

_GZIP_MAGIC = b"\x1f\x8b"


def read_bytes(path: Path) -> bytes:
    """Return the content of ``path``, decompressed when it starts as gzip does, whatever its name."""
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP_MAGIC) else content
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidModel(f"log: cannot read {str(path)!r}: {error}") from None


def stem(path: Path) -> str:
    """Return the name of a log without ``.gz`` and the ending before it."""
    return Path(path.name.removesuffix(".gz")).stem
