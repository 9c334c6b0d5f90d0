"""Help: the error dictionary. Each code's title, cause, example, next step, who acts, how many are open."""

from typing import Any

from flask import abort, render_template

from console.access import Right
from console.web.site import Console, Site
from core.domain.codes import HELP, MAINSTAY_CODES, Code
from core.store import problems


def register(site: Site) -> None:
    """For everybody who is signed in."""
    site.route("/help/errors", error_help, Right.VIEW)
    site.route("/help/errors/<code>", error_help_of, Right.VIEW)


def error_help(console: Console) -> Any:
    """All codes: Mainstay's own first, under their names."""
    with console.wiring.database.reading() as session:
        found = problems.open_counts(session)
    groups = (
        ("Mainstay's own", "From its Import Error Dictionary; they mean the same here.", True),
        ("Crosswalk's", "What else can stand in the way of a contact.", False),
    )
    return render_template(
        "help_errors.html",
        groups=[
            (title, text, [(code, HELP[code]) for code in Code if (code in MAINSTAY_CODES) is own])
            for title, text, own in groups
        ],
        found=found,
    )


def error_help_of(console: Console, code: str) -> Any:
    """One code."""
    if code not in list(Code):
        abort(404)
    with console.wiring.database.reading() as session:
        found = problems.open_count(session, code)
    return render_template(
        "help_error.html",
        code=code,
        told=HELP[Code(code)],
        own=code in MAINSTAY_CODES,
        retryable=Code(code).retryable,
        open_=found,
    )
