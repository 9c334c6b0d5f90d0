"""A pinned contact's values beside the rows of a mapping: what the source has, and what it would become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from console.contact_search import NAMES
from core.domain import choices, conversion, values
from core.domain.contacts import Contact
from core.domain.fields import Direction, Field, Platform, Row
from core.domain.instances import Account
from core.platforms.errors import NotFound, PlatformError
from core.wiring import Wiring

_SHOWN = 80  # characters


@dataclass(frozen=True, slots=True)
class Sample:
    """``value``: as the source has it, empty for a blank; ``becomes``: in the target, where that is written
    another way; ``problem``: why it would be left out."""

    value: str
    becomes: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Pinned:
    """``samples`` by row number; ``problem``: why there are none."""

    id: str
    name: str
    samples: Mapping[int, Sample] = field(default_factory=dict)
    problem: str = ""


def look(
    wiring: Wiring, direction: Direction, source: Account, contact_id: str, rows: Mapping[int, Row]
) -> Pinned:
    """Read the contact now; ``rows`` by their number on the page."""
    names = [row.side(direction.source).name for row in rows.values()]
    try:
        answer = _read(wiring, source, contact_id, names)
    except PlatformError as error:
        answer = error
    if isinstance(answer, NotFound):
        return Pinned(contact_id, contact_id, problem=f"{source.platform.title} has this contact no more.")
    if isinstance(answer, PlatformError):
        return Pinned(contact_id, contact_id, problem=f"{source.platform.title} does not answer just now.")
    region = wiring.settings.phone_region
    samples = {n: _sample(row, direction, answer, region) for n, row in rows.items()}
    first, last, email, _ = (str(answer.values.get(name) or "") for name in NAMES[source.platform])
    return Pinned(contact_id, f"{first} {last}".strip() or email or contact_id, samples)


def _read(wiring: Wiring, source: Account, contact_id: str, names: Sequence[str]) -> Contact | PlatformError:
    if source.platform is Platform.MAINSTAY:
        return wiring.mainstay(source).get([contact_id])[contact_id]
    wanted = list(dict.fromkeys([*NAMES[Platform.HUBSPOT], *names]))
    return wiring.hubspot(source).read([contact_id], wanted)[contact_id]


def _sample(row: Row, direction: Direction, contact: Contact, region: str) -> Sample:
    source, target = row.side(direction.source), row.side(direction.target)
    raw = contact.id if source.name == "id" else contact.values.get(source.name)
    held = values.canonical(source, direction.source, raw, region)
    if not held:
        return Sample("")
    try:
        becomes = conversion.convert(row, direction, held, region)
    except conversion.NotConvertible as error:
        return Sample(_told(source, held), problem=error.why)
    shown, then = _told(source, held), _told(target, becomes)
    return Sample(shown, then if then != shown else "")


def _told(one: Field, canonical: str) -> str:
    pieces = choices.split(one, canonical) if one.options else []
    labels = [known.label if (known := choices.find(one.options, piece)) else piece for piece in pieces]
    text = ", ".join(labels) or canonical
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
