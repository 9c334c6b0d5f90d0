"""What the platforms told us, in one vocabulary: an authentic member of a webhook request, read.

Made by ``core/platforms/*/events.py``, turned into messages by ``routing.py``. ``account`` is the platform's
own id of the portal or organisation, ``contact`` its id of the contact, ``at_ms`` when it says it happened
(epoch milliseconds; None where it does not say).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """A HubSpot property has a new value. ``value`` is raw, as the webhook's text has it.

    ``carried`` is False where the event hides the value (a sensitive property): then only the name counts.
    """

    account: str
    contact: str
    at_ms: int | None
    name: str
    value: Any = field(default=None, repr=False)
    carried: bool = True


@dataclass(frozen=True, slots=True)
class Creation:
    """A HubSpot contact was created."""

    account: str
    contact: str
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class Deletion:
    """A HubSpot contact went to the recycle bin."""

    account: str
    contact: str
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class Restore:
    """A HubSpot contact came back from the recycle bin."""

    account: str
    contact: str
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class PrivacyDeletion:
    """A HubSpot contact was deleted for privacy: what is kept about it has to go."""

    account: str
    contact: str
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class Merge:
    """HubSpot contacts became one. ``contact`` is the survivor; ``merged`` the ids that now lead to it.
    ``primary`` is the record whose values won, "" where it is not told."""

    account: str
    contact: str
    at_ms: int | None
    merged: tuple[str, ...] = ()
    primary: str = ""


@dataclass(frozen=True, slots=True)
class MainstayChange:
    """A Mainstay contact was created, updated or archived. ``values``: raw, by field name."""

    account: str
    contact: str
    at_ms: int | None
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    left_out: str = ""  # why the contact never travels (archived, test contact), or empty


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """Authentic, documented, and nothing of ours. ``reason`` is a metric's label."""

    account: str
    reason: str


HubSpotEvent = PropertyChange | Creation | Deletion | Restore | PrivacyDeletion | Merge | OtherEvent
Event = HubSpotEvent | MainstayChange


@dataclass(frozen=True, slots=True)
class Parsed:
    """A request's members: the readable ones, and how many could not be read, by reason."""

    events: tuple[Event, ...] = ()
    unreadable: Mapping[str, int] = field(default_factory=dict)
