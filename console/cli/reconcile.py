"""``crosswalk reconcile``: both sides of an instance, compared by the rules of a sync."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from console import starting
from console.cli.actor import actor
from console.cli.failing import Failed
from console.cli.instance_option import find
from console.cli.output import print_csv, print_json, print_table, say
from console.cli.progress import Progress
from console.cli.start import Start, start
from console.starting import reconcile_document
from core.domain.instances import Instance

if TYPE_CHECKING:
    from consumers.jobs.reconcile import Row
    from core.wiring import Wiring

_SHOWN = 500
_COLUMNS = ("state", "contact", "counterpart", "fields", "code", "why")
_QUEUED = ("differs", "only here", "gone")


@click.command()
@click.argument("instance")
@click.option("--fix", is_flag=True, help="Queue what differs, is only in the source, or is gone.")
@click.option("--paced", is_flag=True, help="Leave it to the scheduler: a job that counts, see the jobs.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@start
def reconcile(start: Start, *, instance: str, fix: bool, paced: bool, form: str, as_json: bool) -> None:
    """Compare both sides of INSTANCE: in sync, differs, only here, only there, excluded, gone, error.

    "Here" is the source, "there" the target. "Gone": linked to a HubSpot record that was deleted or merged
    without a word. Changes nothing, but --fix queues the differences. The table leaves out what is in sync.
    """
    wiring = start.wiring()
    found = find(wiring, instance)
    if paced:
        job = starting.compare(wiring, found, actor(), fix=fix).id
        if as_json or form == "json":
            print_json({"job": job})
        say(f"Job {job} compares them; `crosswalk jobs show {job}` follows it.")
        return
    if fix:
        starting.note_reconcile(wiring, found, actor())
    counts: Counter[str] = Counter()
    form = "json" if as_json else form
    quiet = form != "table" and sys.stdout.isatty()
    with Progress(f"Comparing {found.hubspot.name} and {found.mainstay.name}", quiet) as tell:
        rows = _counted(wiring, found, fix, tell, counts)
        if form == "json":
            _print_json(found, rows, counts)
        elif form == "csv":
            print_csv(_COLUMNS, ([*map(_cell, reconcile_document(one).values())] for one in rows))
        else:
            _print_table(rows)
    if form != "json":
        say(_in_words(counts))
    if fix:
        say(f"Queued: {sum(counts[state] for state in _QUEUED):,} contacts; the consumers carry them over.")


def _counted(
    wiring: "Wiring", instance: Instance, fix: bool, tell: Any, counts: Counter[str]
) -> Iterator["Row"]:
    from consumers.jobs import reconcile as comparing
    from consumers.jobs.pages import Stopped

    counts.update(dict.fromkeys((str(state) for state in comparing.State), 0))
    try:
        for row in comparing.reconcile(wiring, instance, fix=fix, tell=tell, author=actor()):
            counts[str(row.state)] += 1
            yield row
    except Stopped:
        raise Failed("somebody paused or stopped its job; see `crosswalk jobs list`") from None


def _cell(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value


def _print_json(instance: Instance, rows: Iterator["Row"], counts: Counter[str]) -> None:
    """One document, written as it comes: the contacts first, since the counts are known at the end; ``error``
    in their place where it fails on the way."""
    click.echo(f'{{"instance": {json.dumps(instance.name)}, "direction": "{instance.direction}",')
    click.echo('"contacts": [', nl=False)
    ending: dict[str, Any] = {"counts": counts}
    try:
        for number, row in enumerate(rows):
            click.echo(
                ("," if number else "") + "\n  " + json.dumps(reconcile_document(row), ensure_ascii=False),
                nl=False,
            )
    except BaseException as error:  # what is on stdout has to be a document all the same
        ending = {"error": starting.failure_document(error)}
        raise
    finally:
        click.echo(f"\n],\n{json.dumps(ending)[1:]}")


def _print_table(rows: Iterator["Row"]) -> None:
    shown: list[Row] = []
    more = 0
    for row in rows:
        if row.state == "in sync":
            continue
        if len(shown) < _SHOWN:
            shown.append(row)
        else:
            more += 1
    print_table(
        ("State", "Contact", "Counterpart", "Fields", "Code", "Why"),
        ([_cell(value) for value in reconcile_document(one).values()] for one in shown),
        "Everything is in sync.",
    )
    if more:
        say(f"… and {more:,} more: --format csv lists all.")


def _in_words(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in counts.items()) + "."
