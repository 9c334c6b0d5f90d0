"""``crosswalk log``: the Sync Log, to look at and to download."""

from collections.abc import Iterator
from typing import Any

import click

from console.cli.contact_option import CONTACT
from console.cli.instance_option import check_instance
from console.cli.output import print_csv, print_json_list, print_table
from console.cli.start import Start, start
from console.cli.time_options import TIME, UNTIL
from console.contact_argument import Named
from console.sync_log import COLUMNS, entry_document, flat
from core.domain.codes import Code
from core.domain.fields import Direction
from core.store import sync_log, sync_log_search


@click.command()
@click.option("--since", type=TIME, help="From this time on: 2h, 3d, 2026-11-23, or RFC 3339.")
@click.option("--until", type=UNTIL, help="Before this time; a date counts whole.")
@click.option("--instance", default="", metavar="NAME", help="Only this instance.")
@click.option(
    "--direction",
    type=click.Choice([one.value for one in Direction]),
    default=None,
    help="Only this direction.",
)
@click.option(
    "--code",
    type=click.Choice([one.value for one in Code]),
    default=None,
    metavar="CODE",
    help="Only this code.",
)
@click.option(
    "--contact", type=CONTACT, default=None, help="hubspot:ID, mainstay:ID, or an ID of either side."
)
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@start
def log(
    start: Start,
    *,
    since: int | None,
    until: int | None,
    instance: str,
    direction: str | None,
    code: str | None,
    contact: Named | None,
    form: str,
    as_json: bool,
) -> None:
    """The Sync Log: every problem of a contact, told once; newest first. csv is the download."""
    wiring = start.wiring()
    check_instance(wiring, instance)
    wanted = sync_log.Search(
        since_ms=since,
        until_ms=until,
        instance=instance,
        direction=direction or "",
        code=code or "",
        contact="" if contact is None else ":".join(part for part in contact if part),
    )

    def entries() -> Iterator[dict[str, Any]]:
        with wiring.database.reading() as session:
            for entry in sync_log_search.search(session, wanted):
                yield entry_document(entry, wiring.settings)

    if as_json or form == "json":
        print_json_list(entries())
    elif form == "csv":
        print_csv(COLUMNS, (flat(one) for one in entries()))
    else:
        print_table(
            ("When (UTC)", "Instance", "Direction", "HubSpot", "Mainstay", "Code", "Message"),
            (
                (
                    one["timestamp"][:19].replace("T", " "),
                    one["instance"],
                    one["direction"],
                    one["contact"]["hubspot_id"],
                    one["contact"]["mainstay_id"],
                    one["code"],
                    one["message"],
                )
                for one in entries()
            ),
            "The Sync Log has no such entry.",
        )
