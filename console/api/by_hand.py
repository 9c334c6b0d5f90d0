"""/contacts: find somebody, link and unlink two records, take away or erase what is kept about one."""

from typing import Any

from flask import g
from flask_smorest import Blueprint

from console.access import Right
from console.api import by_hand_schemas as schemas
from console.api import filters
from console.api.times import refused
from console.api.tokens import needs
from console.contacts import finding, keeping, linking, naming
from console.contacts.linking import Couple
from console.contacts.rows import Reader
from console.web.site import Console
from consumers.directory import Directory

AT = "/contacts"


def blueprint(console: Console) -> Blueprint:
    """The routes."""
    part = Blueprint("api_by_hand", __name__, description="Single contacts, by hand.")
    _linking(part, console)
    _privacy(part, console)

    @part.route("/find", methods=["POST"])
    @needs(Right.VIEW)
    @part.arguments(schemas.Find)
    @part.response(200, schemas.Found)
    def find_contacts(given: dict[str, Any]) -> Any:
        """Somebody by any id, email, phone or name, in every account. A viewer's values are masked."""
        text = finding.tidied(given["text"])
        if not text:
            raise refused("text", "is blank")
        return finding.find(console.wiring, text, personal=g.role.may(Right.PERSONAL)).to_json()

    return part


def _linking(part: Blueprint, console: Console) -> None:
    @part.route("/link", methods=["POST"])
    @needs(Right.CONFIGURE)
    @part.arguments(schemas.Couple)
    @part.response(200, schemas.Effects)
    def link_contacts(given: dict[str, Any]) -> Any:
        """Make two records one contact, with nothing agreed yet; nothing is written to a platform. 409 where
        one of them may not be linked, with the rule's ``code`` where it has one."""
        directory, couple = _couple(console, given)
        told = linking.told_of_link(console.wiring, directory, couple, _reader(console))
        if not given["dry_run"]:
            linking.link(console.wiring, directory, couple, g.caller)
        return {"effects": told, "done": not given["dry_run"]}

    @part.route("/unlink", methods=["POST"])
    @needs(Right.CONFIGURE)
    @part.arguments(schemas.Unlink)
    @part.response(200, schemas.Effects)
    def unlink_contacts(given: dict[str, Any]) -> Any:
        """Take a link apart; nothing is deleted on a platform. 409 where they are not linked."""
        directory, couple = _couple(console, given)
        told = linking.told_of_unlink(console.wiring, directory, couple, _reader(console))
        if not given["dry_run"]:
            linking.unlink(console.wiring, couple, g.caller, take_ids=given["take_crm_id"])
        return {"effects": told, "done": not given["dry_run"]}


def _privacy(part: Blueprint, console: Console) -> None:
    @part.route("/export", methods=["POST"])
    @needs(Right.PERSONAL)
    @part.arguments(schemas.Whom)
    @part.response(200, content_type="application/json")
    def export_contact(given: dict[str, Any]) -> Any:
        """All that is kept about a contact, as one document. Noted in the audit log."""
        meant = naming.meant(console.wiring, filters.contact(given["contact"]), given["account"])
        return keeping.export(console.wiring, meant.names, meant.known, g.caller)

    @part.route("/erase", methods=["POST"])
    @needs(Right.CONFIGURE)
    @part.arguments(schemas.Erase)
    @part.response(200, schemas.Erased)
    def erase_contact(given: dict[str, Any]) -> Any:
        """Remove all that is kept about a contact, on both sides of its links. The platforms keep theirs."""
        meant = naming.meant(console.wiring, filters.contact(given["contact"]), given["account"])
        told = {"contacts": keeping.reached(console.wiring, meant.directory, meant.known)}
        if given["dry_run"]:
            return {**told, "rows": 0, "queue_cleared": False, "done": False}
        done = keeping.erase(console.wiring, meant.directory, meant.known, g.caller)
        return {**told, "rows": done.rows, "queue_cleared": done.queue_cleared, "done": True}


def _couple(console: Console, given: dict[str, Any]) -> tuple[Directory, Couple]:
    directory = Directory.load(console.wiring)
    names = {"hubspot": given["hubspot"], "mainstay": given["mainstay"]}
    return directory, naming.couple_of(directory, given["hubspot_id"], given["mainstay_id"], **names)


def _reader(console: Console) -> Reader:
    personal = g.role.may(Right.PERSONAL)
    return Reader(console.wiring.digest_key(), console.wiring.settings.phone_region, personal)
