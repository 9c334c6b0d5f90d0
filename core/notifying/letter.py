"""What a message about alerts says: as e-mail, and as the JSON of a webhook. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.store.alerts import Told

MOST_LISTED = 40
_SHOWN = 3  # titles in a subject


@dataclass(frozen=True, slots=True)
class Letter:
    """One message. ``subject`` and ``text`` are for people, ``document`` for programs."""

    subject: str
    text: str
    document: dict[str, Any]

    def body(self) -> bytes:
        """A webhook's body. ``text`` stands in it, too: chat systems show it."""
        return json.dumps(
            {**self.document, "text": f"{self.subject}\n{self.text}"}, ensure_ascii=False
        ).encode()


def letter(told: Sequence[Told], origin: str, now_ms: int) -> Letter:
    """About alerts that opened or were resolved. ``origin`` is the console's; links begin with it."""
    opened = [one for one in told if one.event == "opened"]
    resolved = [one for one in told if one.event == "resolved"]
    parts = []
    if opened:
        parts.append(f"{len(opened)} new: {_titles(opened)}")
    if resolved:
        parts.append(f"{len(resolved)} resolved: {_titles(resolved)}")
    text = "\n".join(
        [
            *_listed("New", opened, origin),
            *_listed("Resolved", resolved, origin),
            f"All alerts: {origin}/alerts",
        ]
    )
    document = {
        "type": "alerts.changed",
        "timestamp": _time(now_ms),
        "data": {
            "opened": [_document(one, origin) for one in opened],
            "resolved": [_document(one, origin) for one in resolved],
        },
    }
    return Letter(f"Crosswalk: {'; '.join(parts)}", text, document)


def trial(origin: str, now_ms: int) -> Letter:
    """What the test button sends."""
    document = {"type": "alerts.test", "timestamp": _time(now_ms), "data": {}}
    text = f"This is a test. Alerts of Crosswalk will come this way.\nSettings: {origin}/alerts"
    return Letter("Crosswalk: a test of the alerts", text, document)


def _titles(told: Sequence[Told]) -> str:
    shown = "; ".join(one.alert.title for one in told[:_SHOWN])
    return shown + (f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else "")


def _listed(title: str, told: Sequence[Told], origin: str) -> list[str]:
    lines = [f"{title}:", ""] if told else []
    for one in told[:MOST_LISTED]:
        lines += [
            f"* {one.alert.title}",
            f"  {one.alert.text}",
            f"  {_when(one)}",
            f"  {origin}{one.alert.path}",
            "",
        ]
    if len(told) > MOST_LISTED:
        lines += [f"… and {len(told) - MOST_LISTED} more.", ""]
    return lines


def _when(told: Told) -> str:
    since = f"Since {_time(told.alert.opened_at_ms)}"
    return since if told.event == "opened" else f"{since}, over at {_time(told.alert.resolved_at_ms or 0)}"


def _document(told: Told, origin: str) -> dict[str, Any]:
    alert = told.alert
    return {
        "id": alert.id,
        "rule": alert.rule,
        "title": alert.title,
        "text": alert.text,
        "url": f"{origin}{alert.path}",
        "opened_at": _time(alert.opened_at_ms),
        "resolved_at": _time(alert.resolved_at_ms) if alert.resolved_at_ms else None,
    }


def _time(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return at.isoformat().replace("+00:00", "Z")
