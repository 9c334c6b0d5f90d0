"""What an outside user does to Mainstay contacts, on the page or through the control API; it fires events."""

from sandbox.control import refused
from sandbox.mainstay.contacts import ContactDesk, FieldErrors
from sandbox.mainstay.organisation import Contact, Organisation, World
from sandbox.messages import JsonObject


class OutsideUser:
    """What the page and the control API do; every change fires events like a user's."""

    def __init__(self, world: World) -> None:
        self._world = world

    def contact(self, organisation: Organisation, contact_id: str) -> Contact:
        if contact_id not in organisation.contacts:
            raise refused(404, f"no contact {contact_id}")
        return organisation.contacts[contact_id]

    def write(self, organisation: Organisation, contact: Contact | None, given: JsonObject) -> Contact:
        """Creates or changes, flags included; ``at_ms`` dates the edit. Raises ``Refusal``."""
        desk = ContactDesk(self._world, organisation)
        values = {name: value for name, value in given.items() if name != "at_ms"}
        at_us = int(given["at_ms"]) * 1000 if "at_ms" in given else None
        try:
            if contact is None:
                return desk.create(values, by_api=False, at_us=at_us)
            return desk.update(contact, values, by_api=False, at_us=at_us)
        except FieldErrors as problem:
            raise problem.as_refusal() from problem
