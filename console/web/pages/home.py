"""Home: one true sentence, what needs somebody, the counts, both directions, and the first steps."""

from typing import Any

from flask import render_template

from console import home as console_home
from console.access import Right
from console.web.pages.problems import leads
from console.web.site import Console, Site

MOST = 5  # problems on the page; the others are a link away


def register(site: Site) -> None:
    """For everybody who is signed in."""
    site.route("/", home, Right.VIEW)
    site.route("/home/live", home_live, Right.VIEW)


def home(console: Console) -> Any:
    """The page."""
    return render_template("home.html", **_parts(console))


def home_live(console: Console) -> Any:
    """What the page fetches again every few seconds."""
    return render_template("home_live.html", **_parts(console))


def _parts(console: Console) -> dict[str, Any]:
    standing = console_home.look(console.wiring)
    return {
        "standing": standing,
        "sentence": console_home.sentence(standing),
        "problems": standing.problems[:MOST],
        "told": console_home.told,
        "leads": leads,
    }
