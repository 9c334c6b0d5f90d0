"""``crosswalk doctor``: checks everything between here and both platforms."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from console.cli.app_files import FOLDER
from console.cli.output import print_json, say
from console.cli.start import Start, start
from console.doctor import examination
from console.doctor.finding import Finding, State

_MARKS = {State.OK: "ok", State.WARNING: "look", State.PROBLEM: "MEND", State.SKIPPED: "?"}


@click.command()
@click.option(
    "--app-files",
    default=FOLDER,
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The HubSpot app's project folder, to compare its subscriptions with the mappings.",
)
@click.option("--json", "as_json", is_flag=True, help='JSON on stdout: {"ok", "findings": […]}.')
@start
@click.pass_context
def doctor(ctx: click.Context, start: Start, app_files: Path, as_json: bool) -> None:
    """Check settings, database, queue, Redis, clock, public URL, signatures, tokens, scopes, mappings.

    Writes nothing, anywhere. Each finding has a next step. Exit status: 0 nothing has to be mended,
    1 something has, 2 a setting is missing or wrong.
    """
    seen: list[Finding] = []
    for one in _findings(start, app_files):
        seen.append(one)
        if not as_json:
            _show(one)
    count = Counter(one.state for one in seen)
    if as_json:
        found = [one.document() for one in seen]
        print_json({"ok": not count[State.PROBLEM], "findings": found})
    say(
        f"{count[State.OK]} in order, {count[State.WARNING]} to look at, {count[State.PROBLEM]} to mend,"
        f" {count[State.SKIPPED]} not known."
    )
    if count[State.PROBLEM]:
        ctx.exit(2 if any(one.check == "settings" and one.state is State.PROBLEM for one in seen) else 1)


def _findings(start: Start, app_files: Path) -> Iterator[Finding]:
    wrong = False
    for one in examination.of_settings(start.environment):
        wrong = wrong or one.state is State.PROBLEM
        yield one
    if not wrong:
        yield from examination.of_everything(start.wiring(migrated=False), app_files)


def _show(one: Finding) -> None:
    click.echo(f"{_MARKS[one.state]:<5} {one.check}: {one.subject}: {one.detail}".rstrip())
    if one.next_step:
        click.echo(f"      → {one.next_step}")
