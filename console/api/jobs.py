"""/jobs: sweeps, backfills, replays, comparisons, retries: how far they are; pause, resume, stop."""

from typing import Any

from flask import g
from flask_smorest import Blueprint, abort

from console import job_control, job_views
from console.access import Right
from console.api import filters, schemas
from console.api.filters import query
from console.api.tokens import needs
from console.job_control import NoSuchJob
from console.job_views import JobView
from console.web.site import Console
from core.store import jobs

AT = "/jobs"


def blueprint(console: Console) -> Blueprint:
    """The routes."""
    part = Blueprint("api_jobs", __name__, description="Long work with progress.")

    @part.route("", methods=["GET"])
    @needs(Right.VIEW)
    @query(part, schemas.JobQuery)
    @part.response(200, schemas.Job(many=True))
    def list_jobs(given: dict[str, Any]) -> Any:
        """The newest jobs first; ``before`` pages by the id of the last one seen."""
        instance = filters.instance(console, given["instance"])
        wanted = jobs.Search(
            kind=given["kind"],
            state=given["state"],
            instance_id=instance.id if instance else 0,
            before_id=given["before"],
            limit=given["limit"],
        )
        return [one.to_json() for one in job_views.listed(console.wiring.database, wanted)]

    @part.route("/<int:job_id>", methods=["GET"])
    @needs(Right.VIEW)
    @part.response(200, schemas.Job)
    def show_job(job_id: int) -> Any:
        """One job, with its outcomes as they are now."""
        return _found(console, job_id).to_json()

    @part.route("/<int:job_id>/pause", methods=["POST"])
    @needs(Right.TRIAGE)
    @part.response(200, schemas.Job)
    def pause_job(job_id: int) -> Any:
        """Let it rest. 409 where it does not run, or is a sweep: stop that, the next one finds the same."""
        return _switched(console, job_id, "pause")

    @part.route("/<int:job_id>/resume", methods=["POST"])
    @needs(Right.TRIAGE)
    @part.response(200, schemas.Job)
    def resume_job(job_id: int) -> Any:
        """Let it go on where it was; a comparison begins again. 409 where it is not paused."""
        return _switched(console, job_id, "resume")

    @part.route("/<int:job_id>/stop", methods=["POST"])
    @needs(Right.TRIAGE)
    @part.response(200, schemas.Job)
    def stop_job(job_id: int) -> Any:
        """End it for good; what is queued already is still carried over. 409 where it has ended."""
        return _switched(console, job_id, "stop")

    return part


def _found(console: Console, job_id: int) -> JobView:
    found = job_views.view(console.wiring.database, job_id)
    if found is None:
        raise NoSuchJob(f"there is no job {job_id}")
    return found


def _switched(console: Console, job_id: int, do: str) -> dict[str, Any]:
    """A replay is the operators': those who only triage get 403."""
    if not g.role.may(job_control.right_for(_found(console, job_id).job)):
        abort(403, message="a replay is paused, resumed and stopped by operators")
    job_control.switch(console.wiring, job_id, do, g.caller)
    return _found(console, job_id).to_json()
