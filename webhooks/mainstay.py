"""A delivery of Mainstay's change events: verify the raw bytes, read them, keep what its secret may tell.

An organisation with secrets of its own is spoken for by those alone; the global ones speak for all others.
Which organisation an event is about stands inside the body. So all known secrets are tried over the bytes
first; after parsing, an event counts only if a secret that fits may speak for its organisation. Members that
it may not speak for are nobody's events: where there are no others the answer is 401, otherwise they are
dropped and counted, and the authentic ones are taken (a 401 for those would only make the sender repeat a
request that never gets better).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from core.domain.events import Event, MainstayChange, OtherEvent, Parsed
from core.domain.fields import Platform
from core.domain.routing import Routing
from webhooks import bodies
from webhooks.problems import NotAuthentic, NotDocumented, TryAgain
from webhooks.receiver import Delivery

GLOBAL = 0  # who speaks with the global secret; accounts are numbered from 1


class Verifier(Protocol):
    """The platform's ``signature.speakers``."""

    def __call__(
        self, headers: Mapping[str, str], body: bytes, *, secrets: Mapping[int, Sequence[str]], now_s: int
    ) -> tuple[frozenset[int], str]:
        """Whose secrets signed this, and if nobody's: why."""


def opened(speakers: Verifier, parse: Callable[[Any], Parsed], delivery: Delivery) -> Parsed:
    """The members of an authentic delivery; NotAuthentic, then NotJson, then NotDocumented where none can be
    read. ``speakers`` and ``parse``: the platform's own verifier and reader.

    TryAgain while the table is not loaded: the organisations' own secrets are not known then.
    """
    if delivery.table is None:
        raise TryAgain("no-table")
    routing = delivery.table.routing
    secrets = {GLOBAL: delivery.settings.mainstay_webhook_secrets, **routing.webhook_secrets}
    found, refusal = speakers(delivery.headers, delivery.body, secrets=secrets, now_s=delivery.now_ms // 1000)
    if refusal:
        raise NotAuthentic(refusal)
    bodies.check_type(delivery.headers)
    parsed = parse(bodies.decode(delivery.body))
    if parsed.unreadable and not parsed.events:
        raise NotDocumented("members")
    authentic = tuple(event for event in parsed.events if _may_tell(found, event, routing))
    if parsed.events and not authentic:
        raise NotAuthentic("foreign")
    foreign = len(parsed.events) - len(authentic)
    return Parsed(authentic, {**parsed.unreadable, **({"foreign": foreign} if foreign else {})})


def _may_tell(found: frozenset[int], event: Event, routing: Routing) -> bool:
    if not isinstance(event, MainstayChange | OtherEvent):
        return False
    account = routing.account(Platform.MAINSTAY, event.account)
    account_id = account.id if account else None
    return may_speak(found, account_id, account_id in routing.webhook_secrets)


def may_speak(found: frozenset[int], account_id: int | None, has_own_secret: bool) -> bool:
    """Whether these speakers may tell of an organisation: ``account_id`` is None where it is unknown."""
    return (account_id if has_own_secret and account_id is not None else GLOBAL) in found
