"""Heuristic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hal._show import show
from hal.control._checks import memory_of, number
from hal.control.contract import CONTRACT, Advice, Reading
from hal.control.measures import measure_of
from hal.control.outlook import Outlook
from hal.errors import InvalidModel

__all__ = ["RULES", "Heuristic", "Rule"]

_OUTLOOK: Final = "outlook"


@dataclass(frozen=True)
class Rule:
    """A threshold with hysteresis.

    Parameters
    ----------
    name : str
        Shown when it fires.
    signal : str
        A name of `MEASURES`, or ``"outlook"``: the utilisation minutes ahead, see `Outlook`.
    on, off : float
        It fires from ``on`` and until ``off``: above when ``on`` is above ``off``, below when it is below.
    p : float
        Advised while it fires, 0 … 1.

    Raises
    ------
    InvalidModel
        An unknown signal, or ``on`` equals ``off``.
    """

    name: str
    signal: str
    on: float
    off: float
    p: float

    def __post_init__(self) -> None:
        if self.signal != _OUTLOOK:
            measure_of(self.signal)
        number("p", self.p, 0, 1)
        if number("on", self.on, -1e9, 1e9) == number("off", self.off, -1e9, 1e9):
            raise InvalidModel(f"off = {self.off!r}: must differ from on, or the rule would flicker")

    def holds(self, value: float, fired: bool) -> bool:
        """Whether it fires at this value, having fired before or not."""
        edge = self.off if fired else self.on
        return value >= edge if self.on > self.off else value <= edge


#: Blocked: room lies idle in pieces although work waits; pack, so that large tasks find theirs. Backlog: work waits,
#: and nothing is to slow down what makes room; spread. Filling: spread before the nodes are full.
RULES: Final = (
    Rule("blocked", "blocking", on=0.01, off=0.002, p=0.0),
    Rule("backlog", "pending_work", on=0.02, off=0.005, p=1.0),
    Rule("filling", _OUTLOOK, on=0.95, off=0.75, p=1.0),
)


class Heuristic:
    """The first rule that fires says p; else the rest value does.

    Parameters
    ----------
    rules : iterable of Rule
        In order of precedence.
    outlook : Outlook, optional
        Of rules that go by it. Default: five minutes ahead.
    rest : float
        p while nothing presses, 0 … 1: low saves power, by nodes that may sleep.

    Notes
    -----
    O(rules) a step.

    Examples
    --------
    >>> from types import SimpleNamespace as Reading
    >>> from hal.control import Heuristic
    >>> Heuristic(rest=0.25).observe(Reading(time=0, blocking=0, pending_work=0.3, utilisation=0.9))
    Advice(p=1.0, rule='backlog')
    """

    name: Final = "heuristic"
    contract = CONTRACT

    def __init__(
        self, *, rules: Iterable[Rule] = RULES, rest: float = 0.25, outlook: Outlook | None = None
    ) -> None:
        self._rules = tuple(rules)
        for rule in self._rules:
            if not isinstance(rule, Rule):
                raise InvalidModel(f"rules: {show(rule)} must be a hal.control.Rule")
        self._outlook = outlook or Outlook(ahead=300.0, smoothing=60.0)
        self._measures = tuple(
            None if rule.signal == _OUTLOOK else measure_of(rule.signal) for rule in self._rules
        )
        self._fired = [False] * len(self._rules)
        self._rest = Advice(number("rest", rest, 0, 1), "rest")

    def observe(self, signals: Reading, context: Any = None) -> Advice:
        """Return the advice of the first rule that fires."""
        advice, ahead = self._rest, self._outlook.of(signals)
        for index in range(len(self._rules) - 1, -1, -1):  # all of them: each keeps its own hysteresis
            rule, measure = self._rules[index], self._measures[index]
            fired = rule.holds(ahead if measure is None else measure(signals), self._fired[index])
            self._fired[index] = fired
            if fired:
                advice = Advice(rule.p, rule.name)
        return advice

    def applied(self, p: float) -> None:
        """Nothing to hear."""

    def state(self) -> dict[str, Any]:
        """Return which rules fired last, and the outlook's filters."""
        return {"controller": self.name, "fired": list(self._fired), "outlook": self._outlook.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        memory = memory_of(self.name, state, ("fired", "outlook"))
        fired = memory["fired"]
        if not isinstance(fired, list) or len(fired) != len(self._rules):
            raise InvalidModel(
                f"state of 'heuristic': fired = {show(fired)}: must have {len(self._rules)} entries"
            )
        self._outlook.restore(memory["outlook"])
        self._fired = [bool(entry) for entry in fired]
