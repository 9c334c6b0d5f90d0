"""A delivery of Mainstay's change events: verify the raw bytes, read them, keep what its secret may tell.

Which organisation an event is about stands inside the body, and an organisation may have secrets of its own.
So all known secrets are tried over the bytes first; after parsing, an event counts only if a secret that
fits may speak for its organisation. Members that it may not speak for are nobody's events: where there are
no others the answer is 401, otherwise they are dropped and counted, and the authentic ones are taken (a 401
for those would only make the sender repeat a request that never gets better).
"""

from core.domain.events import Event, MainstayChange, OtherEvent, Parsed
from core.domain.fields import Platform
from core.domain.routing import Routing
from core.platforms.mainstay import events, signature
from webhooks import bodies
from webhooks.problems import NotAuthentic, NotDocumented, TryAgain
from webhooks.receiver import Delivery


def opened(delivery: Delivery) -> Parsed:
    """The members of an authentic delivery; NotAuthentic, then NotJson, then NotDocumented where none can be
    read.

    TryAgain while the table is not loaded: the organisations' own secrets are not known then.
    """
    if delivery.table is None:
        raise TryAgain("no-table")
    routing = delivery.table.routing
    secrets = {signature.GLOBAL: delivery.settings.mainstay_webhook_secrets, **routing.webhook_secrets}
    found, refusal = signature.speakers(
        delivery.headers, delivery.body, secrets=secrets, now_s=delivery.now_ms // 1000
    )
    if refusal:
        raise NotAuthentic(refusal)
    bodies.check_type(delivery.headers)
    parsed = events.parse(bodies.decode(delivery.body))
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
    return signature.may_speak(found, account_id, account_id in routing.webhook_secrets)
