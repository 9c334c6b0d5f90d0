"""``crosswalk instances``: configuration as code, and the switches of single instances."""

import sys
from typing import Any

import click

from console import overview, switching
from console.cli import configuring, versioning
from console.cli.actor import actor
from console.cli.instance_option import find, named
from console.cli.output import print_json, print_table, say
from console.cli.start import Start, start
from console.configuration.differences import told_row
from console.times import rfc3339

JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout, messages on stderr.")


@click.group()
def instances() -> None:
    """Integration instances: list, show, versions, restore, apply, export, enable, disable, delete."""


instances.add_command(configuring.apply)
instances.add_command(configuring.export)
instances.add_command(versioning.versions)
instances.add_command(versioning.restore)


@instances.command(name="list")
@JSON
@start
def list_(start: Start, as_json: bool) -> None:
    """All instances with their state."""
    told = [overview.document(one) for one in overview.standings(start.wiring())]
    if as_json:
        print_json(told)
        return
    print_table(
        ("Name", "Direction", "HubSpot", "Mainstay", "State", "Rows", "Filters"),
        (
            (
                one["name"],
                one["direction"],
                one["hubspot"],
                one["mainstay"],
                _state(one),
                len(one["mappings"]),
                len(one["filters"]),
            )
            for one in told
        ),
        "There are no instances yet. `crosswalk instances apply FILE` makes them.",
    )


@instances.command()
@click.argument("instance")
@JSON
@start
def show(start: Start, instance: str, as_json: bool) -> None:
    """One instance: mapping, filters, times."""
    wiring = start.wiring()
    found = find(wiring, instance)
    told = next(overview.document(one) for one in overview.standings(wiring) if one.instance.id == found.id)
    if as_json:
        print_json(told)
        return
    words = {"enabled": "yes" if told["enabled"] else "no", "held": told["held"] or "no"}
    for name in ("name", "description", "direction", "hubspot", "mainstay", "enabled", "held", "watermark"):
        click.echo(f"{name + ':':<13} {words.get(name, told[name]) or ''}")
    rows = [("crm_id ↔ hs_object_id", "locked", "")]
    rows += [
        (told_row(row), str(row.when_empty), ", ".join(f"{a} ↔ {b}" for a, b in row.options))
        for row in found.mapping.rows
    ]
    click.echo()
    print_table(("Mainstay ↔ HubSpot", "When empty", "Options"), rows, "")
    if found.mapping.filters:
        click.echo()
        wanted = [(one.field.name, ", ".join(one.values)) for one in found.mapping.filters]
        print_table((f"Filter ({found.source.platform.title})", "Any of"), wanted, "")


@instances.command()
@click.argument("instance")
@start
def enable(start: Start, instance: str) -> None:
    """Carry changes over from now on."""
    wiring = start.wiring()
    with wiring.database.reading() as session:
        found = named(session, instance)
        missed_since_ms = switching.missed_since_ms(session, found.id)
    if not switching.enable(wiring, found, actor()):
        say(f"{instance} is enabled already.")
    elif missed_since_ms:
        since = rfc3339(missed_since_ms)
        say(f"{instance} is enabled. Changes while it was off: crosswalk sweep {instance!r} --since {since}")
    else:
        say(f"{instance} is enabled.")


@instances.command()
@click.argument("instance")
@start
def disable(start: Start, instance: str) -> None:
    """Stop at once: waiting and arriving events end as disabled."""
    wiring = start.wiring()
    changed = switching.disable(wiring, find(wiring, instance), actor())
    say(f"{instance} is disabled{'' if changed else ' already'}.")


@instances.command()
@click.argument("instance")
@click.option("--yes", is_flag=True, help="Don't ask.")
@start
def delete(start: Start, instance: str, yes: bool) -> None:
    """Remove an instance and its mapping. Links and log stay; waiting events end as deleted."""
    wiring = start.wiring()
    found = find(wiring, instance)
    if not yes and sys.stdin.isatty():
        click.confirm(f"Delete the instance {instance}?", abort=True, err=True)
    switching.delete(wiring, found, actor())
    say(f"{instance} is deleted.")


def _state(told: dict[str, Any]) -> str:
    if not told["enabled"]:
        return "disabled"
    return f"held: {told['held']}" if told["held"] else "enabled"
