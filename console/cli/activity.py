"""``crosswalk activity``: what became of every change, excluded and unchanged ones too."""

from collections.abc import Iterator
from typing import Any

import click

from console import timelines
from console.activities import COLUMNS, STATES, flat, outcomes_of
from console.cli.contact_option import CONTACT
from console.cli.instance_option import check_instance
from console.cli.numbers import NUMBER
from console.cli.output import print_csv, print_json_list, print_table
from console.cli.start import Start, start
from console.cli.time_options import TIME, UNTIL
from console.contact_argument import Named
from core.domain.codes import Code
from core.domain.fields import Direction
from core.store import activity as store
from core.store import instances

_PAGE = 1_000


@click.command()
@click.option("--since", type=TIME, default=None, help="From this time on: 2h, 3d, 2026-11-23, or RFC 3339.")
@click.option("--until", type=UNTIL, default=None, help="Before this time; a date counts whole.")
@click.option("--instance", default="", metavar="NAME", help="Only this instance.")
@click.option("--direction", type=click.Choice([one.value for one in Direction]), default=None)
@click.option("--state", type=click.Choice(list(STATES)), default=None, help="Only what ended so.")
@click.option("--code", type=click.Choice([one.value for one in Code]), default=None, metavar="CODE")
@click.option(
    "--contact", type=CONTACT, default=None, help="hubspot:ID, mainstay:ID, or an ID of either side."
)
@click.option("--job", type=NUMBER, default=None, metavar="ID", help="Only what this job brought.")
@click.option("--limit", type=NUMBER, default=100, show_default=True, help="At most so many.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@start
def activity(
    start: Start, /, *, contact: Named | None, limit: int, form: str, as_json: bool, **narrow: Any
) -> None:
    """All activity, newest first; kept for 30 days."""
    wiring = start.wiring()
    check_instance(wiring, narrow["instance"])

    def entries() -> Iterator[dict[str, Any]]:
        before, left = 0, limit
        with wiring.database.reading() as session:
            names = {one.id: one.name for one in instances.all_instances(session, deleted=True)}
        while left > 0:
            wanted = store.Search(
                since_ms=narrow["since"],
                until_ms=narrow["until"],
                instance=narrow["instance"],
                direction=narrow["direction"] or "",
                outcomes=outcomes_of(narrow["state"] or ""),
                code=narrow["code"] or "",
                contact="" if contact is None else ":".join(part for part in contact if part),
                job_id=narrow["job"] or 0,
                before_id=before,
            )
            with wiring.database.reading() as session:
                rows, before = store.page(session, wanted, min(left, _PAGE))
            yield from (timelines.entry_document(row, names) for row in rows)
            left = left - len(rows) if before else 0

    if as_json or form == "json":
        print_json_list(entries())
    elif form == "csv":
        print_csv(COLUMNS, (flat(one) for one in entries()))
    else:
        print_table(
            ("When (UTC)", "Instance", "Direction", "HubSpot", "Mainstay", "Outcome", "Code", "What"),
            (
                (
                    one["at"][:19].replace("T", " "),
                    *(
                        one[name]
                        for name in ("instance", "direction", "hubspot_id", "mainstay_id", "outcome", "code")
                    ),
                    timelines.in_short(one),
                )
                for one in entries()
            ),
            "There is no such activity.",
        )
