"""CONTACT as people write it, for commands and for the API: ``hubspot:ID``, ``mainstay:ID``, a bare ID."""

from typing import TYPE_CHECKING

from core.domain.contacts import Contact
from core.domain.fields import Platform
from core.domain.instances import Instance
from core.platforms.errors import NotFound
from core.store import links

if TYPE_CHECKING:
    from core.wiring import Wiring

Named = tuple[Platform | None, str]  # None = a bare ID


class NotTied(Exception):
    """A contact of the target's side that leads to none of the source. The text says what to write."""


def parse(text: str) -> Named:
    """The platform, None for a bare ID, and the ID. ValueError with a hint."""
    prefix, colon, rest = text.strip().partition(":")
    platform = {str(one): one for one in Platform}.get(prefix.lower()) if colon else None
    if colon and platform is None:
        raise ValueError(f"{text!r}: write hubspot:ID or mainstay:ID")
    contact = rest.strip() if colon else prefix
    if not contact:
        raise ValueError("the ID is empty; write hubspot:ID or mainstay:ID")
    if not contact.isprintable():
        raise ValueError("the ID holds a character that can't be seen; no ID has one")
    return platform, contact


def on_source(wiring: "Wiring", instance: Instance, named: Named) -> str:
    """The contact's ID on the instance's source; an ID of the other side is followed by link or CRM ID.

    NotTied, PlatformError.
    """
    platform, contact = named
    source = instance.source.platform
    if platform in (None, source):
        return contact
    pair = links.Pair(instance.hubspot.id, instance.mainstay.id)
    with wiring.database.reading() as session:
        if platform is Platform.MAINSTAY:
            found = [one.hubspot_id for one in links.find(session, pair, mainstay_ids=[contact])]
        else:
            found = [one.mainstay_id for one in links.find(session, pair, hubspot_ids=[contact])]
    if found:
        return found[0]
    answer = wiring.mainstay(instance.mainstay).get([contact])[contact]
    if isinstance(answer, Contact):
        if platform is Platform.MAINSTAY and answer.id == contact and answer.crm_id:
            return answer.crm_id
        if platform is Platform.HUBSPOT and answer.crm_id == contact:
            return answer.id
    elif not isinstance(answer, NotFound):
        raise answer
    raise NotTied(
        f"the contact {platform}:{contact} is not tied to a {source.title} contact yet; name it by its"
        f" {source.title} ID, {source}:ID"
    )
