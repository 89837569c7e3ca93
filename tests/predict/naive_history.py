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
        mine = [j for j in self.jobs.values() if j["user"] == user]
        here = {"requested": requested, "procs": procs, **self.context(past[-96:], requested, procs)}
        under_way = [j for j in mine if j["state"] == "runs"][-8:]
        run, likeness, weight = self.anchor(past[-96:], here, under_way, now)
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
            **here, "submit": now, "user": user, "state": "waits",
        }  # fmt: skip
        return row

    def context(self, past, requested, procs):
        same = [j for j in past if (j["requested"], j["procs"]) == (requested, procs)]
        last = ln(past[-1]["run"] if past else requested)
        return {"before": last, "before_alike": ln(same[-1]["run"]) if same else last}

    def anchor(self, past, job, under_way, now):
        request = max(1, job["requested"])
        if not past:
            return request, 0, 0
        votes = [(request, 0.01)]
        for rank, j in enumerate(reversed(past)):
            run = min(max(1, j["run"]), request)
            if max(1, j["run"]) >= 0.98 * max(1, j["requested"]):
                run = request
            age = now - j["end"]
            apart = [
                2 * min(2, abs(ln(j["requested"]) - ln(request))),
                0.5 * (j["requested"] != job["requested"]),
                1.5 * min(2, abs(math.log2(j["procs"] / job["procs"]))),
                0.3 * min(1, abs(j["before"] - job["before"])),
                0.4 * min(1, abs(j["before_alike"] - job["before_alike"])),
                1.5 * age / (age + 5000) + age / (age + 1e6),
            ]
            for other in under_way:
                alike = all(other[key] == job[key] for key in ("requested", "procs"))
                apart.append((now - other["start"] > run) * (2 if alike else 0.5))
            votes.append((run, max(0.9**rank, 0.12) * math.exp(-sum(apart))))
        best, most = None, 0.0
        for x, _ in sorted(votes):
            score = sum(w * math.sqrt(min(x, y) / max(x, y)) for y, w in votes)
            if score > most * (1 + 1e-9):
                best, most = x, score
        total = sum(w for _, w in votes)
        return best, most / total, total

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
