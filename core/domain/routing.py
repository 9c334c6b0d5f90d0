"""Which queues an event wakes: from parsed events to messages, one per contact and instance. Pure.

Called by the receiver with the table of accounts and enabled instances. A value leaves this module only as a
keyed digest. Repeats are not looked for beyond one request: HubSpot's eventId is documented as not unique
(Webhooks guide, January 2025), and the consumers read the current state anyway.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.domain.digests import digest
from core.domain.events import (
    Creation,
    Deletion,
    Event,
    MainstayChange,
    Merge,
    OtherEvent,
    PrivacyDeletion,
    PropertyChange,
    Restore,
)
from core.domain.fields import Direction, Field, Platform
from core.domain.instances import Account, Instance
from core.domain.messages import Address, Change, Kind, Lane, Message
from core.domain.values import canonical

_KINDS = {
    Deletion: Kind.DELETION,
    Merge: Kind.MERGE,
    Restore: Kind.RESTORE,
    PrivacyDeletion: Kind.PRIVACY_DELETION,
}


@dataclass(frozen=True, slots=True)
class Routing:
    """The table: all accounts, the enabled instances, and the webhook secrets of accounts that have own ones.

    ``webhook_secrets``: account id → ``whsec_…`` texts, newest first.
    """

    accounts: tuple[Account, ...] = ()
    instances: tuple[Instance, ...] = ()
    webhook_secrets: Mapping[int, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def account(self, platform: Platform, external_id: str) -> Account | None:
        """The account of a portal id or an organisation id."""
        for one in self.accounts:
            if one.platform is platform and one.external_id == external_id:
                return one
        return None

    def fed_by(self, account: Account) -> list[Instance]:
        """The enabled instances whose source is this account."""
        return [one for one in self.instances if one.enabled and one.source.id == account.id]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every message of one request shares. ``new_id`` makes message ids; times are epoch ms."""

    accepted_at_ms: int
    digest_key: bytes = field(repr=False)
    region: str
    new_id: Callable[[], str]
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Routed:
    """``unwanted`` counts events by reason.

    other-type, other-object, unknown-account, no-instance (none enabled), unmapped (no instance maps it).
    """

    messages: tuple[Message, ...]
    unwanted: Mapping[str, int]


_OF_A_CONTACT = (MainstayChange, Creation, PropertyChange)  # all others are the account's business


@dataclass(frozen=True, slots=True)
class _Source:
    """An account that events speak of, and the enabled instances that it feeds with their source fields."""

    account: Account
    fed: Sequence[tuple[Instance, dict[str, Field]]]


Sources = dict[
    tuple[Platform, str], _Source | None
]  # what one request has asked the table for; None: unknown


def route(routing: Routing, events: Iterable[Event], stamp: Stamp) -> Routed:
    """The messages that these events of one request make. Every event is in one of them, or unwanted."""
    waiting: dict[tuple[Address, Kind, str], Message] = {}
    unwanted: Counter[str] = Counter()
    sources: Sources = {}
    for event in events:
        made, reason = _messages_of(routing, event, stamp, sources)
        if reason:
            unwanted[reason] += 1
        for message in made:
            key = (message.address, message.kind, message.contact)
            waiting[key] = _merged(waiting[key], message) if key in waiting else message
    return Routed(tuple(waiting.values()), dict(unwanted))


def _messages_of(routing: Routing, event: Event, stamp: Stamp, sources: Sources) -> tuple[list[Message], str]:
    """An event's messages, or the reason why it makes none."""
    if isinstance(event, OtherEvent):
        return [], event.reason
    platform = Platform.MAINSTAY if isinstance(event, MainstayChange) else Platform.HUBSPOT
    key = (platform, event.account)
    if key not in sources:
        sources[key] = _source(routing, platform, event.account)
    source = sources[key]
    if source is None:
        return [], "unknown-account"
    if not isinstance(event, _OF_A_CONTACT):
        return [_account_message(source.account, event, stamp)], ""
    if not source.fed:
        return [], "no-instance"
    made = []
    for instance, fields in source.fed:
        changes = _changes(fields, event, stamp)
        if changes is not None:
            made.append(_contact_message(instance, event, changes, stamp))
    return made, "" if made else "unmapped"


def _source(routing: Routing, platform: Platform, external_id: str) -> _Source | None:
    account = routing.account(platform, external_id)
    if account is None:
        return None
    return _Source(account, [(one, _source_fields(one)) for one in routing.fed_by(account)])


def _account_message(
    account: Account, event: Deletion | Merge | Restore | PrivacyDeletion, stamp: Stamp
) -> Message:
    return Message(
        id=stamp.new_id(),
        address=Address(Lane.ACCOUNT, account.id),
        contact=event.contact,
        occurred_at_ms=_at(event, stamp),
        accepted_at_ms=stamp.accepted_at_ms,
        kind=_KINDS[type(event)],
        survivor=event.contact if isinstance(event, Merge) else "",
        merged=event.merged if isinstance(event, Merge) else (),
        primary=event.primary if isinstance(event, Merge) else "",
        trace=stamp.trace,
    )


def _contact_message(
    instance: Instance,
    event: Creation | PropertyChange | MainstayChange,
    changes: Mapping[str, Change],
    stamp: Stamp,
) -> Message:
    lane = Lane.INCOMING if instance.direction is Direction.INCOMING else Lane.OUTGOING
    return Message(
        id=stamp.new_id(),
        address=Address(lane, instance.id),
        contact=event.contact,
        occurred_at_ms=_at(event, stamp),
        accepted_at_ms=stamp.accepted_at_ms,
        changes=changes,
        trace=stamp.trace,
    )


def _changes(
    fields: Mapping[str, Field], event: Creation | PropertyChange | MainstayChange, stamp: Stamp
) -> dict[str, Change] | None:
    """The changed ones of the source fields that an instance maps or filters by; None if it wants none of the
    event."""
    at_ms = _at(event, stamp)
    if isinstance(event, Creation):
        return {}
    if isinstance(event, MainstayChange):
        # The event carries the contact as the API returns it, which leaves blank custom fields out.
        digests = {
            name: _digest(one, Platform.MAINSTAY, event.values.get(name), stamp)
            for name, one in fields.items()
        }
        crm_id = str(event.values.get("crm_id") or "").strip()
        digests |= standing(stamp.digest_key, crm_id, event.left_out)
        return {name: Change(value, at_ms) for name, value in digests.items()}
    if event.name not in fields:
        return None
    told = _digest(fields[event.name], Platform.HUBSPOT, event.value, stamp) if event.carried else None
    return {event.name: Change(told, at_ms)}


def standing(key: bytes, crm_id: str, left_out: str) -> dict[str, str]:
    """What else of a Mainstay contact matters though no row maps it, as digests by name: the CRM ID, and
    whether it travels at all. A change of either is no echo."""
    return {
        "crm_id": digest(key, Platform.MAINSTAY, "crm_id", crm_id),
        "left_out": digest(key, Platform.MAINSTAY, "left_out", left_out),
    }


def _source_fields(instance: Instance) -> dict[str, Field]:
    platform = instance.direction.source
    fields = {one.field.name: one.field for one in instance.mapping.filters}
    return fields | {row.side(platform).name: row.side(platform) for row in instance.mapping.rows}


def _digest(one: Field, platform: Platform, value: object, stamp: Stamp) -> str:
    return digest(stamp.digest_key, platform, one.name, canonical(one, platform, value, stamp.region))


def _at(event: Event, stamp: Stamp) -> int:
    """When it happened; when it came in, where the platform does not say."""
    at_ms = None if isinstance(event, OtherEvent) else event.at_ms
    return stamp.accepted_at_ms if at_ms is None else at_ms


def _merged(first: Message, second: Message) -> Message:
    """Two looks at one contact as one. Of two changes of a field the later one counts."""
    changes = dict(first.changes)
    for name, change in second.changes.items():
        known = changes.get(name)
        if known is None or change.at_ms > known.at_ms:
            changes[name] = change
        elif change.at_ms == known.at_ms and change.digest != known.digest:
            changes[name] = Change(None, change.at_ms)  # which came last is not known: the contact tells
    return replace(
        first,
        changes=changes,
        occurred_at_ms=max(first.occurred_at_ms, second.occurred_at_ms),
        merged=tuple(dict.fromkeys(first.merged + second.merged)),
    )
