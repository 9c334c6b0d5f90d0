"""``crosswalk status``: queues, instances, platforms, processes."""

import click

from console.cli.output import print_json, print_table
from console.cli.start import Start, start
from console.statuses import look
from console.times import span


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
@start
def status(start: Start, as_json: bool) -> None:
    """How things stand. "idle" means that nothing is queued, waiting for a retry, or in flight."""
    told = look(start.wiring())
    if as_json:
        print_json(told)
        return
    click.echo("Idle." if told["idle"] else "At work.")
    click.echo()
    print_table(("Queue", "Messages"), told["queues"].items(), "")
    click.echo()
    print_table(
        ("Instance", "Direction", "State", "Waiting", "Oldest"),
        (
            (
                one["name"],
                one["direction"],
                "held" if one["held"] else ("enabled" if one["enabled"] else "disabled"),
                one["waiting"],
                "" if one["oldest_s"] is None else span(one["oldest_s"]),
            )
            for one in told["instances"]
        ),
        "There are no instances yet. `crosswalk instances apply FILE` makes them.",
    )
    click.echo()
    print_table(
        ("Platform", "Account", "State"),
        (
            (
                one["platform"],
                one["account"],
                f"held since {one['since']}: {one['held']} ({one['detail']})" if one["held"] else "ok",
            )
            for one in told["platforms"]
        ),
        "There are no accounts yet.",
    )
    click.echo()
    print_table(
        ("Process", "Since", "Id"),
        ((one["role"], one["started_at"], one["id"]) for one in told["processes"]),
        "No consumer and no scheduler runs: nothing is carried over until one does.",
    )
