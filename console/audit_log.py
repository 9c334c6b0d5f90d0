"""The audit log as the outside sees it: kinds of actions, entries, the columns of its download."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from console.times import rfc3339
from core.store import audit
from core.store.audit import Entry, Search

if TYPE_CHECKING:
    from core.wiring import Wiring

# The first parts of the actions, in words, for the page's choice; commands and the API take any.
KINDS = {
    "account": "Accounts",
    "instance": "Integrations",
    "contact": "Contacts",
    "problem": "Problems",
    "dead-letters": "Dead letters",
    "backfill": "Backfills",
    "sweep": "Sweeps",
    "reconcile": "Comparisons",
    "job": "Jobs",
    "alerts": "Alerts",
    "user": "Users",
    "api-token": "API tokens",
    "sign-in": "Signing in",
    "sign-out": "Signing out",
    "password": "Passwords",
    "authenticator": "Authenticator apps",
    "secrets": "Secrets",
    "sync-log": "The Sync Log",
    "activity": "All activity",
    "jobs": "The list of jobs",
    "audit": "The audit log",
    "release": "Releases",
}
COLUMNS = ("at", "who", "origin", "action", "subject", "details")
_PAGE = 1_000


def document(entry: Entry) -> dict[str, Any]:
    """An entry as commands, the API and files tell it."""
    return {
        "id": entry.id,
        "at": rfc3339(entry.at_ms),
        "who": entry.who,
        "origin": entry.origin,
        "action": entry.action,
        "subject": entry.subject,
        "details": list(entry.details),
    }


def flat(told: dict[str, Any]) -> list[Any]:
    """An entry's cells (``document``) under ``COLUMNS``."""
    cells = {**told, "details": "; ".join(told["details"])}
    return [cells[name] for name in COLUMNS]


def documents(wiring: "Wiring", wanted: Search, most: int) -> Iterator[dict[str, Any]]:
    """The newest entries that fit, read page by page: any length takes the same memory."""
    left = most
    while left > 0:
        with wiring.database.reading() as session:
            found = audit.search(session, wanted, min(left, _PAGE))
        yield from map(document, found)
        if len(found) < min(left, _PAGE):
            return
        left -= len(found)
        wanted = replace(wanted, before_id=found[-1].id)
