"""Checks JSON against the field names of Nomad's public Go API package."""

from __future__ import annotations

import re
from typing import Any

#: Fields that real servers send and the structs of the Go package lack, as seen in the captures.
EXTRA = {
    "AllocatedResources": {"TaskLifecycles"},
    "Allocation": {"JobVersion", "SharedResources"},
    "Event": {"Namespace"},
}


class Schema:
    """Names of the fields of each struct, with their types as Go spells them."""

    def __init__(self, structs: dict[str, dict[str, str]]) -> None:
        self.structs = structs

    def fields(self, struct: str) -> dict[str, str]:
        """Fields of a struct, those of embedded ones included."""
        found: dict[str, str] = {}
        for name, kind in self.structs[struct].items():
            if name.startswith("<embed>"):
                found |= self.fields(name.split()[1]) if name.split()[1] in self.structs else {}
            else:
                found[name] = kind
        return found

    def unknown(self, kind: str, value: Any, path: str = "") -> list[str]:
        """Return what is not in the API, each with its path."""
        kind = kind.lstrip("*")
        if value is None:
            return []
        if kind.startswith("[]") and isinstance(value, list):
            return [
                bad for i, item in enumerate(value) for bad in self.unknown(kind[2:], item, f"{path}[{i}]")
            ]
        found = re.fullmatch(r"map\[string\](.+)", kind)
        if found and isinstance(value, dict):
            return [
                bad for key, item in value.items() for bad in self.unknown(found[1], item, f"{path}[{key}]")
            ]
        if kind not in self.structs:
            return self._plain(kind, value, path)
        if not isinstance(value, dict):
            return [f"{path}: {value!r:.50} is no {kind}"]
        fields = self.fields(kind)
        bad = [
            f"{path}.{key}: not in {kind}"
            for key in value
            if key not in fields and key not in EXTRA.get(kind, ())
        ]
        return bad + [
            b
            for key in value
            if key in fields
            for b in self.unknown(fields[key], value[key], f"{path}.{key}")
        ]

    def _plain(self, kind: str, value: Any, path: str) -> list[str]:
        wanted = {"string": str, "bool": bool}.get(kind, int if re.fullmatch(r"u?int\d*", kind) else object)
        wrong = not isinstance(value, wanted) or (wanted is int and isinstance(value, bool))
        return [f"{path}: {value!r:.50} is no {kind}"] if wrong else []
