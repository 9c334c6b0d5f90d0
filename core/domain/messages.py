"""What travels through the queue: "this contact changed". Ids, times and keyed digests, never a value.

Made by the receiver, the sweep, backfill, replay and the consumers themselves; read by the consumers.
The JSON form is versioned; old samples in tests/samples/messages must decode for ever.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

VERSION = 1
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode  # json.dumps makes one each time


class Kind(StrEnum):
    """What happened. ``CONTACT`` goes to an instance's queue, all others to the HubSpot account's queue."""

    CONTACT = "contact"
    DELETION = "deletion"
    MERGE = "merge"
    RESTORE = "restore"
    PRIVACY_DELETION = "privacy-deletion"


class Cause(StrEnum):
    """Who asked for the look. Only an EVENT may take the echo's shortcut; the sweep may too."""

    EVENT = "event"
    SWEEP = "sweep"
    BACKFILL = "backfill"
    RECONCILE = "reconcile"
    REPLAY = "replay"
    SYNC = "sync"
    FOLLOW_UP = "follow-up"  # the other direction found that this side's value has to travel

    @property
    def may_shortcut(self) -> bool:
        """Whether values equal to the agreed ones end the message without reading anything."""
        return self in (Cause.EVENT, Cause.SWEEP)

    @property
    def tells_when(self) -> bool:
        """Whether the message's ``occurred_at_ms`` is a change that waits: mass work and work by hand look at
        contacts that may have changed long ago."""
        return self in (Cause.EVENT, Cause.SWEEP)

    @property
    def in_background(self) -> bool:
        """Mass work: its calls leave room for those of live changes."""
        return self in (Cause.BACKFILL, Cause.RECONCILE)

    @property
    def by_hand(self) -> bool:
        """Somebody tried again: a problem is told again even if it is the same."""
        return self in (Cause.SYNC, Cause.REPLAY)


class Lane(StrEnum):
    """Which kind of queue: one per instance and direction, one per HubSpot account."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where a message goes: an instance's id (incoming, outgoing) or a HubSpot account's (account)."""

    lane: Lane
    id: int

    @property
    def key(self) -> str:
        """The routing key, and the end of the queue's name: ``incoming.7``."""
        return f"{self.lane}.{self.id}"

    @classmethod
    def of_key(cls, key: str) -> "Address":
        """The address of a routing key; ValueError if it is none."""
        lane, _, number = key.partition(".")
        return cls(Lane(lane), int(number))


@dataclass(frozen=True, slots=True)
class Change:
    """A source field that changed: the keyed digest of its new canonical value, and when (epoch ms).

    ``digest`` is None where the event did not carry the value (a redacted sensitive property).
    """

    digest: str | None
    at_ms: int


class Unreadable(ValueError):
    """The bytes are no message of ours. The text says what is wrong, without quoting the bytes."""


@dataclass(frozen=True, slots=True)
class Message:
    """One waiting look at one contact.

    ``contact`` is the id on the source platform (on HubSpot for account messages).
    ``attempt`` counts failed tries; waiting for a lease, a hold or a budget does not count.
    ``generation`` counts replays of a dead letter. ``survivor``, ``merged`` and ``primary`` belong to MERGE.
    ``organisation`` belongs to RESTORE: its outgoing instances look once the messages ``after`` have ended.
    ``accepted_at_ms`` is when the receiver took it, ``occurred_at_ms`` when the platform says it happened.
    """

    id: str
    address: Address
    contact: str
    occurred_at_ms: int
    accepted_at_ms: int
    kind: Kind = Kind.CONTACT
    cause: Cause = Cause.EVENT
    changes: Mapping[str, Change] = field(default_factory=dict)
    attempt: int = 0
    generation: int = 0
    first_failed_at_ms: int = 0
    survivor: str = ""
    merged: tuple[str, ...] = ()
    primary: str = ""
    organisation: int = 0
    after: tuple[str, ...] = ()
    looked: bool = False  # a look at it was begun before: something may be half done
    job: int = 0  # the backfill, replay or sweep that queued it; 0 = none
    trace: str = ""  # W3C traceparent of the request that brought it

    def failed(self, now_ms: int) -> "Message":
        """The same message after one more failed try."""
        since_ms = self.first_failed_at_ms or now_ms
        return replace(self, attempt=self.attempt + 1, first_failed_at_ms=since_ms, looked=True)

    def to_json(self) -> bytes:
        """The queue's form, UTF-8 JSON."""
        document: dict[str, Any] = {
            "v": VERSION,
            "id": self.id,
            "to": self.address.key,
            "contact": self.contact,
            "occurred": self.occurred_at_ms,
            "accepted": self.accepted_at_ms,
            "kind": self.kind,
            "cause": self.cause,
        }
        if self.changes:
            document["changes"] = {name: [c.digest, c.at_ms] for name, c in self.changes.items()}
        optional = {
            "attempt": self.attempt,
            "generation": self.generation,
            "failed": self.first_failed_at_ms,
            "survivor": self.survivor,
            "merged": list(self.merged),
            "primary": self.primary,
            "organisation": self.organisation,
            "after": list(self.after),
            "looked": self.looked,
            "job": self.job,
            "trace": self.trace,
        }
        document.update({name: value for name, value in optional.items() if value})
        return _encode(document).encode()

    @classmethod
    def from_json(cls, body: bytes) -> "Message":
        """Read the queue's form; Unreadable for anything else. Unknown members are left alone."""
        try:
            document = json.loads(body)
            version = document["v"]
            if not isinstance(version, int) or version > VERSION:
                raise Unreadable(f"message version {version!r} is newer than this program's {VERSION}")
            return cls(
                id=str(document["id"]),
                address=Address.of_key(document["to"]),
                contact=str(document["contact"]),
                occurred_at_ms=int(document["occurred"]),
                accepted_at_ms=int(document["accepted"]),
                kind=Kind(document["kind"]),
                cause=Cause(document["cause"]),
                changes={
                    str(name): Change(digest if digest is None else str(digest), int(at_ms))
                    for name, (digest, at_ms) in document.get("changes", {}).items()
                },
                attempt=int(document.get("attempt", 0)),
                generation=int(document.get("generation", 0)),
                first_failed_at_ms=int(document.get("failed", 0)),
                survivor=str(document.get("survivor", "")),
                merged=tuple(str(m) for m in document.get("merged", ())),
                primary=str(document.get("primary", "")),
                organisation=int(document.get("organisation", 0)),
                after=tuple(str(one) for one in document.get("after", ())),
                looked=bool(document.get("looked", False)),
                job=int(document.get("job", 0)),
                trace=str(document.get("trace", "")),
            )
        except Unreadable:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Unreadable(f"not a message of ours ({type(error).__name__})") from None
