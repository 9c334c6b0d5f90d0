"""What an outside user does to HubSpot contacts, on the page or through the control API.

Every change fires webhooks; refused input raises ``Refusal`` with HubSpot's own error.
"""

from sandbox.control import refused
from sandbox.hubspot.contacts import Contact, Origin
from sandbox.hubspot.events import EventWriter
from sandbox.hubspot.portal import Portal, World
from sandbox.hubspot.writes import ContactWriter, WriteError


class OutsideUser:
    """Creates, changes, archives, restores, merges and forgets contacts of any portal."""

    def __init__(self, world: World) -> None:
        self.world = world

    def contact(self, portal: Portal, contact_id: str, archived: bool = False) -> Contact:
        found = portal.book.resolve(contact_id, archived)
        if found is None:
            raise refused(404, f"no contact {contact_id}")
        return found

    def write(
        self, portal: Portal, contact: Contact | None, values: dict[str, object], origin: Origin
    ) -> Contact:
        """Creates or changes a contact. Raises ``Refusal`` with HubSpot's own error."""
        writer = ContactWriter(self.world, portal)
        try:
            plan = writer.plan_update(contact, values) if contact else writer.plan_create(values)
        except WriteError as problem:
            raise problem.as_refusal() from problem
        return writer.carry_out(plan, origin)

    def archive(self, portal: Portal, contact: Contact, origin: Origin) -> None:
        portal.book.archive(contact, origin.at_ms)
        EventWriter(self.world, portal).archived(contact.id, origin)

    def restore(self, portal: Portal, contact: Contact, origin: Origin) -> None:
        owners = (portal.book.find("email", email) for email in contact.emails())
        if any(owner is not None for owner in owners):
            raise refused(409, "another contact has taken the email since")
        portal.book.restore(contact, origin.at_ms, self.world.settings.search_lag_s)
        EventWriter(self.world, portal).restored(contact.id, origin)

    def forget(self, portal: Portal, contact: Contact, origin: Origin) -> None:
        portal.book.forget(contact)
        EventWriter(self.world, portal).forgotten(contact.id, origin)

    def merge(self, portal: Portal, primary: Contact, other: Contact, origin: Origin) -> Contact:
        if primary is other:
            raise refused(400, "cannot merge a contact with itself")
        survivor, moved = portal.book.merge(primary, other, origin, self.world.settings.search_lag_s)
        EventWriter(self.world, portal).merged(primary.id, other.id, survivor, moved, origin)
        return survivor
