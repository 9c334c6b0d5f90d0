"""One organisation: its tokens, its fields, its contacts, unique by phone and by CRM ID."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sandbox.mainstay.fields import CustomField, default_custom_fields
from sandbox.mainstay.settings import MainstaySettings
from sandbox.messages import JsonObject

UNIQUE = ("phone", "crm_id")
# "web" contacts have no phone; SMS goes through Twilio (Conversations Export; facts §2.1).
DEFAULT_FLAGS: Mapping[str, object] = {
    "archived": False,
    "test_user": False,
    "invalid_phone": False,
    "can_text": True,
    "texting_status": "opted-in",
    "permitted_user_status": "permitted",
}


@dataclass(slots=True)
class Contact:
    """One record. Times are microseconds since 1970."""

    id: str
    created_us: int
    modified_us: int
    values: dict[str, str] = field(default_factory=dict)
    custom: dict[str, object] = field(default_factory=dict)
    flags: dict[str, object] = field(default_factory=lambda: dict(DEFAULT_FLAGS))
    previous_phone: str | None = None

    @property
    def hidden_as(self) -> str | None:
        """Which include flag it takes to see this contact."""
        if self.flags["test_user"]:
            return "include_test_contacts"
        if self.flags["permitted_user_status"] != "permitted":
            return "include_nonpermitted_contacts"
        return None


@dataclass(slots=True)
class Organisation:
    """An institution's account. ``webhook_secrets``: every delivery is signed with each of them."""

    id: str
    random: random.Random
    tokens: list[str] = field(default_factory=list)
    webhook_secrets: list[str] = field(default_factory=list)
    contacts: dict[str, Contact] = field(default_factory=dict)
    custom_fields: dict[str, CustomField] = field(
        default_factory=lambda: {each.name: each for each in default_custom_fields()}
    )
    taken: dict[tuple[str, str], str] = field(default_factory=dict)

    def new_id(self) -> str:
        """Opaque, like ``ahd2b33d72814c61b`` (seen)."""
        return "ah" + "".join(self.random.choices("0123456789abcdef", k=15))

    def owner(self, name: str, value: str) -> Contact | None:
        return self.contacts.get(self.taken.get((name, value), ""))

    def put(self, contact: Contact, former: Mapping[str, str] | None = None) -> None:
        """Stores a new or changed contact; ``former`` are the values whose unique keys it gives up."""
        for name in UNIQUE:
            if former and name in former:
                self.taken.pop((name, former[name]), None)
        self.contacts[contact.id] = contact
        for name in UNIQUE:
            if name in contact.values:
                self.taken[name, contact.values[name]] = contact.id

    def remove(self, contact: Contact) -> None:
        for name in UNIQUE:
            self.taken.pop((name, contact.values.get(name, "")), None)
        del self.contacts[contact.id]


@dataclass
class World:
    """All organisations of one server, and the way out for their events."""

    settings: MainstaySettings
    publish: Callable[[str, list[JsonObject]], None]
    seed: int
    organisations: dict[str, Organisation] = field(default_factory=dict)

    def add(self, org_id: str, tokens: list[str], webhook_secrets: list[str]) -> Organisation:
        organisation = self.organisations.get(org_id)
        if organisation is None:
            # Seeded by name: the ids of one organisation do not depend on the others.
            ids = random.Random(f"{self.seed}/{org_id}")
            organisation = self.organisations[org_id] = Organisation(org_id, ids)
        organisation.tokens += [each for each in tokens if each not in organisation.tokens]
        organisation.webhook_secrets = webhook_secrets or organisation.webhook_secrets
        return organisation


def iso_us(at_us: int) -> str:
    """Microseconds as ``2026-11-23T10:00:00.123456Z``."""
    moment = datetime.fromtimestamp(at_us / 1_000_000, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_us(text: str) -> int:
    """Microseconds of an ISO 8601 time; no zone means UTC. Raises ``ValueError``."""
    # An unescaped "+00:00" of a query arrives with a space.
    moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000_000)
