"""``crosswalk sweep``: changes that no event told of."""

import click

from console import starting
from console.cli.actor import actor
from console.cli.instance_option import find
from console.cli.output import print_json, say
from console.cli.start import Start, start
from console.cli.time_options import TIME
from core.store import accounts


@click.command()
@click.argument("instance")
@click.option("--since", type=TIME, default=None, help="Instead of the watermark: 2h, 2026-11-23, RFC 3339.")
@click.option("--paced", is_flag=True, help="With --since: leave it to the scheduler, behind live changes.")
@click.option("--json", "as_json", is_flag=True, help='{"queued": n} on stdout; {"job": n} with --paced.')
@start
def sweep(start: Start, *, instance: str, since: int | None, paced: bool, as_json: bool) -> None:
    """Queue every contact of the source that changed since the watermark.

    Returns when what it found is queued; the consumers carry it over.
    """
    wiring = start.wiring()
    found = find(wiring, instance)
    if paced:
        if since is None:
            raise click.UsageError("--paced needs --since: the time to look back to")
        job = starting.sweep_since(wiring, found, actor(), since).id
        if as_json:
            print_json({"job": job})
        say(f"Job {job} looks for them; `crosswalk jobs show {job}` follows it.")
        return
    swept = starting.sweep(wiring, found, actor(), since)
    if as_json:
        print_json({"queued": swept.queued})
    with wiring.database.reading() as session:
        held = [one for one in accounts.held(session) if one.account in (found.hubspot, found.mainstay)]
    for hold in held:
        say(f"{hold.account.platform.title} account {hold.account.name} is held ({hold.code}): they wait.")
    say(f"{swept.queued} contacts queued.")
