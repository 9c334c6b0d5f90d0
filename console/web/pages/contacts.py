"""Contacts: one box that finds somebody by id, email, phone or name, in every connected account.

What is typed travels in a form's body, is asked from the platforms, stands in no address and is not kept.
"""

from typing import Any

from flask import abort, redirect, render_template, request, url_for

from console.access import Right
from console.contacts import finding
from console.contacts.finding import Answer, Candidate
from console.timelines import look_up
from console.web.filtering import is_id
from console.web.site import Console, Site, may
from core.domain.fields import Platform
from core.store import accounts


def register(site: Site) -> None:
    """For everybody who is signed in; names and emails are masked by role."""
    site.route("/contacts", contacts, Right.VIEW, ("GET", "POST"))
    site.route("/contacts/<platform>/<contact_id>", contact_anywhere, Right.VIEW)


def contacts(console: Console) -> Any:
    """The box, and whom it found. Where that is one contact, its page."""
    text = finding.tidied(request.form.get("find", "")) if request.method == "POST" else ""
    answer = Answer()
    if text:
        answer = finding.find(console.wiring, text, personal=may(Right.PERSONAL))
        if answer.one is not None and not answer.problems:
            return redirect(_page(answer.one), 303)
    with console.wiring.database.reading() as session:
        known = accounts.all_accounts(session)
    return render_template("contacts.html", text=text, answer=answer, known=known, page=_page)


def contact_anywhere(console: Console, platform: str, contact_id: str) -> Any:
    """A contact whose account is not told: its page where there is but one account it can be of, else a
    choice, since two portals may give the same id."""
    if platform not in list(Platform) or not is_id(contact_id):
        abort(404)
    with console.wiring.database.reading() as session:
        known = [one for one in accounts.all_accounts(session) if one.platform == platform]
    told = look_up(console.wiring.database, (Platform(platform), contact_id), limit=1).accounts
    sure = told if len(told) == 1 else known if len(known) == 1 else ()
    if sure:
        return redirect(_page(Candidate(sure[0], contact_id, "", "")), 303)
    return render_template(
        "contact_choice.html",
        platform=Platform(platform),
        contact_id=contact_id,
        known=[(one, one in told) for one in known],
        page=lambda one: _page(Candidate(one, contact_id, "", "")),
    )


def _page(one: Candidate) -> str:
    account = one.account
    return url_for("contact", platform=account.platform, account_id=account.id, contact_id=one.id)
