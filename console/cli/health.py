"""``crosswalk health``: delays, queues, budgets and parts, over a stretch of time."""

from typing import TYPE_CHECKING

import click

from console.cli.output import print_json, print_table
from console.cli.start import Start, start
from console.health.ranges import RANGES, range_of
from console.times import short, span

if TYPE_CHECKING:
    from console.health.report import Report


@click.command()
@click.option(
    "--over",
    type=click.Choice([one.name for one in RANGES]),
    default="1h",
    show_default=True,
    help="How far back.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
@start
def health(start: Start, over: str, as_json: bool) -> None:
    """How long changes take, what waits, what the budgets hold, which parts work.

    Exit status 1 if a part does not work.
    """
    from console.health.document import document
    from console.health.report import Health  # the platforms' clients take a second to import

    report = Health(start.wiring()).report(range_of(over))
    if as_json:
        print_json(document(report))
    else:
        _print(report)
    if report.troubles:
        raise click.exceptions.Exit(1)


def _print(report: "Report") -> None:
    print_table(
        ("Direction", "Ended", "Half within", "95 % within", "Repeated tries"),
        (
            (one.direction, one.messages, _s(one.delay_s(0.5)), _s(one.delay_s(0.95)), one.tries)
            for one in report.flows
        ),
        "",
    )
    click.echo()
    print_table(
        ("Queue", "Waiting", "Oldest"),
        (
            *(
                (one.name, "?" if one.waiting is None else one.waiting, _s(one.oldest_s))
                for one in report.queues
            ),
            ("to be tried again", "?" if report.retry is None else report.retry, ""),
            ("dead letters", report.dead, ""),
        ),
        "",
    )
    click.echo()
    print_table(
        ("Account", "Calls in the last hour", "A day", "Last webhook"),
        (
            (
                f"{one.account.platform.title} {one.account.name}",
                one.last_hour,
                one.per_day,
                short(one.sign.last_ms) if one.sign else "",
            )
            for one in report.calls
        ),
        "There are no accounts yet.",
    )
    click.echo()
    print_table(
        ("Part", "State", "Detail"),
        ((one.name, "works" if one.state == "good" else "DOWN", one.detail) for one in report.components),
        "",
    )


def _s(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 120 else span(seconds)
