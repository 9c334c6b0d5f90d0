"""``crosswalk instances versions`` and ``restore``: the saved mappings of an instance."""

import sys

import click

from console import connections
from console import versions as saved
from console.cli.actor import actor
from console.cli.failing import Failed
from console.cli.instance_option import find
from console.cli.numbers import NUMBER
from console.cli.output import print_json, print_table, say
from console.cli.start import Start, start
from console.configuration.differences import mapping_details
from console.times import short


@click.command()
@click.argument("instance")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout, messages on stderr.")
@start
def versions(start: Start, instance: str, as_json: bool) -> None:
    """Every saved mapping of an instance, the newest first: who, when, what changed."""
    wiring = start.wiring()
    found = find(wiring, instance)
    known = saved.every(wiring, found)
    if as_json:
        print_json([saved.document(found, one) for one in known])
        return
    by_number = {one.number: one for one in known}
    rows = []
    for one in known:
        before = by_number.get(one.number - 1)
        changed = mapping_details(before.mapping, one.mapping) if before else []
        rows.append((one.number, one.author, short(one.created_at_ms), "; ".join(changed)))
    print_table(("Version", "Author", "Saved (UTC)", "Changed"), rows, "")


@click.command()
@click.argument("instance")
@click.argument("version", type=NUMBER)
@click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@start
def restore(start: Start, instance: str, version: int, *, dry_run: bool, yes: bool) -> None:
    """Save the mapping of VERSION again, as a new version, after the checks of any save."""
    wiring = start.wiring()
    try:
        made = saved.plan_restore(wiring, find(wiring, instance), version)
    except saved.NoSuchVersion as error:
        raise Failed(f"{error}; see `crosswalk instances versions {instance!r}`") from None
    if made.nothing_to_do:
        say(f"{instance} has that mapping already.")
        return
    for detail in made.instances[0].details:
        click.echo(detail)
    if dry_run:
        return
    if not yes and sys.stdin.isatty():
        click.confirm(f"Save this as a new version of {instance}?", abort=True, err=True)
    now = connections.save(wiring, actor(), made)
    say(f"{instance} is saved: version {now.mapping_version}.")
