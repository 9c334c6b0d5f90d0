"""/contacts: preview, sync, timeline."""

from typing import Any

from flask import g
from flask_smorest import Blueprint

from console import starting
from console.access import Right
from console.api import filters, schemas
from console.api.filters import query
from console.api.instances import find
from console.api.problems import NoSuchThing
from console.api.tokens import needs
from console.contact_argument import on_source
from console.masking import masked_preview
from console.timelines import look_up
from console.web.site import Console
from consumers import single
from core.domain.instances import Instance

AT = "/contacts"


def blueprint(console: Console) -> Blueprint:
    """The routes."""
    part = Blueprint("api_contacts", __name__, description="Single contacts.")

    @part.route("/preview/<path:instance>", methods=["POST"])
    @needs(Right.VIEW)
    @part.arguments(schemas.ContactArgument)
    @part.response(200, schemas.Preview)
    def preview_contact(given: dict[str, Any], instance: str) -> Any:
        """What a sync of this contact would do, and why. Writes nothing. A viewer's values are masked.
        404: the source has no such contact."""
        found = find(console, instance)
        contact = _on_source(console, found, given["contact"])
        told = single.preview(console.wiring, found, contact)
        if not told["exists"]:
            raise NoSuchThing(f"there is no contact {contact} in {found.direction.source.title}")
        return told if g.role.may(Right.PERSONAL) else masked_preview(told)

    @part.route("/sync/<path:instance>", methods=["POST"])
    @needs(Right.CONFIGURE)
    @part.arguments(schemas.ContactArgument)
    @part.response(200, schemas.Synced)
    def sync_contact(given: dict[str, Any], instance: str) -> Any:
        """Sync this contact now; answers when the outcome is known."""
        found = find(console, instance)
        contact = _on_source(console, found, given["contact"])
        done = starting.sync(console.wiring, found, contact, g.caller)
        return starting.synced_document(done)

    @part.route("/timeline/<path:contact>", methods=["GET"])
    @needs(Right.VIEW)
    @query(part, schemas.AccountQuery)
    @part.response(200, schemas.Timeline)
    def contact_timeline(given: dict[str, Any], contact: str) -> Any:
        """A contact's timeline over both directions. ``account``: only of the account of that name, since two
        portals may give the same ID; each part names its accounts."""
        account = filters.account_name(console, given["account"])
        return look_up(console.wiring.database, filters.contact(contact), account=account).to_json()

    return part


def _on_source(console: Console, instance: Instance, text: str) -> str:
    return on_source(console.wiring, instance, filters.contact(text))
