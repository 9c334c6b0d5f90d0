"""``crosswalk audit``: who changed what, when, and from where."""

from typing import Any

import click

from console import audit_log
from console.cli.numbers import NUMBER
from console.cli.output import print_csv, print_json_list, print_table
from console.cli.start import Start, start
from console.cli.time_options import TIME, UNTIL
from core.store.audit import Search


@click.command()
@click.option("--since", type=TIME, default=None, help="From this time on: 2h, 3d, 2026-11-23, or RFC 3339.")
@click.option("--until", type=UNTIL, default=None, help="Before this time; a date counts whole.")
@click.option("--action", default="", metavar="PREFIX", help="Only contact.linked, or all of contact.")
@click.option("--who", default="", help="Only by this user's email, or by the whole name as the log has it.")
@click.option("--limit", type=NUMBER, default=100, show_default=True, help="At most so many.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@start
def audit(start: Start, /, *, limit: int, form: str, as_json: bool, **narrow: Any) -> None:
    """The audit log, newest first: every change, who made it, and from where."""
    wanted = Search(narrow["since"], narrow["until"], narrow["action"].rstrip("."), narrow["who"])
    entries = audit_log.documents(start.wiring(), wanted, limit)
    if as_json or form == "json":
        print_json_list(entries)
    elif form == "csv":
        print_csv(audit_log.COLUMNS, map(audit_log.flat, entries))
    else:
        print_table(
            ("When (UTC)", "Who", "From", "Action", "Subject", "Details"),
            ((one["at"][:19].replace("T", " "), *audit_log.flat(one)[1:]) for one in entries),
            "The audit log has no such entry.",
        )
