"""Linking two records by hand and taking a link apart: each asks first, and says what it brings about."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for

from console.access import Right
from console.contacts import effects, linking, reading
from console.contacts.leased import Busy
from console.contacts.linking import Couple, Refused
from console.contacts.reading import Tie
from console.contacts.rows import Reader
from console.masking import masked
from console.web.errors import FormErrors
from console.web.filtering import LOOK_THERE, is_id
from console.web.pages.contact import AT, Open, open_contact, shown
from console.web.site import Console, Site, may, signed_in
from console.web.words import platform_problem
from core.domain.fields import Platform
from core.domain.instances import Account
from core.platforms.errors import PlatformError
from core.store.links import Link


def register(site: Site) -> None:
    """For those who configure."""
    site.route(f"{AT}/link", contact_link, Right.CONFIGURE, ("GET", "POST"))
    site.route(f"{AT}/unlink", contact_unlink, Right.CONFIGURE, ("GET", "POST"))


def contact_link(console: Console, platform: str, account_id: int, contact_id: str) -> Any:
    """With whom (``other_account``, ``other`` of the address), what that brings about, and doing it."""
    opened, errors = open_contact(console, platform, account_id, contact_id), FormErrors()
    given = request.form if request.method == "POST" else request.args
    others = _others(opened)
    account = next((one for one in others if str(one.id) == given.get("other_account")), None)
    text = given.get("other", "").strip()[:200]
    if text and not is_id(text):
        errors.add("other", f"Enter an id. {LOOK_THERE}")
    elif request.method == "POST" and (not text or account is None):
        errors.add("other", "Enter the id of the other record.")
    elif request.method == "POST" and request.form.get("do") == "ask":
        assert account is not None
        here = {**opened.variables, "other_account": account.id, "other": text}
        return redirect(url_for("contact_link", **here), 303)
    tie: Tie | None = None
    if text and not errors and account is not None:
        couple = _couple(opened, account, text)
        try:
            if request.method == "POST":
                linking.link(console.wiring, opened.directory, couple, signed_in().email)
                flash("Linked. Nothing was written yet: preview a sync to see what it would do.")
                return redirect(url_for("contact", **opened.variables), 303)
            tie = linking.examine(console.wiring, opened.directory, couple)
        except Refused as refused:
            code = f" ({refused.code})" if refused.code else ""
            errors.add("other", f"{refused}{code}")
        except Busy as busy:
            errors.add("", str(busy))
    body = render_template(
        "contact_link.html",
        **_shown(console, opened),
        others=others,
        chosen=account,
        text=text,
        tie=tie,
        sides=_names(tie),
        told=effects.effects_of_link(tie, _reader(console)) if tie is not None else [],
        errors=errors,
    )
    return body, 400 if errors else 200


def contact_unlink(console: Console, platform: str, account_id: int, contact_id: str) -> Any:
    """What taking the link with the contact of ``other_account`` apart brings about, and doing it."""
    opened, errors = open_contact(console, platform, account_id, contact_id), FormErrors()
    given = request.form if request.method == "POST" else request.args
    tie = next(
        (one for one in opened.ties if str(_other(opened, one).id) == given.get("other_account")), None
    )
    if tie is None or tie.link is None:
        flash("They are not linked (any more).", "error")
        return redirect(url_for("contact", **opened.variables), 303)
    couple = _couple_of(tie, tie.link)
    if request.method == "POST":
        try:
            take_ids = request.form.get("take_ids") == "yes"
            linking.unlink(console.wiring, couple, signed_in().email, take_ids=take_ids)
            flash("Unlinked. The timeline stays.")
            return redirect(url_for("contact", **opened.variables), 303)
        except (Refused, Busy) as refused:
            errors.add("", str(refused))
        except PlatformError as error:
            errors.add("", f"The link stays as it was. {platform_problem(error, 'Try again in a moment.')}")
    tie = reading.read_both(console.wiring, opened.directory, tie)
    body = render_template(
        "contact_unlink.html",
        **_shown(console, opened),
        other=_other(opened, tie),
        tie=tie,
        sides=_names(tie),
        told=effects.effects_of_unlink(tie, _reader(console)),
        crm_id=effects.holds_crm_id(tie),
        errors=errors,
    )
    return body, 400 if errors else 200


def _shown(console: Console, opened: Open) -> dict[str, Any]:
    return shown(console, opened, *reading.unread(opened.known, opened.ties))


def _reader(console: Console) -> Reader:
    return Reader(console.wiring.digest_key(), console.wiring.settings.phone_region, may(Right.PERSONAL))


def _other(opened: Open, tie: Tie) -> Account:
    return tie.other(opened.known.account.platform).account


def _others(opened: Open) -> list[Account]:
    """The accounts that integrations pair the contact's own with, and where it is linked with nobody."""
    return [_other(opened, tie) for tie in opened.ties if tie.instances and tie.link is None]


def _couple(opened: Open, account: Account, other: str) -> Couple:
    mine, own = opened.known.account, opened.known.whom.contact
    if account.platform is mine.platform:
        abort(404)
    if mine.platform is Platform.HUBSPOT:
        return Couple(mine, own, account, other)
    return Couple(account, other, mine, own)


def _couple_of(tie: Tie, link: Link) -> Couple:
    return Couple(tie.hubspot.account, link.hubspot_id, tie.mainstay.account, link.mainstay_id)


def _names(tie: Tie | None) -> list[tuple[Any, str]]:
    """Both sides with what people call them, masked for those who may not see more."""
    if tie is None:
        return []
    sides = (tie.hubspot, tie.mainstay)
    return [(one, one.name if may(Right.PERSONAL) else masked(one.name) or "") for one in sides]
