"""``crosswalk backfill``: all existing contacts of a source."""

import time
from typing import TYPE_CHECKING, Any

import click

from console import job_control, starting
from console.cli.actor import actor
from console.cli.failing import Failed
from console.cli.instance_option import find
from console.cli.numbers import NUMBER
from console.cli.output import print_json, print_table, say
from console.cli.progress import Progress
from console.cli.start import Start, start
from core.domain.codes import Code
from core.domain.fields import Platform
from core.domain.instances import Instance
from core.domain.messages import Lane
from core.store import accounts, jobs, processes
from core.store.jobs import Job

if TYPE_CHECKING:
    from core.wiring import Wiring

_LOOK_S = 0.5


@click.command()
@click.argument("instance")
@click.option("--dry-run", is_flag=True, help="Say what it would do to every contact; change nothing.")
@click.option("--wait", is_flag=True, help="Follow it to its end. Exit status 1 if it stops before.")
@click.option("--max-creates", type=NUMBER, metavar="N", help="Never create more than N contacts.")
@click.option("--max-errors", type=NUMBER, metavar="N", help="Stop at N errors.")
@click.option("--status", "what", flag_value="status", help="How the newest one stands.")
@click.option("--pause", "what", flag_value="pause", help="Let the running one rest.")
@click.option("--resume", "what", flag_value="resume", help="Let a paused one go on.")
@click.option("--stop", "what", flag_value="stop", help="End it; what is queued is still carried over.")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout, messages on stderr.")
@start
@click.pass_context
def backfill(
    ctx: click.Context,
    start: Start,
    *,
    instance: str,
    dry_run: bool,
    wait: bool,
    max_creates: int | None,
    max_errors: int | None,
    what: str | None,
    as_json: bool,
) -> None:
    """Carry all existing contacts of INSTANCE's source over, page by page, behind live changes.

    The scheduler does the work and goes on after any restart. Without --wait this returns at once.
    """
    limits = max_creates is not None or max_errors is not None
    if (what and (dry_run or limits)) or (dry_run and limits):
        raise click.UsageError("these options don't go together; see `crosswalk backfill --help`")
    wiring = start.wiring()
    found = find(wiring, instance)
    if dry_run:
        if _dry_run(wiring, found, as_json):
            ctx.exit(1)
        return
    if what:
        job = _switched(wiring, found, what)
    else:
        job = starting.backfill(wiring, found, actor(), max_creates=max_creates, max_errors=max_errors)
        _tell_who_is_missing(wiring, found)
    if wait:
        job = _followed(wiring, found, job)
    document = starting.backfill_document(wiring, found, job)
    if as_json:
        print_json(document)
    else:
        _print(document)
    if wait and job.state != "done":
        ctx.exit(1)


def _newest(wiring: "Wiring", instance: Instance) -> Job:
    with wiring.database.reading() as session:
        job = jobs.latest(session, "backfill", instance.id)
    if job is None:
        raise Failed(f"the instance {instance.name} has had no backfill yet")
    return job


def _switched(wiring: "Wiring", instance: Instance, what: str) -> Job:
    job = _newest(wiring, instance)
    if what == "status":
        return job
    return job_control.switch(wiring, job.id, what, actor())


def _followed(wiring: "Wiring", instance: Instance, job: Job) -> Job:
    from consumers.jobs import backfill as feeding

    try:
        with Progress(f"Backfill of {instance.name}") as tell:
            while job.state in jobs.OPEN:
                counts = feeding.counts_of(wiring, job)
                tell(sum(counts.values()), job.total, job.note or _in_words(counts))
                if job.state == "paused":
                    raise Failed(f"the backfill of {instance.name} is paused: --resume lets it go on")
                time.sleep(_LOOK_S)
                with wiring.database.reading() as session:
                    job = jobs.get(session, job.id) or job
    except KeyboardInterrupt:
        say("It goes on without you: --status --wait follows it again, --stop ends it.")
        raise
    return job


def _tell_who_is_missing(wiring: "Wiring", instance: Instance) -> None:
    with wiring.database.reading() as session:
        roles = {one.role for one in processes.running(session, wiring.clock())}
        held = [one for one in accounts.held(session) if one.account in (instance.hubspot, instance.mainstay)]
    if "scheduler" not in roles:
        say("No scheduler runs: it begins once one does (`crosswalk schedule`).")
    if Lane(instance.direction) not in roles:
        say(f"No {instance.direction} consumer runs: `crosswalk consume {instance.direction}`.")
    for hold in held:
        say(f"{hold.account.platform.title} account {hold.account.name} is held ({hold.code}): it waits.")


def _print(document: dict[str, Any]) -> None:
    total = f" of about {document['total']:,}" if document["total"] else ""
    note = f" ({document['note']})" if document["note"] else ""
    click.echo(f"Backfill {document['job']} of {document['instance']}: {document['state']}{note}.")
    click.echo(f"Queued: {document['queued']:,}{total} contacts.")
    if document["outcomes"]:
        click.echo(f"So far: {_in_words(document['outcomes'])}.")


def _in_words(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items(), key=lambda one: -one[1]))


def _dry_run(wiring: "Wiring", instance: Instance, as_json: bool) -> int:
    """How many contacts could not be looked at, because a platform gave no answer."""
    from consumers.jobs.forecast import forecast

    with Progress(f"Looking at the contacts of {instance.source.name}") as tell:
        found = forecast(wiring, instance, tell)
    if found.warning:
        say(f"WARNING: {found.warning}.")
    unknown = sum(count for code, count in found.codes.items() if Code(code).of_platform)
    if unknown:
        say(f"{unknown:,} could not be looked at. Try again; `crosswalk accounts test` tells when.")
    if as_json:
        print_json(starting.forecast_document(instance, found))
        return unknown
    click.echo(f"{found.contacts:,} contacts of {instance.source.platform.title}. A backfill would:")
    print_table(("", "Contacts"), ((name, f"{count:,}") for name, count in found.would.items()), "")
    if found.codes:
        click.echo()
        print_table(("Code", "Contacts"), ((code, f"{count:,}") for code, count in found.codes.items()), "")
    click.echo()
    print_table(
        ("For example", "Contact", "In the target", "Why"),
        (
            (verdict, one.contact, one.target, f"{one.code}: {one.why}" if one.code else one.why)
            for verdict, shown in found.examples.items()
            for one in shown
        ),
        "There are no contacts.",
    )
    click.echo()
    click.echo(
        "Calls used: " + ", ".join(f"{Platform(name).title} {count:,}" for name, count in found.calls.items())
    )
    return unknown
