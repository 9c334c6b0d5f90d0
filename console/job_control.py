"""Pausing, resuming and stopping a job, from a page, a command or the API; each stands in the audit log."""

from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from console import job_views
from console.access import Right
from core.store import audit, jobs
from core.store.jobs import Job

if TYPE_CHECKING:
    from core.wiring import Wiring

DONE = {"pause": "paused", "resume": "resumed", "stop": "stopped"}


class NoSuchJob(Exception):
    """There is no job of that number."""


class CannotSwitch(Exception):
    """The job can't be paused, resumed or stopped as it stands. The text says how it stands."""


def right_for(job: Job) -> Right:
    """Whoever may begin such a job may pause, resume and stop it; operators may with every one."""
    return Right.OPERATE if job.kind == "replay" else Right.TRIAGE


def switch(wiring: "Wiring", job_id: int, do: str, who: str) -> Job:
    """Pause, resume or stop (``do``) a job; as it stands then. NoSuchJob, CannotSwitch."""
    now_ms = wiring.clock()
    with wiring.database.transaction() as session:
        job = jobs.get(session, job_id)
        if job is None:
            raise NoSuchJob(f"there is no job {job_id}")
        if do not in job_views.possible(job) or not _done(session, job_id, do, who, now_ms):
            raise CannotSwitch(f"job {job_id} is {job.state}, so it can't be {DONE[do]}")
        audit.record(session, now_ms, who, f"job.{DONE[do]}", f"job {job_id}", [job.kind])
        return jobs.get(session, job_id) or job


def _done(session: Session, job_id: int, do: str, who: str, now_ms: int) -> bool:
    if do == "pause":
        return jobs.pause(session, job_id)
    if do == "resume":
        return jobs.resume(session, job_id)
    return jobs.finish(session, job_id, "stopped", now_ms, f"stopped by {who or 'somebody'}")
