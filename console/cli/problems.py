"""``crosswalk problems`` and ``crosswalk home``: what is open, by cause, and what is done about it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from console.cli.actor import actor
from console.cli.failing import Failed
from console.cli.numbers import NUMBER
from console.cli.output import print_json, print_table, say
from console.cli.start import Start, start
from console.cli.time_options import UNTIL
from console.times import short
from core.domain.codes import Code

if TYPE_CHECKING:
    from console.problems import Problem
    from core.wiring import Wiring

JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout, messages on stderr.")


def _which(command: Callable[..., None]) -> Callable[..., None]:
    codes = click.Choice([one.value for one in Code])
    command = click.option("--account", default="", metavar="NAME", help="Of this account.")(command)
    command = click.option("--instance", default="", metavar="NAME", help="Of this instance.")(command)
    return click.argument("code", type=codes, metavar="CODE")(command)


@click.command()
@JSON
@start
def home(start: Start, as_json: bool) -> None:
    """How everything stands, in one sentence that is true, and what it is made of."""
    from console import home as look

    standing = look.look(start.wiring())
    if as_json:
        print_json(standing.to_json())
        return
    click.echo(look.sentence(standing))
    waiting = "?" if standing.waiting is None else f"{standing.waiting:,}"
    click.echo(
        f"In sync {standing.in_sync} · excluded in 24 h {standing.excluded} · failing {standing.failing}"
    )
    click.echo(f"Waiting {waiting} · dead letters {standing.dead:,} · looked after {standing.tended}")
    for way in standing.ways:
        last = short(way.last_change_ms) or "none"
        click.echo(f"{str(way.direction).capitalize()}: last change {last}. {look.told(way)}")


@click.group()
def problems() -> None:
    """Problems, one per cause: list, retry, acknowledge, snooze, reopen."""


@problems.command(name="list")
@JSON
@start
def list_(start: Start, as_json: bool) -> None:
    """What is open, what needs somebody first."""
    from console.problems import every

    found = every(start.wiring())
    if as_json:
        print_json([one.to_json() for one in found])
        return
    print_table(
        (
            "Code",
            "Where",
            "Contacts",
            "First seen (UTC)",
            "Last seen (UTC)",
            "Who acts",
            "State",
            "Next step",
        ),
        (
            (
                one.key.code,
                one.where,
                one.group.contacts if not one.account else "",
                short(one.group.first_ms),
                short(one.group.last_ms),
                one.acts,
                one.state,
                one.next_step,
            )
            for one in found
        ),
        "Nothing is open: every contact got through.",
    )


@problems.command()
@_which
@click.option(
    "--first", is_flag=True, help="Only the five that wait longest, now; prints how each one ended."
)
@JSON
@start
def retry(start: Start, code: str, instance: str, account: str, first: bool, as_json: bool) -> None:
    """Try the contacts of a problem again: all of them as a job, which the scheduler works on."""
    from console.problems import retry_all, try_first

    wiring = start.wiring()
    found = _found(wiring, code, instance, account)
    if not found.can_retry:
        raise Failed(f"{found.where}: {found.acts}. {found.next_step}")
    if not first:
        job = retry_all(wiring, found, actor())
        say(f"Job {job.id} tries {found.group.contacts} contacts again.")
        if as_json:
            print_json({"job": job.id, "tried": []})
        return
    done = try_first(wiring, found, actor())
    if as_json:
        tried = [{"contact": one, "outcome": told.outcome, "code": told.code} for one, told in done.items()]
        print_json({"job": None, "tried": tried})
        return
    rows = ((one, told.outcome, told.code, told.why) for one, told in done.items())
    print_table(("Contact", "Outcome", "Code", "Why"), rows, "None of them is open any more.")


@problems.command()
@_which
@click.option("--note", default="", help="For whoever reads it; no personal data.")
@start
def acknowledge(start: Start, code: str, instance: str, account: str, note: str) -> None:
    """Say that you look after it: it no longer counts as open. It reopens by itself when it comes back."""
    from console.problems import acknowledge as say_so

    wiring = start.wiring()
    say_so(wiring, _found(wiring, code, instance, account).key, actor(), note)


@problems.command()
@_which
@click.option("--until", type=UNTIL, required=True, help="A time to come: 2026-12-01, or RFC 3339.")
@click.option("--contacts", type=NUMBER, default=None, help="Or until more contacts are affected.")
@click.option("--note", default="", help="For whoever reads it; no personal data.")
@start
def snooze(
    start: Start, code: str, instance: str, account: str, until: int, contacts: int | None, note: str
) -> None:
    """Leave it alone until a time, or until more contacts are affected."""
    from console.problems import snooze as leave

    wiring = start.wiring()
    if until <= wiring.clock():
        raise Failed("--until must be a time to come")
    key = _found(wiring, code, instance, account).key
    leave(wiring, key, actor(), until_ms=until, until_contacts=contacts, note=note)


@problems.command()
@_which
@start
def reopen(start: Start, code: str, instance: str, account: str) -> None:
    """Open an acknowledged or snoozed problem again."""
    from console.problems import reopen as again

    wiring = start.wiring()
    again(wiring, _found(wiring, code, instance, account).key, actor())


def _found(wiring: "Wiring", code: str, instance: str, account: str) -> "Problem":
    from console.problems import named

    found = named(wiring, code, instance, account)
    if not found:
        raise Failed(f"nothing is open under {code} there; see `crosswalk problems list`")
    if len(found) > 1:
        where = ", ".join(one.where for one in found)
        raise Failed(f"several have this problem: {where}. Name one with --instance or --account")
    return found[0]
