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
        here = {"requested": requested, "procs": procs, "number": len(mine)}
        here |= self.context(past[-96:], mine, requested, procs, now)
        under_way = [j for j in mine if j["state"] == "runs"][-8:]
        asked = [self.jobs[i] for i in self.ended if self.jobs[i]["requested"] == requested][-64:]
        others = [j for j in asked if j["user"] != user][-16:]
        run, likeness, weight = self.anchor(past[-96:], others, here, under_way, now)
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

    def context(self, past, mine, requested, procs, now):
        same = [j for j in past if (j["requested"], j["procs"]) == (requested, procs)]
        before = same or past
        return {
            "before_alike": ln(before[-1]["run"] if before else requested),
            "since_end": math.log1p(now - past[-1]["end"]) if past else 0,
            "since_submit": math.log1p(now - mine[-1]["submit"]) if mine else 0,
        }

    def anchor(self, past, others, job, under_way, now):
        request = max(1, job["requested"])
        if not past:
            return request, 0, 0

        def alike(j):
            return (j["requested"], j["procs"]) == (job["requested"], job["procs"])

        def outlived(run):
            return sum(1.5 if alike(o) else 0.2 for o in under_way if now - o["start"] > run)

        votes = [(request, math.exp(-4.8))]
        for at, j in enumerate(past):
            ran, limit, age = max(1, j["run"]), max(1, j["requested"]), now - j["end"]
            newer = past[at + 1 :]
            cut_off = ran >= 0.98 * limit
            run = request if cut_off else min(ran, request)
            apart = [
                1.6 * min(2, abs(math.log(limit / request))),
                0.3 * (j["requested"] != job["requested"]),
                0.6 * min(4, abs(math.log2(j["procs"] / job["procs"]))),
                0.4 * math.log1p(sum(map(alike, newer))) if alike(j) else 0.7,
                0.7 * min(1, abs(j["before_alike"] - job["before_alike"])),
                0.2 * min(2, abs(j["since_end"] - job["since_end"])),
                0.1 * min(2, abs(j["since_submit"] - job["since_submit"])),
                1.2 * age / (age + 5000),
                0.3 * math.log1p(len(newer)),
                0.3 * math.log1p(job["number"] - j["number"]),
                -0.5 if cut_off else 1.1 * (ran > request),
            ]
            votes.append((run, math.exp(-sum(apart) - outlived(run))))
        for j in others:
            run = max(1, j["run"])
            run = request if run >= 0.98 * request else run
            apart = 6.0 + 0.6 * min(4, abs(math.log2(j["procs"] / job["procs"])))
            votes.append((run, math.exp(-apart - outlived(run))))
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
