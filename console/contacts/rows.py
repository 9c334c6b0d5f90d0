"""Both sides' mapped values, row by row: what each has, since when, by whom, and how the two stand."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from console.contacts.reading import Tie
from console.masking import masked
from core.domain.contacts import Contact
from core.domain.conversion import same
from core.domain.digests import digest
from core.domain.fields import Direction, Platform, Row
from core.domain.instances import Instance
from core.domain.values import canonical
from core.store.links import Link

IDS = ("id", "crm_id")
# HubSpot's word for where a value came from, where it gives no label of its own.
SOURCES = {
    "CRM_UI": "a HubSpot user",
    "CRM_UI_BULK_ACTION": "a HubSpot user",
    "MOBILE_IOS": "a HubSpot user",
    "MOBILE_ANDROID": "a HubSpot user",
    "AUTOMATION_PLATFORM": "a workflow",
    "WORKFLOWS": "a workflow",
    "INTEGRATION": "an app",
    "API": "an app",
    "IMPORT": "an import",
    "FORM": "a form",
}


@dataclass(frozen=True, slots=True)
class Value:
    """One side of a row. ``shown`` is masked where the reader may not see more; None: the side is not known.
    ``changed_ms``: when it became this, as far as the platform tells, 0 = not told. ``by``: who did it, as
    HubSpot names it. ``written``: our own newest decision about it (timelines.decided, and its ``at_ms``)."""

    name: str
    label: str
    shown: str | None
    changed_ms: int = 0
    by: str = ""
    written: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of the mappings between two accounts. ``state``: same, differs, unknown; ``why`` in words.
    ``carried``: (instance, direction) of those that map it."""

    hubspot: Value
    mainstay: Value
    state: str
    why: str
    carried: tuple[tuple[Instance, Direction], ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom the rows are made. ``key``: of digests."""

    key: bytes = field(repr=False)
    region: str
    personal: bool


def pairs(tie: Tie, reader: Reader, decisions: Iterable[dict[str, Any]]) -> list[Pair]:
    """Every row that an instance between the two accounts maps, once. ``decisions``: timelines.decided."""
    ours = [one for one in decisions if one["account"] == tie.side(Platform(one["side"])).account.name]
    written = {
        (one["side"], one["field"]): {
            **one,
            "at_ms": round(datetime.fromisoformat(one["at"]).timestamp() * 1000),
        }
        for one in ours
    }
    carried: dict[str, list[tuple[Instance, Direction]]] = {}
    rows: dict[str, Row] = {}
    for instance in tie.instances:
        for row in instance.mapping.rows:
            rows.setdefault(row.key, row)
            carried.setdefault(row.key, []).append((instance, instance.direction))
    return [_pair(tie, reader, row, tuple(carried[key]), written) for key, row in rows.items()]


def _pair(
    tie: Tie,
    reader: Reader,
    row: Row,
    carried: tuple[tuple[Instance, Direction], ...],
    written: dict[tuple[str, Any], dict[str, Any]],
) -> Pair:
    told = {}
    texts: dict[Platform, str | None] = {}
    for platform in Platform:
        contact, side = tie.side(platform).contact, row.side(platform)
        text = texts[platform] = _text(row, platform, contact, reader)
        by = contact.changed_by.get(side.name, "") if contact is not None else ""
        told[platform] = Value(
            side.name,
            side.label,
            text if reader.personal or text is None or row.mainstay.name in IDS else masked(text),
            _changed_ms(tie, reader, row, platform, text),
            SOURCES.get(by, by.replace("_", " ").lower() if by.isupper() else by),
            written.get((str(platform), side.name)),
        )
    state, why = _state(tie.link, reader, row, carried[0][1], texts)
    return Pair(told[Platform.HUBSPOT], told[Platform.MAINSTAY], state, why, carried)


def _text(row: Row, platform: Platform, contact: Contact | None, reader: Reader) -> str | None:
    """The canonical value; None where the side is not known."""
    if contact is None:
        return None
    if platform is Platform.MAINSTAY and row.mainstay.name == "id":
        return contact.id
    return canonical(row.side(platform), platform, contact.values.get(row.side(platform).name), reader.region)


def _changed_ms(tie: Tie, reader: Reader, row: Row, platform: Platform, text: str | None) -> int:
    """HubSpot's own time of the property; for Mainstay, when a value that is not agreed was first seen."""
    contact = tie.side(platform).contact
    if contact is None or text is None:
        return 0
    if platform is Platform.HUBSPOT:
        return contact.changed_ms.get(row.hubspot.name, 0)
    seen = tie.link.seen.get(row.memory) if tie.link is not None else None
    now = digest(reader.key, platform, row.mainstay.name, text)
    return seen[1] if seen is not None and seen[0] == now else 0


def _state(
    link: Link | None,
    reader: Reader,
    row: Row,
    direction: Direction,
    texts: dict[Platform, str | None],
) -> tuple[str, str]:
    hubspot, mainstay = texts[Platform.HUBSPOT], texts[Platform.MAINSTAY]
    if hubspot is None or mainstay is None:
        return "unknown", ""
    source, target = (hubspot, mainstay) if direction is Direction.INCOMING else (mainstay, hubspot)
    agreed = link.agreed.get(row.memory) if link is not None else None
    changed = [
        platform
        for platform, text in ((Platform.HUBSPOT, hubspot), (Platform.MAINSTAY, mainstay))
        if agreed is not None
        and digest(reader.key, platform, row.side(platform).name, text) != agreed.side(platform)
    ]
    if same(row, direction, source, target, reader.region) or hubspot == mainstay:
        return "same", "agreed" if agreed is not None and not changed else "the same"
    return "differs", _difference(link, agreed is not None, changed)


def _difference(link: Link | None, agreed: bool, changed: list[Platform]) -> str:
    if link is None:
        return "differs; not linked yet"
    if not agreed:
        return "differs; never agreed"
    if len(changed) == 2:
        return "changed on both sides since they agreed"
    if changed:
        return f"changed in {changed[0].title} since both sides agreed"
    return "each side has its own, as both sides agreed"
