"""Talking to Slurm through its command line: few calls, no shell, a time limit on each."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from hal.adapters.slurm import text
from hal.adapters.slurm.from_json import job_from_json, node_from_json, reservation_from_json
from hal.adapters.slurm.records import JobRecord, NodeRecord, Reservation

import hal

__all__ = ["Client", "environment", "rows_of"]

T = TypeVar("T")

#: Parser of ``--json`` by release, so that an upgrade of Slurm does not change what is read under our feet.
_PARSERS: Final = (((25, 5), "v0.0.42"), ((24, 11), "v0.0.42"), ((24, 5), "v0.0.41"), ((23, 11), "v0.0.40"))
#: The first release whose scontrol speaks JSON, and the first whose squeue and sinfo do.
_SCONTROL_JSON, _SQUEUE_JSON = (23, 2), (21, 8)
#: Environment that is passed on: nothing else is Slurm's business.
_KEPT: Final = ("PATH", "HOME", "LANG", "TZ", "SLURM_CONF", "SLURM_JWT", "LD_LIBRARY_PATH")


def environment(conf: str) -> dict[str, str]:
    """Return what Slurm's commands get to see of the environment.

    Raises
    ------
    AdapterError
        There is no such slurm.conf: the commands would look for one elsewhere, for half a minute.
    """
    if conf and not os.access(conf, os.R_OK):
        raise hal.AdapterError(f"conf = {conf!r}: cannot be read")
    kept = {key: os.environ[key] for key in _KEPT if key in os.environ}
    return kept | {"SLURM_CONF": conf} if conf else kept


def rows_of(printed: str | bytes, who: str, key: str, read: Callable[[Mapping[str, Any]], T]) -> list[T]:
    """Return the rows under a key of an answer in JSON.

    Raises
    ------
    AdapterError
        It is cut short, says that there were errors, or a row is not as expected.
    """
    try:
        answer = json.loads(printed)
        errors = answer.get("errors") or []
        rows = answer[key]
        if errors or not isinstance(rows, list):
            raise hal.AdapterError(
                f"{who}: {str(errors)[:200]}; scontrol ping tells whether slurmctld answers"
            )
        return [read(row) for row in rows]
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise hal.AdapterError(f"{who}: no JSON of {key} ({error!r:.100})") from error


class Client:
    """Slurm's command line.

    Parameters
    ----------
    conf : str
        Path of slurm.conf; empty: where Slurm itself looks.
    timeout : float
        Seconds for one command.
    form : {"auto", "json", "text"}
        What to read; auto: JSON where the release has it.

    Raises
    ------
    AdapterError
        A command is not there, fails, takes too long, or answers nonsense.
    """

    def __init__(self, *, conf: str = "", timeout: float = 20.0, form: str = "auto") -> None:
        if form not in ("auto", "json", "text"):
            raise hal.AdapterError(f"form = {form!r}: must be auto, json, text or rest")
        self.timeout = float(timeout)
        self._environment = environment(conf)
        self.calls = 0
        release = re.search(r"(\d+)\.(\d+)", self.run(["sinfo", "--version"]))
        if release is None:
            raise hal.AdapterError("sinfo --version: names no release")
        self.release = int(release[1]), int(release[2])
        self.json = form == "json" or (form == "auto" and self.release >= _SQUEUE_JSON)
        parser = next((name for since, name in _PARSERS if self.release >= since), "")
        self._json = f"--json={parser}" if parser else "--json"

    # ---- reading -------------------------------------------------------------------------------------

    def nodes(self) -> list[NodeRecord]:
        """Every node."""
        if self.json and self.release >= _SCONTROL_JSON:
            return self._rows(["scontrol", "show", "node", self._json], "nodes", node_from_json)
        if self.json:
            return self._rows(["sinfo", "--all", self._json], "nodes", node_from_json)
        return [text.node_from_text(line) for line in self._lines("node")]

    def jobs(self) -> list[JobRecord]:
        """Every job that Slurm still knows, ended ones included; of a pending array its parent."""
        if self.json:
            command = ["squeue", "--all", "--states=all", self._json]
            return self._rows(command, "jobs", job_from_json)
        return [text.job_from_text(line) for line in self._lines("job", "--details")]

    def reservations(self) -> list[Reservation]:
        """Every reservation that has not ended."""
        if self.json and self.release >= _SCONTROL_JSON:
            command = ["scontrol", "show", "reservation", self._json]
            return self._rows(command, "reservations", reservation_from_json)
        return [text.reservation_from_text(line) for line in self._lines("reservation")]

    def licences(self) -> dict[str, int]:
        """How many of each licence are free; there is no JSON of it in releases before 23.02."""
        return dict(text.licences_from_text(line) for line in self._lines("licenses"))

    def topology(self) -> str:
        """What ``scontrol show topology`` prints; there is no JSON of it in any release."""
        try:
            return self.run(["scontrol", "--oneliner", "show", "topology"])
        except hal.AdapterError:
            return ""  # a flat network is an error to scontrol

    @functools.cached_property
    def multifactor(self) -> bool:
        """Whether priorities are made of several factors, the site's among them."""
        return "priority/multifactor" in self._config

    @functools.cached_property
    def cores(self) -> bool:
        """Whether jobs are given whole cores."""
        return re.search(r"SelectTypeParameters\s*=.*CR_(CORE|SOCKET)", self._config) is not None

    @functools.cached_property
    def _config(self) -> str:
        return self.run(["scontrol", "show", "config"])

    # ---- changing ------------------------------------------------------------------------------------

    def batch(self, commands: Sequence[str]) -> str:
        """Give many commands to one ``scontrol``, in order; what failed is seen by reading again.

        Returns
        -------
        str
            What it said, for logs.
        """
        if any("\n" in command or "\0" in command for command in commands):
            raise hal.AdapterError("a command for scontrol holds a line break")
        return self.run(
            ["scontrol"], stdin="".join(f"{command}\n" for command in (*commands, "quit")), check=False
        )

    def run(self, command: Sequence[str], *, stdin: str = "", check: bool = True) -> str:
        """Run one command and return what it printed."""
        self.calls += 1
        try:
            done = subprocess.run(
                list(command),
                input=stdin,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self.timeout,
                env=self._environment,
                check=False,
                process_group=0,  # Ctrl-C in a terminal is for hal, which lets a command end that has begun
            )
        except FileNotFoundError as error:
            raise hal.AdapterError(f"{command[0]}: is not installed, or not in PATH") from error
        except subprocess.TimeoutExpired as error:
            raise hal.AdapterError(f"{' '.join(command[:3])}: no answer within {self.timeout:g} s") from error
        if check and done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise hal.AdapterError(
                f"{' '.join(command[:3])}: {said[-1] if said else f'exit {done.returncode}'}"
            )
        return done.stdout if check else done.stdout + done.stderr

    def _rows(self, command: Sequence[str], key: str, read: Callable[[Mapping[str, Any]], T]) -> list[T]:
        return rows_of(self.run(command), " ".join(command[:2]), key, read)

    def _lines(self, what: str, *options: str) -> list[str]:
        printed = self.run(["scontrol", "--oneliner", *options, "show", what])
        return [line for line in printed.splitlines() if "=" in line]
