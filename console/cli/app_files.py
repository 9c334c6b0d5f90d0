"""``crosswalk app-files``: the project files of a HubSpot app that is subscribed to what is mapped."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from console.cli.failing import Failed
from console.cli.output import print_json, say
from console.cli.start import Start, start
from core.platforms.hubspot import subscriptions
from core.store import instances

PROJECT = Path("hsproject.json")
APP = Path("src/app/app-hsmeta.json")
WEBHOOKS = Path("src/app/webhooks/webhooks-hsmeta.json")
FOLDER = Path("hubspot-app")


@click.command(name="app-files")
@click.option(
    "--out",
    default=FOLDER,
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The project's folder.",
)
@click.option(
    "--auth",
    type=click.Choice(["static", "oauth"]),
    default="static",
    show_default=True,
    help="static: a token for one portal. oauth: portals are connected in the console.",
)
@click.option("--name", default="Crosswalk", show_default=True, help="The app's name in HubSpot.")
@click.option(
    "--json", "as_json", is_flag=True, help="JSON on stdout: {path: what it holds}; writes nothing."
)
@start
def app_files(start: Start, out: Path, auth: str, name: str, as_json: bool) -> None:
    """Write a HubSpot app's project files: webhooks for exactly the mapped properties.

    Upload them with HubSpot's own command line: `hs project upload` (deploy/hubspot-app.md). Run it again
    after a mapping changed: the webhooks are written anew; an app or project file that is there is kept.
    """
    if not name.strip():
        raise click.BadParameter("the app needs a name", param_hint="--name")
    wiring = start.wiring("PUBLIC_URL")
    with wiring.database.reading() as session:
        needs = subscriptions.wanted(instances.all_instances(session))
    for left_out, why in needs.unsendable.items():
        say(f"{left_out}: {why}; the sweep finds its changes.")
    if not needs.properties:
        say("No incoming instance maps anything yet: only deletions, merges and restores are subscribed to.")
    if urlsplit(wiring.settings.public_url or "").scheme != "https":
        say(f"{wiring.settings.public_url} is not https: HubSpot refuses it. Set CROSSWALK_PUBLIC_URL first.")
    if len(needs.subscriptions()) > subscriptions.MOST:
        raise Failed(f"HubSpot allows {subscriptions.MOST} subscriptions per app; map fewer properties")
    console = wiring.settings.console_url or wiring.settings.public_url
    documents = {
        PROJECT: subscriptions.project_file(name),
        APP: subscriptions.app_file(
            name, static=auth == "static", redirect_url=f"{console}/connect/hubspot/callback"
        ),
        WEBHOOKS: subscriptions.webhooks_file(needs, f"{wiring.settings.public_url}/webhooks/hubspot"),
    }
    if as_json:
        print_json({str(path): document for path, document in documents.items()})
        return
    for path, document in documents.items():
        _write(out / path, document, keep=path is not WEBHOOKS)
    say(f"Next: `cd {out} && hs project upload`, then `crosswalk doctor --app-files {out}`.")


def _write(path: Path, document: dict[str, Any], *, keep: bool) -> None:
    if keep and path.exists():
        click.echo(f"{path}: kept")
        return
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    try:
        known = path.read_text() if path.exists() else ""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError as error:
        raise Failed(f"{path} can't be written ({error.strerror})") from None
    click.echo(f"{path}: {'as before' if known == text else 'written'}")
