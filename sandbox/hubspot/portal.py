"""A portal (one HubSpot account), its tokens, and the world of all portals that one server holds."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.hubspot.catalogue import default_catalogue
from sandbox.hubspot.contacts import ContactBook
from sandbox.hubspot.settings import HubSpotSettings
from sandbox.messages import JsonObject

# 64-bit, as in captures of 2025/26 (facts §2.2). Every portal starts at the same number: ids are unique
# within a portal only, and code that forgets the portal should stumble here.
FIRST_CONTACT_ID = 541_935_488_729
ALL_SCOPES = (
    "oauth",
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.schemas.contacts.read",
    "crm.schemas.contacts.write",
)


@dataclass(slots=True)
class Token:
    """What an access or refresh token stands for. ``expires_at_s`` is wall-clock time; None = never."""

    portal_id: str
    scopes: list[str]
    kind: str = "static"
    expires_at_s: float | None = None
    client_id: str = ""

    @property
    def expired(self) -> bool:
        return self.expires_at_s is not None and time.time() >= self.expires_at_s


@dataclass(slots=True)
class Portal:
    """One account with its contacts; ``id`` is the portal id as text."""

    id: str
    name: str
    book: ContactBook


@dataclass(slots=True)
class AuthorizationCode:
    """A code of the authorize page: works once, for ten minutes."""

    portal_id: str
    client_id: str
    redirect_uri: str
    scopes: list[str]
    code_challenge: str
    challenge_method: str
    expires_at_s: float


@dataclass
class World:
    """All portals and tokens of one server, and the way out for their events."""

    settings: HubSpotSettings
    publish: Callable[[str, list[JsonObject]], None]
    random_number: Callable[[], int]
    portals: dict[str, Portal] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    refresh_tokens: dict[str, Token] = field(default_factory=dict)
    codes: dict[str, AuthorizationCode] = field(default_factory=dict)

    def add_portal(self, portal_id: str, tokens: list[str], unique_admithub_id: bool = False) -> Portal:
        portal = self.portals.get(portal_id)
        if portal is None:
            book = ContactBook(default_catalogue(unique_admithub_id), FIRST_CONTACT_ID)
            portal = self.portals[portal_id] = Portal(portal_id, f"Portal {portal_id}", book)
        for token in tokens:
            self.tokens[token] = Token(portal_id, list(ALL_SCOPES))
        return portal

    def new_token(self, prefix: str) -> str:
        return f"{prefix}-{secrets.token_urlsafe(24)}"
