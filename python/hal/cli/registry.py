"""The commands of ``hal``: one line each. A module is imported only when its command is called or listed.

To add a command, write ``python/hal/cli/<name>.py`` with either a function ``command`` (typed for Typer) or a
``typer.Typer`` called ``app``, and add its line. A word before it makes a group: ``"replay openb"``.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["COMMANDS", "DEFAULTS", "GROUPS", "Entry"]


class Entry(NamedTuple):
    """Where a command lives and what to say of it when its module cannot be imported."""

    module: str
    help: str


COMMANDS: Final[dict[str, Entry]] = {
    "bench place": Entry("hal.cli.bench_place", "Measure policies on nodes × shapes; compare runs."),
    "bench gangs": Entry("hal.cli.bench_gangs", "Place large gangs fast; compare small ones with CP-SAT."),
    "bench plans": Entry(
        "hal.cli.bench_plans", "Plan a preemption and a rebalancing; show what they disturb."
    ),
    "bench quotas": Entry(
        "hal.cli.bench_quotas", "Order the jobs of a large tree of queues, and place under quotas."
    ),
    "replay swf": Entry(
        "hal.cli.replay_swf", "Replay a batch log through a queue; check it against known waits."
    ),
    "place": Entry("hal.cli.place", "Place the jobs of a file on the cluster of a file."),
    "explain": Entry("hal.cli.explain", "Say why a job went where it did, or nowhere."),
    "advise": Entry("hal.cli.advise", "Print what hal would do with an orchestrator's jobs."),
    "run": Entry("hal.cli.run", "Place an orchestrator's jobs, again and again."),
    "check": Entry("hal.cli.check", "Try to break policies; show what fails as code to paste."),
    "plugins": Entry("hal.cli.plugins", "List installed plugins, and why some failed to load."),
    "arena": Entry("hal.cli.arena", "Compare policies on the same replays, with intervals and paired tests."),
    "serve": Entry("hal.cli.serve", "Answer over HTTP, for schedulers that are not written in Python."),
    "monitoring": Entry("hal.cli.monitoring", "Print the dashboard and the alert rules of `hal serve`."),
    "policies": Entry("hal.cli.policies", "List the policies and what they assume."),
    "demo": Entry("hal.cli.demo", "Place 10,000 GPU jobs on 1,213 nodes with three policies and compare."),
    "replay openb": Entry(
        "hal.cli.replay_openb", "Replay the OpenB GPU trace and compare with the published tables."
    ),
    "simulate": Entry(
        "hal.cli.simulate", "Simulate a cluster whose p a controller turns; study controllers."
    ),
    "sweep": Entry("hal.cli.sweep", "Run a grid of simulations, here or on a Ray cluster."),
    "topology": Entry("hal.cli.topology", "Look at topologies."),
    "bench queues": Entry("hal.cli.bench_queues", "Replay batch logs fast; show the slowdowns they buy."),
    "reserve": Entry("hal.cli.reserve", "Plan reservations."),
    "bench reserve": Entry("hal.cli.bench_reserve", "Plan a week of reservations; search large profiles."),
    "predict": Entry("hal.cli.predict", "Predict runtimes; compare what predictions buy."),
    "bench locality": Entry("hal.cli.bench_locality", "Measure content events and nearest sources."),
}

GROUPS: Final[dict[str, str]] = {
    "replay": "Replay recorded workloads.",
    "bench": "Measure decisions.",
}

#: What a group does when it is given options and no command: ``hal bench --json`` is ``hal bench place --json``.
DEFAULTS: Final[dict[str, str]] = {"bench": "place"}
