"""What a configuration file says, as data: accounts and instances before anything was looked up.

``None`` means that the file is silent, so that what is stored stays: a token, a webhook secret, the field
types, whether an instance is enabled. Secrets never show in a ``repr``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.domain.fields import Direction, Platform
from core.domain.mapping_check import RawFilter, RawRow

AccountKey = tuple[Platform, str]  # platform and name: how instances name an account


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """An account of the file. ``credentials``: what the file gives; a None value takes a stored one away."""

    platform: Platform
    name: str
    external_id: str
    place: str
    credentials: Mapping[str, Any] = field(default_factory=dict, repr=False)
    field_types: Mapping[str, str] | None = None

    @property
    def key(self) -> AccountKey:
        """How instances name it."""
        return (self.platform, self.name)

    @property
    def token(self) -> str:
        """The token that the file gives, or empty."""
        return str(self.credentials.get("access_token") or self.credentials.get("api_token") or "")


@dataclass(frozen=True, slots=True)
class InstanceEntry:
    """An instance of the file."""

    name: str
    direction: Direction
    hubspot: str
    mainstay: str
    rows: tuple[RawRow, ...]
    place: str
    filters: tuple[RawFilter, ...] = ()
    description: str = ""
    enabled: bool | None = None

    @property
    def accounts(self) -> tuple[AccountKey, AccountKey]:
        """Both accounts, HubSpot's first."""
        return ((Platform.HUBSPOT, self.hubspot), (Platform.MAINSTAY, self.mainstay))


@dataclass(frozen=True, slots=True)
class Configuration:
    """A whole file."""

    accounts: tuple[AccountEntry, ...] = ()
    instances: tuple[InstanceEntry, ...] = ()
