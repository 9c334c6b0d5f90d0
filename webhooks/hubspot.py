"""A delivery of HubSpot's webhooks: verify the raw bytes, then read them."""

from core.domain.events import Parsed
from core.platforms.hubspot import events, signature
from webhooks import bodies
from webhooks.problems import NotAuthentic, NotDocumented
from webhooks.receiver import Delivery


def opened(delivery: Delivery) -> Parsed:
    """The members of an authentic delivery; NotAuthentic, then NotJson, then NotDocumented where none can be
    read."""
    settings = delivery.settings
    refusal = signature.refusal(
        delivery.headers,
        delivery.body,
        method="POST",
        uris=delivery.uris,
        secrets=settings.hubspot_client_secrets,
        now_ms=delivery.now_ms,
        legacy=settings.hubspot_legacy_signatures,
    )
    if refusal:
        raise NotAuthentic(refusal)
    bodies.check_type(delivery.headers)
    parsed = events.parse(bodies.decode(delivery.body))
    if parsed.unreadable and not parsed.events:
        raise NotDocumented("members")
    return parsed
