"""``crosswalk instances apply`` and ``export``: accounts and instances as a file."""

from pathlib import Path

import click

from console.cli.actor import actor
from console.cli.failing import Failed
from console.cli.output import print_json, say
from console.cli.start import Start, start
from console.configuration import applying, exporting, stored
from console.configuration.planning import plan
from console.configuration.problems import Refused
from console.configuration.reading import read
from console.configuration.yaml_text import MOST_BYTES, TOO_LONG


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")
@click.option("--prune", is_flag=True, help="Delete the instances that FILE lacks.")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout, messages on stderr.")
@start
def apply(start: Start, file: Path, dry_run: bool, prune: bool, as_json: bool) -> None:
    """Make accounts and instances match FILE (YAML; - is stdin): all of it, or nothing.

    ${NAME} in FILE is taken from the environment. Secrets that FILE leaves out stay as they are stored.
    Accounts are never deleted: their links and log stay.

    \b
    FILE in short (all of it: README, "Configuration as code"; yours: `crosswalk instances export`):
      accounts:
        hubspot: [{name: portal, portal_id: 62515, access_token: "${HUBSPOT_TOKEN}"}]
        mainstay: [{name: river, org_id: river, api_token: "${MAINSTAY_TOKEN}"}]
      instances:
        - name: hubspot-to-mainstay
          direction: incoming
          hubspot: portal
          mainstay: river
          enabled: true
          mappings:
            - {mainstay: first_name, hubspot: firstname}
            - {mainstay: last_name, hubspot: lastname}
            - {mainstay: phone, hubspot: phone}
            - {mainstay: email, hubspot: email}
          filters:
            - {field: lifecyclestage, values: [lead]}
    """
    from console.configuration.platforms import WiredPlatforms  # the clients take a second to import

    wiring = start.wiring()
    configuration = read(text_of(file), start.environment)
    with wiring.database.reading() as session:
        now = stored.take(session, wiring.sealer)
    made = plan(configuration, now, WiredPlatforms(wiring), prune=prune)
    if not dry_run:
        applying.carry_out(made, wiring.database, wiring.sealer, wiring.queue, wiring.clock, author=actor())
    if as_json:
        print_json({"applied": not dry_run, "changes": made.lines()})
        return
    for one in made.lines():
        details = f": {'; '.join(one['details'])}" if one["details"] else ""
        click.echo(f"{one['verb']:<9} {one['what']} {one['name']}{details}")
    if made.nothing_to_do:
        say("Nothing to do: everything is as the file says.")
    else:
        say("Nothing was changed (--dry-run)." if dry_run else "Done.")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The same as JSON; `apply` takes both.")
@start
def export(start: Start, as_json: bool) -> None:
    """Print all accounts and instances as a file for `apply`, without secrets."""
    wiring = start.wiring()
    with wiring.database.reading() as session:
        now = stored.take(session, wiring.sealer)
    if as_json:
        print_json(exporting.document(now))
    else:
        click.echo(exporting.export(now), nl=False)


def text_of(file: Path) -> str:
    """A file's text. Refused, Failed."""
    try:
        with click.open_file(str(file), "rb") as opened:
            content: bytes = opened.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise Refused([TOO_LONG])
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused([f"{file} is not UTF-8 text (byte {error.start})"]) from None
    except OSError as error:
        raise Failed(f"{file} can't be read: {error.strerror}") from None
