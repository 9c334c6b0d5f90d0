"""Privacy: everything that is kept about a contact as a file, and its erasure."""

import json
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for

from console.access import Right
from console.contacts import keeping, reading
from console.contacts.leased import Busy
from console.web.errors import FormErrors
from console.web.pages.contact import AT, open_contact, shown
from console.web.site import Console, Site, signed_in

WORD = "erase"  # what is typed to confirm


def register(site: Site) -> None:
    """A copy for those who see personal data, erasing for those who configure."""
    site.route(f"{AT}/export", contact_export, Right.PERSONAL, ("POST",))
    site.route(f"{AT}/erase", contact_erase, Right.CONFIGURE, ("GET", "POST"))


def contact_export(console: Console, platform: str, account_id: int, contact_id: str) -> Any:
    """All that is kept, as JSON. Noted in the audit log."""
    opened = open_contact(console, platform, account_id, contact_id)
    document = keeping.export(console.wiring, opened.names, opened.known, signed_in().email)
    return Response(
        json.dumps(document, ensure_ascii=False, indent=2) + "\n",
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="contact-{console.now_ms() // 1000}.json"'},
    )


def contact_erase(console: Console, platform: str, account_id: int, contact_id: str) -> Any:
    """Whom it reaches and what it means; after a typed word, doing it."""
    opened, errors = open_contact(console, platform, account_id, contact_id), FormErrors()
    if request.method == "POST":
        if request.form.get("confirm", "").strip().lower() != WORD:
            errors.add("confirm", f"Type {WORD} to confirm.")
        else:
            try:
                done = keeping.erase(console.wiring, opened.directory, opened.known, signed_in().email)
                if done.queue_cleared:
                    flash(keeping.told(done))
                else:
                    flash(keeping.told(done), "error")
                return redirect(url_for("contacts"), 303)
            except Busy as busy:
                errors.add("", str(busy))
    with console.wiring.database.reading() as session:
        both = keeping.of_both(session, opened.known)
    body = render_template(
        "contact_erase.html",
        **shown(console, opened, *reading.unread(opened.known, opened.ties)),
        both=[(opened.directory.accounts[one], contact) for one, contact in both],
        word=WORD,
        errors=errors,
    )
    return body, 400 if errors else 200
