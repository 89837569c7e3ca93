"""Features of jobs in plain Python, straight from their description: the twin of the core's `JobHistory`."""

from __future__ import annotations

import math


def ln(seconds: float) -> float:
    return math.log(max(1, seconds))


class NaiveHistory:
    """Keeps everything and looks through all of it for every job."""

    def __init__(self) -> None:
        self.jobs: dict[int, dict] = {}
        self.ended: list[int] = []

    def submitted(self, job, now, requested, procs, user):
        past = [self.jobs[i] for i in self.ended if self.jobs[i]["user"] == user]
        run, likeness, weight = self.anchor(past[-24:], requested, procs)
        mine = [j for j in self.jobs.values() if j["user"] == user]
        before = mine[-1] if mine else None
        running = [j["start"] for j in mine if j["state"] == "runs"]
        row = {
            "request": ln(requested),
            "procs": math.log2(procs),
            "hour": now % 86400 / 3600,
            "weekday": now // 86400 % 7,
            "anchor": math.log(run),
            "likeness": likeness,
            "weight": weight,
            "since_submit": math.log1p(now - before["submit"]) if before else -1,
            "repeats": bool(before and (before["requested"], before["procs"]) == (requested, procs)),
            "running": len(running),
            "running_longest": math.log1p(now - running[0]) if running else 0,
            "running_newest": math.log1p(now - running[-1]) if running else 0,
            "waiting": sum(j["state"] == "waits" for j in mine),
        }
        for name, wanted in {
            "user": {},
            "user_request": {"requested": requested},
            "user_request_procs": {"requested": requested, "procs": procs},
            "user_procs": {"procs": procs},
        }.items():
            alike = [j for j in past if all(j[k] == v for k, v in wanted.items())]
            for what, value in self.of_class(alike, math.log(run), ln(requested), now).items():
                row[f"{name}_{what}"] = value
        self.jobs[job] = {
            "submit": now, "requested": requested, "procs": procs, "user": user, "state": "waits",
        }  # fmt: skip
        return row

    def anchor(self, past, requested, procs):
        if not past:
            return max(1, requested), 0, 0
        weights = [
            0.8**age
            * math.exp(-2 * min(1.5, abs(ln(j["requested"]) - ln(requested))))
            * math.exp(-0.7 * min(2, abs(math.log2(j["procs"]) - math.log2(procs))))
            for age, j in enumerate(reversed(past))
        ]
        runs = [min(max(1, j["run"]), max(1, requested)) for j in reversed(past)]
        total = sum(weights)
        scores = [
            sum(w * min(x, y) / max(x, y) for y, w in zip(runs, weights, strict=True)) / total for x in runs
        ]
        return runs[scores.index(max(scores))], max(scores), total

    def of_class(self, alike, anchor, request, now):
        names = ["last", "last_but_one", "median", "mean", "deviation", "least", "greatest"]
        if not alike:
            return dict.fromkeys([*names, "since_end", "count"], 0)
        runs = [ln(j["run"]) for j in alike]
        mean, variance = runs[0], 0.0
        for x in runs[1:]:
            step = x - mean
            mean, variance = mean + 0.2 * step, 0.8 * (variance + 0.2 * step * step)
        recent = runs[-16:]
        values = [
            runs[-1], runs[-2] if len(runs) > 1 else runs[-1], sorted(recent)[len(recent) // 2], mean,
            None, min(recent), max(recent),
        ]  # fmt: skip
        row = {n: None if v is None else min(v, request) - anchor for n, v in zip(names, values, strict=True)}
        row["deviation"] = math.sqrt(variance)
        row["since_end"] = math.log1p(now - alike[-1]["end"])
        row["count"] = math.log1p(len(runs))
        return row

    def started(self, job, now):
        self.jobs[job].update(state="runs", start=now)

    def finished(self, job, now, run):
        self.jobs[job].update(state="ended", end=now, run=run)
        self.ended.append(job)

    def withdrawn(self, job):
        self.jobs[job]["state"] = "withdrawn"
