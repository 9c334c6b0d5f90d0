"""Browse Available, and HubSpot's own page: Available Integrations and Configured."""

from typing import Any

from flask import render_template

from console import missing_fields, overview
from console.access import Right
from console.web import texts
from console.web.site import Console, Site, may, signed_in
from core.domain.fields import Direction
from core.store import accounts, drafts


def register(site: Site) -> None:
    """For everybody who is signed in."""
    site.route("/integrations", browse, Right.VIEW)
    site.route("/integrations/hubspot", hubspot, Right.VIEW)
    site.route("/integrations/hubspot/configured", configured, Right.VIEW)


def browse(console: Console) -> Any:
    """Browse Available: the platforms that there are."""
    return render_template("browse.html", standings=overview.standings(console.wiring))


def hubspot(console: Console) -> Any:
    """HubSpot: what can be added, and what is configured."""
    with console.wiring.database.reading() as session:
        known = accounts.all_accounts(session)
        open_drafts = drafts.of_user(session, signed_in().id) if may("configure") else []
    return render_template(
        "hubspot.html",
        **_configured(console),
        drafts=open_drafts,
        directions=[(one, texts.DIRECTIONS[one]) for one in Direction],
        portals=[one for one in known if one.platform == "hubspot"],
        organisations=[one for one in known if one.platform == "mainstay"],
    )


def configured(console: Console) -> Any:
    """The Configured list alone: what the page fetches again every few seconds."""
    return render_template("configured.html", **_configured(console))


def _configured(console: Console) -> dict[str, Any]:
    standings = overview.standings(console.wiring)
    gone = missing_fields.missing(console.wiring, [one.instance for one in standings])
    return {"standings": standings, "gone": gone}
