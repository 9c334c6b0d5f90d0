"""Jobs as people see them: how far, how fast, how long still, and how what they queued ended.

One shape for the pages, the command line and the JSON API.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from console.times import rfc3339
from core.store import instances, jobs, outcomes
from core.store.database import Database
from core.store.jobs import Job

TITLES = {
    "backfill": "Backfill",
    "replay": "Replay",
    "reconcile": "Comparison",
    "sweep": "Sweep",
    "sweep-since": "Sweep",
    "retry": "Retry",
}
PLURALS = {
    "backfill": "Backfills",
    "replay": "Replays",
    "retry": "Retries",
    "reconcile": "Comparisons",
    "sweep-since": "Sweeps",
    "sweep": "Sweeps by the clock",
}
_COUNTED_LIVE = 100_000  # messages at once: beyond, what the job itself has noted is shown


@dataclass(frozen=True, slots=True)
class JobView:
    """``outcomes``: how its messages ended. ``found``: a comparison's contacts by state. ``ended``: how many
    of ``job.total`` are through. ``left_s``: about how long it still takes, None where nobody can tell."""

    job: Job
    instance: str
    outcomes: Mapping[str, int]
    found: Mapping[str, int]
    ended: int
    left_s: float | None

    @property
    def title(self) -> str:
        """What it is, of whom."""
        fixing = " and mending" if self.job.options.get("fix") else ""
        what = TITLES.get(self.job.kind, self.job.kind) + fixing
        if self.job.kind == "retry":
            what = f"{what} of {self.job.options.get('code', 'problems')}"
            return f"{what} in {self.instance}" if self.instance else what
        return f"{what} of {self.instance}" if self.instance else f"{what} of {_scope(self.job)}"

    @property
    def percent(self) -> int | None:
        """0 to 100; None where the end is not known."""
        if self.job.state == "done":
            return 100
        return min(99, self.ended * 100 // self.job.total) if self.job.total else None

    @property
    def can(self) -> tuple[str, ...]:
        """What may be done with it: pause, resume, stop."""
        return possible(self.job)

    def to_json(self) -> dict[str, Any]:
        """As the API and ``--json`` tell it."""
        job = self.job
        return {
            "id": job.id,
            "kind": job.kind,
            "title": self.title,
            "instance_id": job.instance_id,
            "instance": self.instance or None,
            "state": job.state,
            "total": job.total,
            "queued": job.queued,
            "ended": self.ended,
            "outcomes": dict(self.outcomes),
            "found": dict(self.found),
            "per_minute": job.per_minute if job.state == "running" else None,
            "seconds_left": round(self.left_s) if self.left_s is not None else None,
            "note": job.note,
            "author": job.author,
            "started_at": rfc3339(job.started_at_ms),
            "finished_at": rfc3339(job.finished_at_ms) if job.finished_at_ms else None,
        }


def possible(job: Job) -> tuple[str, ...]:
    """What may be done with a job as it stands: pause, resume, stop."""
    if job.state == "running":
        return ("pause", "stop") if job.kind in jobs.RESUMED else ("stop",)
    return ("resume", "stop") if job.state == "paused" else ()


def listed(database: Database, wanted: jobs.Search) -> list[JobView]:
    """Jobs, newest first. What they have noted themselves counts; those that follow nothing to its end
    (sweeps by the clock, replays by hand) are counted now."""
    with database.reading() as session:
        found = jobs.search(session, wanted)
        names = {one.id: one.name for one in instances.all_instances(session, deleted=True)}
        counted = _counted(session, [one for one in found if sum(one.counts.values()) < one.queued])
    return [_view(job, names, counted.get(job.id, job.counts)) for job in found]


def view(database: Database, job_id: int) -> JobView | None:
    """One job with its outcomes as they are now, None if there is none."""
    with database.reading() as session:
        job = jobs.get(session, job_id)
        if job is None:
            return None
        names = {one.id: one.name for one in instances.all_instances(session, deleted=True)}
        counted = _counted(session, [job])
    return _view(job, names, counted.get(job.id, job.counts))


def _counted(session: Session, found: Iterable[Job]) -> dict[int, Mapping[str, int]]:
    """How their messages ended so far, for as many of the jobs as can be counted at once."""
    room, chosen = _COUNTED_LIVE, []
    for job in found:
        room -= job.queued
        if room >= 0:
            chosen.append(job)
    live = outcomes.counts_of_jobs(session, {one.id: one.started_at_ms for one in chosen})
    return {one.id: _ended(one, live[one.id]) for one in chosen}


def _ended(job: Job, live: Mapping[str, int]) -> Mapping[str, int]:
    noted = {} if job.kind == "reconcile" else job.counts
    skipped = {name: count for name, count in noted.items() if name.startswith("skipped")}
    counted = {**live, **skipped}
    # Outcomes are kept for a month, jobs for three: what was noted outlives them.
    return counted if sum(counted.values()) >= sum(noted.values()) else noted


def _view(job: Job, names: Mapping[int, str], counted: Mapping[str, int]) -> JobView:
    comparing = job.kind == "reconcile"
    ended = sum((job.counts if comparing else counted).values())
    left_s = None
    if job.state == "running" and job.total and job.per_minute:
        left_s = max(0, job.total - ended) * 60 / job.per_minute
    return JobView(
        job=job,
        instance=names.get(job.instance_id, ""),
        outcomes={} if comparing and counted == job.counts else counted,
        found=job.counts if comparing else {},
        ended=ended,
        left_s=left_s,
    )


def _scope(job: Job) -> str:
    """What a job that belongs to no instance is about."""
    parts = [str(job.options[name]) for name in ("code", "instance", "direction") if job.options.get(name)]
    ids = job.options.get("ids")
    if ids:
        return f"dead letter {ids[0]}" if len(ids) == 1 else f"{len(ids)} dead letters"
    return f"dead letters ({', '.join(parts)})" if parts else "all dead letters"
