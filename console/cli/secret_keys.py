"""``crosswalk secrets``: what is stored encrypted."""

import click

from console.cli.actor import actor
from console.cli.output import say
from console.cli.start import Start, start
from core.store import audit
from core.store.rotation import reseal_all


@click.group()
def secrets() -> None:
    """What is stored encrypted: rotate."""


@secrets.command()
@start
def rotate(start: Start) -> None:
    """Encrypt everything again under the newest key of CROSSWALK_SECRET_KEY.

    Set CROSSWALK_SECRET_KEY=NEW,OLD for all processes first; run this; then leave OLD out. It can be stopped
    and run again at any time.
    """
    wiring = start.wiring()
    counts: dict[str, int] = {}
    for table, done in reseal_all(wiring.database, wiring.sealer):
        counts[table] = done
        say(f"{table}: {done}")
    told = f"{sum(counts.values())} entries"
    with wiring.database.transaction() as session:
        audit.record(session, wiring.clock(), actor(), "secrets.rotated", "", [told])
    say(f"Done: {told} are under the newest key.")
