"""Jobs: backfills, sweeps, replays, comparisons, retries. How far, how fast, how long still; pause, resume,
stop."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Response, abort, flash, redirect, render_template, request, stream_with_context, url_for

from console import job_control, job_views
from console.access import Right
from console.activities import word_of
from console.downloads import csv_lines, json_lines
from console.job_views import JobView
from console.times import rfc3339
from console.web.site import Console, Site, role, signed_in
from core.domain.outcomes import Outcome
from core.store import instances, jobs

PAGE = 25
BY_THE_CLOCK = ("sweep",)  # a scheduler begins one every quarter of an hour: not shown until asked for
KINDS = {"": "Asked for", **job_views.PLURALS, "all": "All"}
STATES = {
    "running": "Running",
    "paused": "Paused",
    "done": "Done",
    "stopped": "Stopped",
    "failed": "Failed",
}
COLUMNS = (
    *("id", "kind", "title", "instance", "state", "total", "queued", "ended", "outcomes"),
    *("author", "started_at", "finished_at", "note"),
)


def register(site: Site) -> None:
    """Looking is for everybody, switching for those who may begin such a job."""
    site.route("/jobs", all_jobs, Right.VIEW, endpoint="jobs")
    site.route("/jobs/live", jobs_live, Right.VIEW)
    site.route("/jobs/download", jobs_download, Right.VIEW, ("POST",))
    site.route("/jobs/<int:job_id>", job, Right.VIEW)
    site.route("/jobs/<int:job_id>/live", job_live, Right.VIEW)
    site.route("/jobs/<int:job_id>/switch", switch_job, Right.TRIAGE, ("POST",))


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of the address."""

    kind: str = ""
    state: str = ""
    instance: str = ""

    def query(self, **more: object) -> dict[str, Any]:
        """The filters as an address carries them; ``more`` is added, None takes one away."""
        given = {"kind": self.kind, "state": self.state, "instance": self.instance, **more}
        return {name: value for name, value in given.items() if value}


def all_jobs(console: Console) -> Any:
    """A page of jobs, newest first."""
    with console.wiring.database.reading() as session:
        names = [one.name for one in instances.all_instances(session)]
    return render_template("jobs.html", names=names, kinds=KINDS, states=STATES, **_page(console))


def jobs_live(console: Console) -> Any:
    """What the list fetches again every few seconds."""
    return render_template("jobs_live.html", states=STATES, **_page(console))


def jobs_download(console: Console) -> Any:
    """What the filters show, as a file. Noted in the audit log."""
    wanted = _wanted(request.form)
    form = "jsonl" if request.form.get("do") == "jsonl" else "csv"
    told = [f"{name}: {value}" for name, value in wanted.query().items()] or ["everything"]
    with console.wiring.database.transaction() as session:
        console.audit(session, "jobs.downloaded", form, told)

    def documents() -> Iterator[dict[str, Any]]:
        before = 0
        while True:
            found = _found(console, wanted, before, 500)
            yield from (one.to_json() for one in found)
            if len(found) < 500:
                return
            before = found[-1].job.id

    rows = ([_cell(one[name]) for name in COLUMNS] for one in documents())
    lines = csv_lines(COLUMNS, rows) if form == "csv" else json_lines(documents())
    return Response(
        stream_with_context(line.encode() for line in lines),
        content_type="text/csv; charset=utf-8" if form == "csv" else "application/jsonl",
        headers={"Content-Disposition": f'attachment; filename="jobs-{console.now_ms() // 1000}.{form}"'},
    )


def job(console: Console, job_id: int) -> Any:
    """One job."""
    found = _view(console, job_id)
    return render_template("job.html", **_parts(found))


def job_live(console: Console, job_id: int) -> Any:
    """What the job's page fetches again every few seconds."""
    return render_template("job_live.html", **_parts(_view(console, job_id)))


def switch_job(console: Console, job_id: int) -> Any:
    """Pause, resume or stop it."""
    found, do = _view(console, job_id), request.form.get("do", "")
    if do not in job_control.DONE:
        abort(400)
    if not role().may(job_control.right_for(found.job)):
        abort(403)
    try:
        job_control.switch(console.wiring, job_id, do, signed_in().email)
    except job_control.CannotSwitch as problem:
        flash(f"{str(problem)[:1].upper()}{str(problem)[1:]}.", "error")
    else:
        flash(_SAID[do])
    return redirect(url_for("job", job_id=job_id), 303)


_SAID = {
    "pause": "Paused. What is queued already is still carried over.",
    "resume": "It goes on.",
    "stop": "Stopped. What is queued already is still carried over.",
}


def _page(console: Console) -> dict[str, Any]:
    wanted, before = _wanted(request.args), request.args.get("before", 0, int)
    found = _found(console, wanted, before, PAGE + 1)
    return {
        "wanted": wanted,
        "shown": found[:PAGE],
        "before": before,
        "older_id": found[PAGE - 1].job.id if len(found) > PAGE else 0,
        "words": in_words,
    }


def _found(console: Console, wanted: Wanted, before_id: int, limit: int) -> list[JobView]:
    instance_id = 0
    if wanted.instance:
        with console.wiring.database.reading() as session:
            everything = instances.all_instances(session, deleted=True)
        named = [one.id for one in everything if one.name == wanted.instance]
        if not named:
            return []
        instance_id = max(named)
    search = jobs.Search(
        kind=wanted.kind if wanted.kind in jobs.KINDS else "",
        without=() if wanted.kind else BY_THE_CLOCK,
        state=wanted.state,
        instance_id=instance_id,
        before_id=before_id,
        limit=limit,
    )
    return job_views.listed(console.wiring.database, search)


def _wanted(given: Any) -> Wanted:
    """The filters; what is no kind or state of ours narrows nothing."""
    kind, state = given.get("kind", ""), given.get("state", "")
    instance = given.get("instance", "").strip()[:200]
    return Wanted(kind if kind in KINDS else "", state if state in STATES else "", instance)


def _view(console: Console, job_id: int) -> JobView:
    found = job_views.view(console.wiring.database, job_id)
    if found is None:
        abort(404)
    return found


def _parts(found: JobView) -> dict[str, Any]:
    may_switch = role().may(job_control.right_for(found.job))
    return {
        "one": found,
        "can": found.can if may_switch else (),
        "told": [(name, count, in_words(name), _listed(name)) for name, count in found.outcomes.items()],
        "found": [(state, count, in_words(state)) for state, count in found.found.items()],
        "about": about(found),
    }


def about(found: JobView) -> list[str]:
    """What it was asked to do, beside its title."""
    options, told = found.job.options, []
    if options.get("max_creates"):
        told.append(f"stops before more than {options['max_creates']:,} contacts are created")
    if options.get("max_errors"):
        told.append(f"stops at {options['max_errors']:,} errors")
    if "since_ms" in options and found.job.instance_id:
        told.append(f"what changed since {rfc3339(options['since_ms'])[:16].replace('T', ' ')} UTC")
    if found.job.kind == "reconcile":
        told.append("queues what differs" if options.get("fix") else "only looks, writes nothing")
    return told


def in_words(name: str) -> str:
    """An outcome, or a comparison's state, as people read it."""
    return word_of(name) if name in list(Outcome) else name[:1].upper() + name[1:]


def _listed(name: str) -> bool:
    """Whether All activity can show them."""
    return name in list(Outcome)


def _cell(value: Any) -> Any:
    return ", ".join(f"{count} {name}" for name, count in value.items()) if isinstance(value, dict) else value
