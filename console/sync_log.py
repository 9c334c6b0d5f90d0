"""The Sync Log as the outside sees it (contract §4): one shape for commands, API and console."""

from typing import Any

from console.contact_links import mainstay_contact
from console.times import rfc3339
from core.settings import Settings
from core.store.sync_log import Entry

COLUMNS = (  # of the download
    *("timestamp", "id", "integration", "instance", "direction"),
    *("hubspot_id", "mainstay_id", "url", "code", "message"),
)


def entry_document(entry: Entry, settings: Settings) -> dict[str, Any]:
    """One entry. ``url`` leads to the contact on Mainstay, else on its template, else null."""
    return {
        "timestamp": rfc3339(entry.at_ms),
        "id": entry.id,
        "integration": "HubSpot",  # which third-party platform, as Mainstay's own Sync Log calls it
        "instance": entry.instance,
        "direction": entry.direction,
        "contact": {
            "hubspot_id": entry.hubspot_id,
            "mainstay_id": entry.mainstay_id,
            "url": mainstay_contact(settings, entry.url, entry.mainstay_id),
        },
        "code": entry.code,
        "message": entry.message,
    }


def flat(document: dict[str, Any]) -> list[Any]:
    """An entry's cells under ``COLUMNS``."""
    cells = {**document, **document["contact"]}
    return [cells[name] for name in COLUMNS]
