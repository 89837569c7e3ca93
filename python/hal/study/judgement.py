"""What the study shows against each target, as lines of text with figures."""

from __future__ import annotations

from hal.study.protocol import CONTROLLERS, PACK, SPREAD, Study
from hal.study.store import Store

__all__ = ["judge"]


def judge(study: Study, store: Store) -> list[str]:
    """Return a line a target and controller: the figure, and in how many of the workloads it is reached."""
    lines = []
    for controller in CONTROLLERS:
        for metric, label in (("p95_pending_work", "95th percentile"), ("peak_pending_work", "peak")):
            changes = study.changes(store, metric, PACK, controller)
            cut = [-change.mean for change in changes.values()]
            if cut:
                lines.append(
                    f"{controller}: {label} of waiting work against packing: cut by {min(cut):.1%} … {max(cut):.1%}; "
                    f"40 % or more in {sum(c >= 0.4 for c in cut)} of {len(cut)} cases with a queue"
                )
            over = []
            for row in study.rows(store, metric):
                best, mine = row.values[row.best].mean, row.values[controller].mean
                if best > 0:
                    over.append(mine / best - 1)
            if over:
                lines.append(
                    f"{controller}: {label} of waiting work against the best static p: "
                    f"{min(over):+.1%} … {max(over):+.1%}; "
                    f"at most 2 % worse in {sum(c <= 0.02 for c in over)} of {len(over)}"
                )
        sigma = [row.values[controller].mean for row in study.rows(store, "mean_sigma")]
        lines.append(
            f"{controller}: σ {min(sigma):.3f} … {max(sigma):.3f}; 0.9 or more in {sum(s >= 0.9 for s in sigma)} "
            f"of {len(sigma)}"
        )
        settled = [
            row.values[controller].mean
            for row in study.rows(store, "p_deviation")
            if row.workload == "poisson"
        ]
        lines.append(
            f"{controller}: standard deviation of p on Poisson load: at most {max(settled, default=0):.3f}"
        )
        lines.append(f"{controller}: follows a step of the load within {study.follows(store)[controller]} s")
        saved = study.changes(store, "energy_per_job", SPREAD, controller)
        waits = study.changes(store, "mean_wait", SPREAD, controller)
        for group, change in saved.items():
            if group[2] == 0.6:
                wait = waits.get(group)
                lines.append(
                    f"{controller}: energy a job against spreading, {group[1]} at 60 %, {group[0]}: {change.mean:+.1%}"
                    + (f" (wait {wait.mean:+.0%})" if wait else "")
                )
    return lines
