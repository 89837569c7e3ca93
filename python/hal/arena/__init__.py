"""Policies side by side: the same replays, with intervals, paired tests and one page to look at."""

from hal.arena.contest import METRICS, Bout, Metric, contest, report
from hal.arena.page import page
from hal.arena.statistics import holm, interval, wilcoxon
from hal.arena.waiting import waits

__all__ = [
    "METRICS",
    "Bout",
    "Metric",
    "contest",
    "holm",
    "interval",
    "page",
    "report",
    "waits",
    "wilcoxon",
]
