"""``crosswalk jobs``: backfills, replays, comparisons, retries and sweeps. Look, pause, resume, stop."""

from typing import TYPE_CHECKING

import click

from console import job_control, job_views
from console.cli.actor import actor
from console.cli.instance_option import find
from console.cli.numbers import NUMBER
from console.cli.output import print_json, print_table, say
from console.cli.start import Start, start
from console.job_control import NoSuchJob
from console.job_views import JobView
from console.times import short
from core.store import jobs as store

if TYPE_CHECKING:
    from core.wiring import Wiring

JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout, messages on stderr.")
_ID = click.argument("job", metavar="ID", type=NUMBER)


@click.group()
def jobs() -> None:
    """Long work with progress: list, show, pause, resume, stop. It goes on after any restart."""


@jobs.command(name="list")
@click.option("--kind", type=click.Choice(store.KINDS), default=None, help="Only this kind.")
@click.option("--state", type=click.Choice(store.STATES), default=None, help="Only in this state.")
@click.option("--instance", default="", metavar="NAME", help="Only this instance.")
@click.option("--limit", type=NUMBER, default=50, show_default=True, help="At most so many.")
@JSON
@start
def list_(
    start: Start, *, kind: str | None, state: str | None, instance: str, limit: int, as_json: bool
) -> None:
    """The jobs, newest first."""
    wiring = start.wiring()
    wanted = store.Search(
        kind=kind or "",
        state=state or "",
        instance_id=find(wiring, instance).id if instance else 0,
        limit=limit,
    )
    found = job_views.listed(wiring.database, wanted)
    if as_json:
        print_json([one.to_json() for one in found])
        return
    print_table(
        ("Id", "Job", "State", "Queued", "Done", "Of", "Per minute", "Started (UTC)", "By", "Note"),
        (
            (
                one.job.id,
                one.title,
                one.job.state,
                one.job.queued,
                one.ended,
                one.job.total,
                one.to_json()["per_minute"],
                short(one.job.started_at_ms),
                one.job.author,
                one.job.note,
            )
            for one in found
        ),
        "There are no such jobs.",
    )


@jobs.command()
@_ID
@JSON
@start
def show(start: Start, job: int, as_json: bool) -> None:
    """How far a job is, how fast, how long still, and how what it queued ended."""
    _print(_found(start.wiring(), job), as_json)


@jobs.command()
@_ID
@JSON
@start
def pause(start: Start, job: int, as_json: bool) -> None:
    """Let a running job rest; what is queued is still carried over."""
    _switch(start, job, "pause", as_json)


@jobs.command()
@_ID
@JSON
@start
def resume(start: Start, job: int, as_json: bool) -> None:
    """Let a paused job go on where it was; a comparison begins again."""
    _switch(start, job, "resume", as_json)


@jobs.command()
@_ID
@JSON
@start
def stop(start: Start, job: int, as_json: bool) -> None:
    """End a job for good; what is queued is still carried over."""
    _switch(start, job, "stop", as_json)


def _switch(start: Start, job: int, do: str, as_json: bool) -> None:
    wiring = start.wiring()
    job_control.switch(wiring, job, do, actor())
    say(f"Job {job} is {job_control.DONE[do]}.")
    _print(_found(wiring, job), as_json)


def _found(wiring: "Wiring", job: int) -> JobView:
    found = job_views.view(wiring.database, job)
    if found is None:
        raise NoSuchJob(f"there is no job {job}; see `crosswalk jobs list`")
    return found


def _print(found: JobView, as_json: bool) -> None:
    told = found.to_json()
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        if isinstance(value, dict):
            value = ", ".join(f"{count:,} {ending}" for ending, count in value.items())
        click.echo(f"{name + ':':<14} {'' if value is None else value}".rstrip())
