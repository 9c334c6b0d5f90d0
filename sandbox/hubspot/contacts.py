"""The contacts of one portal: values with history, unique keys, merges, and what search sees of them.

No HTTP and no checks here: callers bring clean values (``values.py``) and free keys (``writes.py``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sandbox.clock import iso_ms
from sandbox.hubspot.catalogue import Catalogue
from sandbox.hubspot.search_index import SearchIndex
from sandbox.hubspot.values import local_digits

HISTORY_LENGTH = 20
SYSTEM_DATES = ("createdate", "lastmodifieddate")


class Origin(NamedTuple):
    """Who changes something, as HubSpot names it, and when."""

    source_type: str
    source_id: str
    at_ms: int


class Version(NamedTuple):
    """One value of a property's history."""

    value: str
    at_ms: int
    source_type: str
    source_id: str


@dataclass(slots=True)
class Contact:
    """One record. ``values`` holds what is set; ``history`` has the newest version first."""

    id: str
    created_at_ms: int
    updated_at_ms: int
    values: dict[str, str] = field(default_factory=dict)
    history: dict[str, list[Version]] = field(default_factory=dict)
    archived_at_ms: int | None = None

    def put(self, name: str, value: str, origin: Origin) -> None:
        if value:
            self.values[name] = value
        else:
            self.values.pop(name, None)
        versions = self.history.setdefault(name, [])
        versions.insert(0, Version(value, origin.at_ms, origin.source_type, origin.source_id))
        del versions[HISTORY_LENGTH:]

    def emails(self) -> list[str]:
        found = [self.values.get("email", ""), *self.values.get("hs_additional_emails", "").split(";")]
        return [email.strip().lower() for email in found if email.strip()]


class ContactBook:
    """All contacts of a portal, the archived ones too."""

    def __init__(self, catalogue: Catalogue, first_id: int) -> None:
        self.catalogue = catalogue
        self.all: dict[str, Contact] = {}
        self.merged_into: dict[str, str] = {}
        self.next_id = first_id
        self.index = SearchIndex()
        self._by_email: dict[str, str] = {}
        self._by_unique: dict[str, dict[str, str]] = {}

    def live(self) -> Iterable[Contact]:
        return (each for each in self.all.values() if each.archived_at_ms is None)

    def get(self, contact_id: str, archived: bool = False) -> Contact | None:
        """The record of exactly this id; merged-away ids are not followed."""
        found = self.all.get(contact_id)
        return found if found and (found.archived_at_ms is not None) == archived else None

    def resolve(self, contact_id: str, archived: bool = False) -> Contact | None:
        """The record of this id, or the survivor of its merges."""
        while contact_id in self.merged_into:
            contact_id = self.merged_into[contact_id]
        return self.get(contact_id, archived)

    def find(self, id_property: str, value: str) -> Contact | None:
        """The live record by e-mail (additional ones too) or by a unique property."""
        if id_property in ("", "hs_object_id"):
            return self.get(value)
        if id_property == "email":
            return self.all.get(self._by_email.get(value.strip().lower(), ""))
        return self.all.get(self._by_unique.get(id_property, {}).get(value, ""))

    def is_key(self, id_property: str) -> bool:
        if id_property in ("", "hs_object_id", "email"):
            return True
        definition = self.catalogue.get(id_property)
        return definition is not None and definition.unique and not definition.archived

    def create(self, values: Mapping[str, str], origin: Origin, visible_after_s: float) -> Contact:
        contact = Contact(str(self.next_id), origin.at_ms, origin.at_ms)
        self.next_id += 17
        self.all[contact.id] = contact
        contact.values["hs_object_id"] = contact.id
        contact.values["createdate"] = iso_ms(origin.at_ms)
        contact.values["hs_object_source"] = origin.source_type
        if origin.source_id:
            contact.values["hs_object_source_id"] = origin.source_id
        for name, value in values.items():
            if value:
                contact.put(name, value, origin)
        self._after_change(contact, origin.at_ms, visible_after_s)
        return contact

    def update(
        self, contact: Contact, values: Mapping[str, str], origin: Origin, visible_after_s: float
    ) -> list[str]:
        """Stores what differs and returns the names of it; nothing different changes nothing."""
        changed = [name for name, value in values.items() if contact.values.get(name, "") != value]
        if changed:
            self._forget_keys(contact)
            for name in changed:
                contact.put(name, values[name], origin)
            self._after_change(contact, origin.at_ms, visible_after_s)
        return changed

    def touch(self, contact: Contact, names: Iterable[str], origin: Origin, visible_after_s: float) -> None:
        """Counts equal values as changes, for the switch that says so."""
        for name in names:
            contact.put(name, contact.values.get(name, ""), origin)
        self._after_change(contact, origin.at_ms, visible_after_s)

    def archive(self, contact: Contact, at_ms: int) -> None:
        self._forget_keys(contact)
        contact.archived_at_ms = at_ms

    def restore(self, contact: Contact, at_ms: int, visible_after_s: float) -> None:
        contact.archived_at_ms = None
        self._after_change(contact, at_ms, visible_after_s)

    def forget(self, contact: Contact) -> None:
        self._forget_keys(contact)
        del self.all[contact.id]
        self.index.remove(contact.id)

    def merge(
        self, primary: Contact, other: Contact, origin: Origin, visible_after_s: float
    ) -> tuple[Contact, int]:
        """A third record with a new id takes the place of both; the primary's values win (since 2025-01-14).

        Returns the survivor and how many properties moved over from ``other``.
        """
        for each in (primary, other):
            self.forget(each)
        skip = {"hs_object_id", "hs_merged_object_ids", "hs_additional_emails", *SYSTEM_DATES}
        moved = [n for n in other.values if n not in primary.values and n not in skip]
        survivor = Contact(str(self.next_id), min(primary.created_at_ms, other.created_at_ms), origin.at_ms)
        self.next_id += 17
        survivor.values = {**{n: other.values[n] for n in moved}, **primary.values}
        survivor.history = {**{n: other.history[n] for n in moved if n in other.history}, **primary.history}
        survivor.values["hs_object_id"] = survivor.id
        survivor.values["createdate"] = iso_ms(survivor.created_at_ms)
        earlier = (primary.values.get("hs_merged_object_ids"), other.values.get("hs_merged_object_ids"))
        merged_ids = [*(ids for ids in earlier if ids), primary.id, other.id]
        survivor.values["hs_merged_object_ids"] = ";".join(merged_ids)
        emails = [e for e in (*primary.emails(), *other.emails()) if e != (primary.emails() or [""])[0]]
        if emails and "email" in primary.values:
            survivor.values["hs_additional_emails"] = ";".join(dict.fromkeys(emails))
        self.all[survivor.id] = survivor
        self.merged_into[primary.id] = self.merged_into[other.id] = survivor.id
        self._after_change(survivor, origin.at_ms, visible_after_s)
        return survivor, len(moved)

    def take_over(self, contact: Contact) -> None:
        """Puts a record from the state file in its place."""
        self.all[contact.id] = contact
        if contact.archived_at_ms is None:
            self._learn_keys(contact)
            self.index.put(contact.id, contact.values, 0.0)

    def relearn_keys(self) -> None:
        """After a property became unique or ceased to be."""
        self._by_unique.clear()
        for contact in self.live():
            self._learn_keys(contact)

    def _after_change(self, contact: Contact, at_ms: int, visible_after_s: float) -> None:
        # An edit that is dated back must not turn the record's own clock back.
        contact.updated_at_ms = max(contact.updated_at_ms, at_ms)
        values = contact.values
        values["lastmodifieddate"] = iso_ms(contact.updated_at_ms)
        for name, calculated in (("phone", "phone"), ("mobilephone", "mobile")):
            target = f"hs_searchable_calculated_{calculated}_number"
            values.pop(target, None)
            if name in values:
                values[target] = local_digits(values[name])
        full_name = f"{values.get('firstname', '')} {values.get('lastname', '')}".strip()
        values["hs_full_name_or_email"] = full_name or values.get("email", "")
        self._learn_keys(contact)
        self.index.put(contact.id, contact.values, visible_after_s)

    def _unique_values(self, contact: Contact) -> list[tuple[str, str]]:
        unique = (p.name for p in self.catalogue.values() if p.unique)
        return [(name, contact.values[name]) for name in unique if name in contact.values]

    def _learn_keys(self, contact: Contact) -> None:
        for email in contact.emails():
            self._by_email[email] = contact.id
        for name, value in self._unique_values(contact):
            self._by_unique.setdefault(name, {})[value] = contact.id

    def _forget_keys(self, contact: Contact) -> None:
        for email in contact.emails():
            if self._by_email.get(email) == contact.id:
                del self._by_email[email]
        for name, value in self._unique_values(contact):
            known = self._by_unique.get(name, {})
            if known.get(value) == contact.id:
                del known[value]
