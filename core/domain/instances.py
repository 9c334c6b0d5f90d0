"""An integration instance and the accounts it ties together, as the rules see them: no credentials."""

from dataclasses import dataclass
from enum import StrEnum

from core.domain.fields import Direction, Mapping, Platform


@dataclass(frozen=True, slots=True)
class Account:
    """One HubSpot portal or one Mainstay organisation. ``external_id`` is the portal id or the org id."""

    id: int
    platform: Platform
    name: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One direction between one portal and one organisation. ``id`` never changes and is never used again.

    ``two_way`` names the row keys (``Row.key``) that an enabled instance of the other direction maps too,
    and ``opposite_ids`` those instances.
    """

    id: int
    name: str
    direction: Direction
    hubspot: Account
    mainstay: Account
    mapping: Mapping
    enabled: bool
    mapping_version: int = 1
    description: str = ""

    @property
    def source(self) -> Account:
        """The account that is read."""
        return self.hubspot if self.direction is Direction.INCOMING else self.mainstay

    @property
    def target(self) -> Account:
        """The account that is written."""
        return self.mainstay if self.direction is Direction.INCOMING else self.hubspot


class Existence(StrEnum):
    """Whether a waiting message's instance still wants it."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    DELETED = "deleted"
