"""Turns what happened to a contact into webhook events.

Shapes: https://developers.hubspot.com/docs/api/webhooks and public captures (facts §2.2 to §2.4).
"""

from collections.abc import Iterable, Mapping

from sandbox.hubspot.contacts import Contact, Origin
from sandbox.hubspot.portal import Portal, World
from sandbox.hubspot.values import webhook_value
from sandbox.messages import JsonObject

# Documented as never subscribable; calculated properties do not fire either (seen).
NEVER_FIRE = frozenset(
    {"lastmodifieddate", "hs_lastmodifieddate", "num_unique_conversion_events", "createdate"}
)
SUBSCRIPTION_IDS = {
    "creation": 3329277,
    "propertyChange": 3329278,
    "deletion": 3329279,
    "restore": 3329280,
    "merge": 3329281,
    "privacyDeletion": 3329282,
}
MIXED = "several portals"


class EventWriter:
    """Writes the events of one portal and hands them to the delivery queue."""

    def __init__(self, world: World, portal: Portal) -> None:
        self._world = world
        self._portal = portal

    def created(self, contact: Contact, names: Iterable[str], origin: Origin) -> None:
        """One propertyChange per set property, then the creation, all of the same time (seen)."""
        changes = self._changes(contact, names, origin)
        creation = self._event("creation", contact.id, origin, {"changeFlag": "CREATED"})
        self._send([*changes, *creation])

    def changed(self, contact: Contact, names: Iterable[str], origin: Origin) -> None:
        self._send(self._changes(contact, names, origin))

    def archived(self, contact_id: str, origin: Origin) -> None:
        self._send(self._event("deletion", contact_id, origin, {"changeFlag": "DELETED"}))

    def restored(self, contact_id: str, origin: Origin) -> None:
        flag = self._world.settings.restore_change_flag
        self._send(self._event("restore", contact_id, origin, {"changeFlag": flag} if flag else {}))

    def forgotten(self, contact_id: str, origin: Origin) -> None:
        """A privacy deletion comes with a plain deletion (documented), of no certain order."""
        privacy = self._event("privacyDeletion", contact_id, origin, {})
        self._send([*privacy, *self._event("deletion", contact_id, origin, {"changeFlag": "DELETED"})])

    def merged(self, primary_id: str, other_id: str, survivor: Contact, moved: int, origin: Origin) -> None:
        settings = self._world.settings
        object_id = primary_id if settings.merge_object_id == "primary" else survivor.id
        extra = {
            "primaryObjectId": int(primary_id),
            "mergedObjectIds": [int(primary_id), int(other_id)],
            "newObjectId": int(survivor.id),
            "numberOfPropertiesMoved": moved,
        }
        events = self._event("merge", object_id, origin, extra)
        if settings.merge_sends_deletions:
            for loser in (primary_id, other_id):
                events += self._event("deletion", loser, origin, {"changeFlag": "DELETED"})
        self._send(events)

    def _changes(self, contact: Contact, names: Iterable[str], origin: Origin) -> list[JsonObject]:
        wanted = self._world.settings.subscribed_properties
        catalogue = self._portal.book.catalogue
        events = []
        for name in names:
            definition = catalogue[name]
            if name in NEVER_FIRE or definition.calculated or (wanted is not None and name not in wanted):
                continue
            extra: JsonObject = {
                "propertyName": name,
                "propertyValue": webhook_value(definition, contact.values.get(name, "")),
            }
            for event in self._event("propertyChange", contact.id, origin, extra):
                if event["subscriptionType"].startswith("object."):
                    event["isSensitive"] = definition.sensitive
                events.append(event)
        return events

    def _event(
        self, kind: str, contact_id: str, origin: Origin, extra: Mapping[str, object]
    ) -> list[JsonObject]:
        settings = self._world.settings
        if kind not in settings.subscribed_types:
            return []
        families = {"classic": ("contact",), "generic": ("object",)}.get(
            settings.event_names, ("contact", "object")
        )
        if kind == "privacyDeletion":
            families = ("contact",)  # it has no generic form
        return [self._one(family, kind, contact_id, origin, extra) for family in families]

    def _one(
        self, family: str, kind: str, contact_id: str, origin: Origin, extra: Mapping[str, object]
    ) -> JsonObject:
        event: JsonObject = {
            "eventId": self._world.random_number(),
            "subscriptionId": SUBSCRIPTION_IDS[kind],
            "portalId": int(self._portal.id),
            "appId": self._world.settings.app_id,
            "occurredAt": origin.at_ms,
            "subscriptionType": f"{family}.{kind}",
            "attemptNumber": 0,
            "objectId": int(contact_id),
            **extra,
            "changeSource": origin.source_type,
        }
        if origin.source_id:
            event["sourceId"] = origin.source_id
        if family == "object":
            event["objectTypeId"] = "0-1"
        return event

    def _send(self, events: list[JsonObject]) -> None:
        mixed = self._world.settings.mix_portals_in_post
        self._world.publish(MIXED if mixed else self._portal.id, events)
