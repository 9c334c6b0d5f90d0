"""``crosswalk what-if``: the last real events of an instance, planned again without writing."""

from pathlib import Path

import click

from console.cli.configuring import text_of
from console.cli.instance_option import find
from console.cli.output import print_json, print_table, say
from console.cli.start import Start, start
from console.configuration.reading import read

_WORDS = {
    "create": "created",
    "update": "updated",
    "unchanged": "unchanged",
    "filtered": "excluded",
    "error": "failing",
}


@click.command(name="what-if")
@click.argument("instance")
@click.option(
    "--with",
    "file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    default=None,
    help="Try INSTANCE as this configuration file has it (YAML; - is stdin).",
)
@click.option("--last", type=click.IntRange(1, 200), default=50, show_default=True, help="So many events.")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout, messages on stderr.")
@start
def what_if(start: Start, *, instance: str, file: Path | None, last: int, as_json: bool) -> None:
    """Plan the contacts of INSTANCE's last events again, as they are now. Writes nothing.

    With --with: by the file's mapping beside the one in use. Without: beside how the events ended.
    """
    from console import what_if as trying

    wiring = start.wiring()
    found, draft = find(wiring, instance), None
    if file is not None:
        draft = trying.of_configuration(wiring, found, read(text_of(file), start.environment))
    cost = trying.cost(wiring, found.direction, last, 2 if draft else 1)
    calls = ", ".join(f"{count:,} to {platform.title}" for platform, count in cost.calls.items())
    say(f"At most {calls} calls, about {cost.minutes} min.")
    events, rows = trying.last_events(wiring, found, last)
    diff = trying.compare(wiring, found, draft, rows)
    if as_json:
        print_json({"instance": found.name, "events": events, "contacts": len(rows), **diff.to_json()})
        return
    say(f"{events} events of {len(rows)} contacts: {diff.same.total()} the same.")
    for before, after, count in diff.turns:
        say(f"  {count} {_WORDS[before]} → {_WORDS[after] if before != after else 'other fields or code'}")
    if diff.unasked:
        say(f"  {len(diff.unasked)} could not be asked: a platform did not answer")
    if diff.left:
        say(f"  {diff.left} are left: there was no time for them")
    print_table(
        ("Contact", "Before", "After", "Code", "Fields", "Why"),
        (
            (
                one.contact,
                _WORDS[one.before.outcome],
                _WORDS[one.after.outcome],
                one.after.code,
                ", ".join(one.fields),
                one.after.why,
            )
            for one in diff.different
        ),
        "All end the same.",
    )
