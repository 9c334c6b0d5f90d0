"""Links: one HubSpot record of a portal tied to one Mainstay contact of an organisation. The caller commits.

A link remembers what both sides agreed on (digests, no values) and what is being written now (``sent``).
``version`` is the fence: a save that meets another version than it read changes nothing and says so.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import bindparam, delete, false, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.domain.fields import Platform
from core.domain.merging import Agreed
from core.store import models

_SAVE = (
    update(models.Link)
    .where(models.Link.id == bindparam("the_id"), models.Link.version == bindparam("the_version"))
    .values(
        {
            name: bindparam(name)
            for name in (
                "hubspot_id",
                "mainstay_id",
                "version",
                "agreed",
                "sent",
                "seen",
                "unsettled",
                "phone",
                "previous_phone",
                "changed_at_ms",
            )
        }
    )
)
_CHUNK = 500  # ids per query: SQLite allows some 32,000 parameters, PostgreSQL 65,535


@dataclass(frozen=True, slots=True)
class Pair:
    """The two accounts that a link lives between."""

    hubspot_account_id: int
    mainstay_account_id: int


@dataclass(frozen=True, slots=True)
class Link:
    """``agreed``: row key → digests. ``filters``: ``h:name``/``m:name`` → digest of a filter field when last
    looked at; ``past:h:name`` → ``epoch ms:digests`` that stood in a field until we wrote over them then.
    ``sent``: row key → digests that a write in progress will leave; not empty = the answer is not known.
    ``seen``: row key → (Mainstay digest, epoch ms when that value was first seen).
    ``unsettled``: instances that skipped a change of this contact (an error, a filter, disabled): for them a
    value equal to the agreed one proves nothing about the others. ``phone``/``previous_phone``: digests of
    Mainstay's phone now and before. ``id`` 0 = not stored yet."""

    hubspot_id: str
    mainstay_id: str
    id: int = 0
    version: int = 0
    agreed: Mapping[str, Agreed] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)
    sent: Mapping[str, Agreed] = field(default_factory=dict)
    sent_to: str = ""  # the platform that ``sent`` is being written to
    seen: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    unsettled: frozenset[int] = frozenset()
    phone: str = ""
    previous_phone: str = ""


def find(
    session: Session,
    pair: Pair,
    *,
    hubspot_ids: Collection[str] = (),
    mainstay_ids: Collection[str] = (),
) -> list[Link]:
    """The links of a pair of accounts that name any of these ids."""
    found: dict[int, Link] = {}
    for column, ids in ((models.Link.hubspot_id, hubspot_ids), (models.Link.mainstay_id, mainstay_ids)):
        wanted = list(ids)
        for start in range(0, len(wanted), _CHUNK):
            rows = session.scalars(
                select(models.Link).where(_of(pair), column.in_(wanted[start : start + _CHUNK]))
            )
            found.update((row.id, _link(row)) for row in rows)
    return list(found.values())


def page(session: Session, pair: Pair, after_id: int, limit: int = _CHUNK) -> list[Link]:
    """The pair's links after one, by their own ids: to walk over all of them."""
    query = select(models.Link).where(_of(pair), models.Link.id > after_id)
    return [_link(row) for row in session.scalars(query.order_by(models.Link.id).limit(limit))]


def of_record(
    session: Session, hubspot_account_id: int, hubspot_ids: Iterable[str]
) -> list[tuple[int, Link]]:
    """All links of HubSpot records over all organisations: (Mainstay account id, link)."""
    rows = session.scalars(
        select(models.Link).where(
            models.Link.hubspot_account_id == hubspot_account_id,
            models.Link.hubspot_id.in_(list(hubspot_ids)),
        )
    )
    return [(row.mainstay_account_id, _link(row)) for row in rows]


def create(session: Session, pair: Pair, link: Link, now_ms: int) -> Link | None:
    """Store a new link; None where either id is linked already (the caller looks again)."""
    return create_all(session, pair, [link], now_ms)[0]


def create_all(session: Session, pair: Pair, new: Sequence[Link], now_ms: int) -> list[Link | None]:
    """``create`` for many different links, in one statement."""
    if not new:
        return []
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    rows = [
        {
            "hubspot_account_id": pair.hubspot_account_id,
            "mainstay_account_id": pair.mainstay_account_id,
            "hubspot_id": link.hubspot_id,
            "mainstay_id": link.mainstay_id,
            "version": 1,
            "created_at_ms": now_ms,
            **_columns(link, now_ms),
        }
        for link in new
    ]
    statement = insert(models.Link).values(rows).on_conflict_do_nothing()
    made = session.connection().execute(
        statement.returning(models.Link.id, models.Link.hubspot_id, models.Link.mainstay_id)
    )
    ids = {(hubspot_id, mainstay_id): row_id for row_id, hubspot_id, mainstay_id in made}
    found = [ids.pop((link.hubspot_id, link.mainstay_id), 0) for link in new]
    return [
        replace(link, id=row_id, version=1) if row_id else None
        for link, row_id in zip(new, found, strict=True)
    ]


def save(session: Session, link: Link, now_ms: int) -> Link | None:
    """Store a changed link; None where somebody else changed or removed it meanwhile."""
    changed: Any = session.execute(
        update(models.Link)
        .where(models.Link.id == link.id, models.Link.version == link.version)
        .values(
            hubspot_id=link.hubspot_id,
            mainstay_id=link.mainstay_id,
            version=link.version + 1,
            **_columns(link, now_ms),
        )
        .execution_options(synchronize_session=False)
    )
    if changed.rowcount != 1:
        return None
    return replace(link, version=link.version + 1)


def save_all(session: Session, changed: Sequence[Link], now_ms: int) -> list[Link | None]:
    """``save`` for many different links, in one statement where nobody interferes: a batch's usual case."""
    if len(changed) < 2:
        return [save(session, link, now_ms) for link in changed]
    rows = [
        {
            "the_id": link.id,
            "the_version": link.version,
            "hubspot_id": link.hubspot_id,
            "mainstay_id": link.mainstay_id,
            "version": link.version + 1,
            **_columns(link, now_ms),
        }
        for link in changed
    ]
    with session.begin_nested() as savepoint:
        done = session.connection().execute(_SAVE, rows)
        if done.rowcount == len(rows):
            return [replace(link, version=link.version + 1) for link in changed]
        savepoint.rollback()  # which of them it was, only single statements tell
    return [save(session, link, now_ms) for link in changed]


def skipped(
    session: Session, pair: Pair, source: Platform, ids: Collection[str], instance_id: int, now_ms: int
) -> None:
    """An instance skipped a change of these contacts of its source: note it on their links."""
    found = (
        find(session, pair, hubspot_ids=ids)
        if source is Platform.HUBSPOT
        else find(session, pair, mainstay_ids=ids)
    )
    for link in found:
        if instance_id not in link.unsettled:
            save(session, replace(link, unsettled=link.unsettled | {instance_id}), now_ms)


def remove(session: Session, ids: Iterable[int]) -> int:
    """Drop links by their own ids."""
    gone: Any = session.execute(delete(models.Link).where(models.Link.id.in_(list(ids))))
    return int(gone.rowcount)


def remove_contact(
    session: Session, *, hubspot: tuple[int, str] | None, mainstay: tuple[int, str] | None
) -> int:
    """Drop every link of a HubSpot record or a Mainstay contact, given as (account id, contact id)."""
    conditions = []
    if hubspot:
        conditions.append(
            (models.Link.hubspot_account_id == hubspot[0]) & (models.Link.hubspot_id == hubspot[1])
        )
    if mainstay:
        conditions.append(
            (models.Link.mainstay_account_id == mainstay[0]) & (models.Link.mainstay_id == mainstay[1])
        )
    gone: Any = session.execute(delete(models.Link).where(or_(false(), *conditions)))
    return int(gone.rowcount)


def _of(pair: Pair) -> Any:
    return (models.Link.hubspot_account_id == pair.hubspot_account_id) & (
        models.Link.mainstay_account_id == pair.mainstay_account_id
    )


def _link(row: models.Link) -> Link:
    pairs = {k: Agreed(*v) for k, v in row.agreed.items() if isinstance(v, list)}
    return Link(
        id=row.id,
        hubspot_id=row.hubspot_id,
        mainstay_id=row.mainstay_id,
        version=row.version,
        agreed=pairs,
        filters={k: v for k, v in row.agreed.items() if isinstance(v, str)},
        sent={k: Agreed(*v) for k, v in row.sent.items() if isinstance(v, list)},
        sent_to=str(row.sent.get("to", "")),
        seen={k: (v[0], v[1]) for k, v in row.seen.items()},
        unsettled=frozenset(row.unsettled),
        phone=row.phone or "",
        previous_phone=row.previous_phone or "",
    )


def _columns(link: Link, now_ms: int) -> dict[str, Any]:
    agreed: dict[str, Any] = {k: [v.mainstay, v.hubspot] for k, v in link.agreed.items()}
    sent: dict[str, Any] = {k: [v.mainstay, v.hubspot] for k, v in link.sent.items()}
    if link.sent_to:
        sent["to"] = link.sent_to  # a row key always holds a "|"
    return {
        "agreed": {**agreed, **link.filters},
        "sent": sent,
        "seen": {k: [v[0], v[1]] for k, v in link.seen.items()},
        "unsettled": sorted(link.unsettled),
        "phone": link.phone or None,
        "previous_phone": link.previous_phone or None,
        "changed_at_ms": now_ms,
    }
