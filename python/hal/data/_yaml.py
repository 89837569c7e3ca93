"""YAML text or files to plain lists of mappings, with errors that name the place."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from hal._doors import path_of
from hal._extras import require
from hal.errors import InvalidModel

_SECTIONS = {"caches", "contents"}


def read_section(source: str | PathLike[str], section: str) -> Any:
    """Read one section of a document; a text with a line break is YAML itself, else it is a path."""
    yaml = require("yaml", extra="yaml")
    if isinstance(source, str) and "\n" in source:
        where, text = "yaml", source
    else:
        where = str(path_of(source, "source"))
        try:
            text = Path(source).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidModel(f"{where}: cannot be read: {error}") from None
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidModel(f"{where}: not YAML: {error}") from None
    if not isinstance(document, Mapping):
        raise InvalidModel(f"{where}: must be a mapping with the sections {sorted(_SECTIONS)}")
    unknown = sorted(str(key) for key in document if key not in _SECTIONS)
    if unknown:
        raise InvalidModel(f"{where}: unknown section '{unknown[0]}'; known are {sorted(_SECTIONS)}")
    if section not in document:
        raise InvalidModel(f"{where}: has no section '{section}'")
    return document[section]
