"""One contact: what a sync would do, doing it, and what happened so far."""

from typing import TYPE_CHECKING, Any

import click

from console import starting
from console.cli.actor import actor
from console.cli.contact_option import CONTACT
from console.cli.failing import Failed
from console.cli.instance_option import find
from console.cli.numbers import NUMBER
from console.cli.output import print_json, print_table
from console.cli.start import Start, start
from console.cli.timeline import print_timeline
from console.contact_argument import Named, on_source
from console.timelines import EMPTY, in_short, look_up
from core.domain.codes import HELP, Code
from core.store.accounts import all_accounts

if TYPE_CHECKING:
    from consumers.single import Synced

JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout, messages on stderr.")


@click.command()
@click.argument("instance")
@click.argument("contact", type=CONTACT)
@JSON
@start
@click.pass_context
def preview(ctx: click.Context, start: Start, instance: str, contact: Named, as_json: bool) -> None:
    """What a sync of CONTACT by INSTANCE would do, and why. Writes nothing.

    CONTACT is hubspot:ID or mainstay:ID; a bare ID is the source's. Exit status 1 if a platform can't be
    asked.
    """
    from consumers import single

    wiring = start.wiring()
    found = find(wiring, instance)
    contact_id = on_source(wiring, found, contact)
    told = single.preview(wiring, found, contact_id)
    if not told["exists"]:
        raise Failed(f"there is no contact {contact_id} in {found.direction.source.title}")
    if as_json:
        print_json(told)
    else:
        _print_preview(told)
    if told["code"] and Code(told["code"]).of_platform:
        ctx.exit(1)


def _print_preview(told: dict[str, Any]) -> None:
    code = f" ({told['code']})" if told["code"] else ""
    click.echo(f"Outcome: {told['outcome']}{code}")
    _print_filter(told["filter"])
    for step in told["matching"]:
        click.echo(f"Matching: {step['rule']}: {step['result']}: {step['reason']}")
    for problem in told["problems"]:
        click.echo(f"Problem: {problem['code']}: {problem['message']}")
    for note in told["notes"]:
        click.echo(f"Note: {note}")
    _print_next_step(told["code"])
    if told["fields"]:
        click.echo()
    print_table(
        ("Field", "Before", "After", "Reason"),
        ((one["field"], one["before"], one["after"], one["reason"]) for one in told["fields"]),
        "No field would change.",
    )


@click.command()
@click.argument("instance")
@click.argument("contact", type=CONTACT)
@JSON
@start
@click.pass_context
def sync(ctx: click.Context, start: Start, instance: str, contact: Named, as_json: bool) -> None:
    """Sync CONTACT by INSTANCE now. Exit status 1 if it ends as an error, or there is no such contact.

    CONTACT is hubspot:ID or mainstay:ID; a bare ID is the source's. By hand it also works where INSTANCE is
    disabled.
    """
    wiring = start.wiring()
    found = find(wiring, instance)
    told = starting.sync(wiring, found, on_source(wiring, found, contact), actor())
    if as_json:
        print_json(starting.synced_document(told))
    else:
        click.echo(_one_line(told))
        _print_next_step(told.code)
    if told.outcome in ("error", "dead", "waiting", "gone"):
        ctx.exit(1)


@click.command()
@click.argument("contact", type=CONTACT)
@click.option("--limit", type=NUMBER, default=100, show_default=True, help="How many entries.")
@click.option("--account", default="", help="Only of the account of that name: two portals may share an ID.")
@JSON
@start
def contact(start: Start, contact: Named, limit: int, account: str, as_json: bool) -> None:
    """The timeline of CONTACT over both directions: why each field is what it is, then all that happened.

    CONTACT is hubspot:ID or mainstay:ID; a bare ID is looked for on both sides. An ID that several portals or
    organisations know names as many contacts: each is told by itself.
    """
    database = start.wiring().database
    if account:
        with database.reading() as session:
            if account not in [one.name for one in all_accounts(session)]:
                raise Failed(f"there is no account {account!r}; see: crosswalk accounts list")
    timeline = look_up(database, contact, limit, account)
    if as_json:
        print_json(timeline.to_json())
        return
    if len({one.platform for one in timeline.accounts}) == len(timeline.accounts):
        print_timeline(timeline)
        return
    for one in timeline.accounts:
        click.echo(f"{one.platform.title} account {one.name}:")
        print_timeline(look_up(database, (one.platform, contact[1]), limit, one.name))
        click.echo()


def _print_filter(told: dict[str, Any]) -> None:
    if told["passed"] is not None:
        click.echo(f"Filter: {'passed' if told['passed'] else 'not passed'}")
        for reason in told["reasons"]:
            wanted = reason.get("wanted")
            details = f": has {reason['actual']!r}, wanted {' or '.join(wanted)}" if wanted else ""
            click.echo(f"  {'holds' if reason['held'] else 'fails'}  {reason['field']}{details}")


def _print_next_step(code: str | None) -> None:
    """What a person can do about it; a platform that gives no answer is asked again."""
    if code and not Code(code).retryable:
        click.echo(f"Next step: {HELP[Code(code)].next_step}")


def _one_line(told: "Synced") -> str:
    if told.outcome == "waiting":
        return f"Not done: {told.why}. Nothing is queued; try again."
    code = f" ({told.code})" if told.code else ""
    what = in_short({"outcome": told.outcome, **EMPTY, **told.story})
    return f"{told.outcome}{code}{': ' + what if what else ''}"
