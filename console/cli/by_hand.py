"""What people do with one contact: find it, link and unlink it, take away or erase what is kept about it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from console.cli.actor import actor
from console.cli.contact_option import CONTACT
from console.cli.failing import Failed
from console.cli.output import print_json, print_table, say
from console.cli.start import Start, start
from console.contact_argument import Named

if TYPE_CHECKING:
    from console.contacts.linking import Couple
    from console.contacts.rows import Reader
    from consumers.directory import Directory
    from core.wiring import Wiring

JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout, messages on stderr.")
YES = click.option("--yes", is_flag=True, help="Don't ask.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what it brings about; change nothing.")
ACCOUNT = click.option("--account", default="", metavar="NAME", help="Of this account: two may share an ID.")


@click.command()
@click.argument("text")
@JSON
@start
@click.pass_context
def find(ctx: click.Context, start: Start, text: str, as_json: bool) -> None:
    """Find somebody by any id, email, phone or name, in every account.

    With - the text is read from stdin, so that it stands in no list of processes. Exit status 1 if an account
    can't be asked.
    """
    from console.contacts import finding

    wanted = finding.tidied(sys.stdin.read() if text == "-" else text)
    if not wanted:
        raise click.UsageError("there is nothing to look for")
    answer = finding.find(start.wiring(), wanted, personal=True)
    told = answer.to_json()
    if as_json:
        print_json(told)
    else:
        print_table(
            ("Contact", "Account", "Name", "Email", "Linked with"),
            (
                (
                    f"{one['platform']}:{one['id']}",
                    one["account"],
                    "(only Crosswalk knows it)" if one["kept_only"] else one["name"],
                    one["email"],
                    ", ".join(f"{other['platform']}:{other['id']}" for other in one["linked"]),
                )
                for one in told["contacts"]
            ),
            "Nobody was found.",
        )
    if answer.walked:
        say(f"Mainstay has no search: the first {answer.walked:,} contacts of its list were looked through.")
    for problem in answer.problems:
        say(problem)
    if answer.problems:
        ctx.exit(1)


def _couple_options(command: Callable[..., None]) -> Callable[..., None]:
    for decorate in (
        YES,
        DRY_RUN,
        click.option(
            "--mainstay", default="", metavar="NAME", help="Mainstay account, if there are several."
        ),
        click.option("--hubspot", default="", metavar="NAME", help="HubSpot account, if there are several."),
        click.argument("mainstay_id"),
        click.argument("hubspot_id"),
    ):
        command = decorate(command)
    return command


@click.command()
@_couple_options
@start
def link(start: Start, /, *, dry_run: bool, yes: bool, **given: str) -> None:
    """Make two records one contact, after a look at both. Nothing is written to a platform."""
    from console.contacts import linking

    wiring = start.wiring()
    with _refusing():
        directory, couple = _couple(wiring, **given)
        _tell(linking.told_of_link(wiring, directory, couple, _reader(wiring)))
        if dry_run:
            return
        _ask("Link them?", yes=yes)
        linking.link(wiring, directory, couple, actor())
    say("Linked. Nothing was written yet: `crosswalk preview` shows what a sync would do.")


@click.command()
@_couple_options
@click.option("--take-crm-id", is_flag=True, help="Take the CRM ID from Mainstay's contact, too.")
@start
def unlink(start: Start, /, *, dry_run: bool, yes: bool, take_crm_id: bool, **given: str) -> None:
    """Take a link apart. Nothing is deleted in HubSpot or Mainstay; the timeline stays."""
    from console.contacts import linking

    wiring = start.wiring()
    with _refusing():
        directory, couple = _couple(wiring, **given)
        _tell(linking.told_of_unlink(wiring, directory, couple, _reader(wiring)))
        if dry_run:
            return
        _ask("Unlink them?", yes=yes)
        linking.unlink(wiring, couple, actor(), take_ids=take_crm_id)
    say("Unlinked. The timeline stays.")


@click.group()
def privacy() -> None:
    """What is kept about a contact: export, erase."""


@privacy.command()
@click.argument("contact", type=CONTACT)
@ACCOUNT
@start
def export(start: Start, contact: Named, account: str) -> None:
    """All that is kept about CONTACT and its counterparts, as JSON. Noted in the audit log."""
    from console.contacts import keeping, naming

    wiring = start.wiring()
    with _refusing():
        meant = naming.meant(wiring, contact, account)
    print_json(keeping.export(wiring, meant.names, meant.known, actor()))


@privacy.command()
@click.argument("contact", type=CONTACT)
@ACCOUNT
@DRY_RUN
@YES
@start
@click.pass_context
def erase(
    ctx: click.Context, start: Start, contact: Named, account: str, *, dry_run: bool, yes: bool
) -> None:
    """Remove all that is kept about CONTACT, on both sides of its links, for good.

    HubSpot and Mainstay keep theirs. Exit status 1 if the queue does not answer: what waits there then ends
    when its turn comes.
    """
    from console.contacts import keeping, naming

    wiring = start.wiring()
    with _refusing():
        meant = naming.meant(wiring, contact, account)
        for one in keeping.reached(wiring, meant.directory, meant.known):
            click.echo(f"{one['platform']}:{one['id']} of {one['account']}")
        if dry_run:
            return
        _ask("Erase all that is kept about this contact?", yes=yes)
        done = keeping.erase(wiring, meant.directory, meant.known, actor())
    say(keeping.told(done))
    if not done.queue_cleared:
        ctx.exit(1)


@contextmanager
def _refusing() -> Iterator[None]:
    """What the contacts' own modules refuse, as a command fails."""
    from console.contacts.leased import Busy
    from console.contacts.linking import Refused
    from console.contacts.naming import Unclear

    try:
        yield
    except Refused as refused:
        raise Failed(f"{refused} ({refused.code})" if refused.code else str(refused)) from None
    except (Busy, Unclear) as error:
        raise Failed(str(error)) from None


def _couple(
    wiring: "Wiring", *, hubspot_id: str, mainstay_id: str, hubspot: str, mainstay: str
) -> "tuple[Directory, Couple]":
    from console.contacts import naming
    from consumers.directory import Directory

    directory = Directory.load(wiring)
    return directory, naming.couple_of(directory, hubspot_id, mainstay_id, hubspot=hubspot, mainstay=mainstay)


def _reader(wiring: "Wiring") -> "Reader":
    from console.contacts.rows import Reader

    return Reader(wiring.digest_key(), wiring.settings.phone_region, personal=True)


def _tell(effects: list[str]) -> None:
    for one in effects:
        click.echo(one)


def _ask(question: str, *, yes: bool) -> None:
    if not yes and sys.stdin.isatty():
        click.confirm(question, abort=True, err=True)
