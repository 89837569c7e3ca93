"""Model files with versions and checksums, and the way back to the last good one."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from hal.errors import InvalidModel
from hal.predict.model import Model

__all__ = ["ModelStore"]


class ModelStore:
    """A folder of models: ``v000001.onnx``, … and a manifest with their checksums.

    Every file is written beside and renamed, the manifest last, so that a crash leaves the store as it was.
    One process writes; any number read.

    Parameters
    ----------
    folder : path-like
        Made when missing.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)

    @property
    def versions(self) -> tuple[int, ...]:
        """Versions that were saved, ascending."""
        return tuple(sorted(int(version) for version in self._manifest()["sha256"]))

    @property
    def current(self) -> int | None:
        """The version in use."""
        version: int | None = self._manifest()["current"]
        return version

    def save(self, model: Model) -> int:
        """Write a model as a new version, make it the current one and return its number."""
        manifest = self._manifest()
        version = max(self.versions, default=0) + 1
        self._write(self._path(version), model.content)
        manifest["sha256"][str(version)] = hashlib.sha256(model.content).hexdigest()
        manifest["current"] = version
        self._write(self._folder / "manifest.json", json.dumps(manifest, indent=1).encode())
        return version

    def load(self, version: int | None = None) -> Model:
        """Read a version, the current one by default.

        Raises
        ------
        InvalidModel
            There is none, its checksum is not the manifest's, or it cannot be read.
        """
        version = self.current if version is None else version
        expected = self._manifest()["sha256"].get(str(version))
        if version is None or expected is None:
            raise InvalidModel(f"model store: {str(self._folder)!r} has no version {version}")
        try:
            content = self._path(version).read_bytes()
        except OSError as error:
            raise InvalidModel(f"model store: version {version}: {error}") from None
        if hashlib.sha256(content).hexdigest() != expected:
            raise InvalidModel(
                f"model store: version {version} is not what was saved; roll back or train anew"
            )
        return Model(content)

    def rollback(self) -> int:
        """Make the newest readable version before the current one current, and return its number.

        Raises
        ------
        InvalidModel
            No earlier version is left that can be read; nothing is changed.
        """
        manifest = self._manifest()
        for version in reversed(self.versions):
            if manifest["current"] is not None and version >= manifest["current"]:
                continue
            try:
                self.load(version)
            except InvalidModel:
                continue
            manifest["current"] = version
            self._write(self._folder / "manifest.json", json.dumps(manifest, indent=1).encode())
            return version
        raise InvalidModel(f"model store: {str(self._folder)!r} has no earlier version to go back to")

    def _path(self, version: int) -> Path:
        return self._folder / f"v{version:06}.onnx"

    def _manifest(self) -> dict[str, Any]:
        path = self._folder / "manifest.json"
        if not path.exists():
            return {"current": None, "sha256": {}}
        try:
            manifest = json.loads(path.read_text())
            if not isinstance(manifest["sha256"], dict) or not {"current"} <= manifest.keys():
                raise ValueError("not a manifest")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidModel(f"model store: cannot read {str(path)!r}: {error}") from None
        return {"current": manifest["current"], "sha256": manifest["sha256"]}

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        beside = path.with_suffix(".part")
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
