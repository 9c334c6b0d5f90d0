"""Privacy deletion: removes what Crosswalk keeps about one contact. The caller commits.

What stays is a tombstone with a keyed digest of the HubSpot id, at which waiting messages end.
"""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.domain.digests import digest
from core.domain.fields import Platform
from core.domain.messages import Lane, Message, Unreadable
from core.store import mentions, models
from core.store.console_models import Draft

Drop = Callable[[Any, Any], None]  # (table, condition)


def bury(session: Session, key: bytes, account_id: int, contact: str, now_ms: int) -> None:
    """Leave the tombstone of a contact, on either side: ``account_id`` says which."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(
        insert(models.Tombstone)
        .values(account_id=account_id, contact=_mark(key, contact), at_ms=now_ms)
        .on_conflict_do_nothing()
    )


def buried(session: Session, key: bytes, account_id: int, contacts: Iterable[str]) -> dict[str, int]:
    """Those of an account's contacts that have a tombstone: contact id → when it was left, epoch ms."""
    marks = {_mark(key, contact): contact for contact in contacts}
    rows = session.execute(
        select(models.Tombstone.contact, models.Tombstone.at_ms).where(
            models.Tombstone.account_id == account_id, models.Tombstone.contact.in_(list(marks))
        )
    )
    return {marks[mark]: at_ms for mark, at_ms in rows}


def counterparts(session: Session, account_id: int, contact: str) -> list[tuple[int, str]]:
    """The Mainstay contacts that a HubSpot contact is or was in step with, as (account id, contact id).

    HubSpot sends a deletion along, in any order, and that one drops the link: what was done before still
    names both sides. A contact that belongs to another record by now is not among them.
    """
    link, outcome = models.Link, models.Outcome
    linked = select(link.mainstay_account_id, link.mainstay_id, link.hubspot_id).where(
        link.hubspot_account_id == account_id
    )
    told = select(outcome.mainstay_account_id, outcome.mainstay_id).where(
        outcome.hubspot_account_id == account_id, outcome.hubspot_id == contact
    )
    known = {(org, other) for org, other in session.execute(told.distinct()) if org is not None and other}
    mine = {other for _, other in known}
    belongs = {
        (org, other): record
        for org, other, record in session.execute(
            linked.where(or_(link.hubspot_id == contact, link.mainstay_id.in_(mine)))
        )
    }
    return sorted(one for one in known | set(belongs) if belongs.get(one, contact) == contact)


def erase(
    session: Session, hubspot: tuple[int, str] | None, mainstay: Iterable[tuple[int, str]] = ()
) -> dict[str, int]:
    """Remove every row about a HubSpot contact and the Mainstay contacts linked to it; given as (account id,
    contact id). Rows about others name them no more. Returns rows removed per table."""
    others = list(mainstay)
    columns = (models.Instance.id, models.Instance.hubspot_account_id, models.Instance.mainstay_account_id)
    known = [(row[0], row[1], row[2]) for row in session.execute(select(*columns))]
    removed: dict[str, int] = {}

    def drop(table: Any, condition: Any) -> None:
        gone: Any = session.execute(delete(table).where(condition))
        removed[table.__tablename__] = removed.get(table.__tablename__, 0) + int(gone.rowcount)

    if hubspot is not None:
        drop(models.DeadLetter, models.DeadLetter.id.in_(_naming(session, *hubspot)))
        _erase_record(drop, *hubspot, [i for i, portal, _ in known if portal == hubspot[0]])
    for organisation, contact in others:
        _erase_contact(drop, organisation, contact, [i for i, _, org in known if org == organisation])
    mine = {account for account, _ in ([hubspot] if hubspot else others)}
    touched = {one for _, portal, org in known if not mine.isdisjoint((portal, org)) for one in (portal, org)}
    contacts = {contact for _, contact in [*([hubspot] if hubspot else []), *others]}
    _forget_failing(session, mine | touched, contacts)
    _unpin(session, contacts)
    about = {account for account, _ in others} | ({hubspot[0]} if hubspot is not None else set())
    mentions.forget(session, about, [i for i, *both in known if not about.isdisjoint(both)], contacts)
    return removed


def _naming(session: Session, account_id: int, contact: str) -> list[int]:
    """The dead letters of the account's own business that name the record in their body only: a merge's are
    about the survivor, and list the others."""
    dead = models.DeadLetter
    query = select(dead.id, dead.body).where(dead.account_id == account_id, dead.lane == Lane.ACCOUNT)
    found = []
    for dead_id, body in session.execute(query):
        try:
            message = Message.from_json(body)
        except Unreadable:
            continue
        if contact in (message.survivor, message.primary, *message.merged):
            found.append(dead_id)
    return found


def _erase_record(drop: Drop, account_id: int, contact: str, instances: list[int]) -> None:
    """A HubSpot record's own rows. ``instances``: those of its account."""
    outcome, log, dead = models.Outcome, models.SyncLogEntry, models.DeadLetter
    link, intent = models.Link, models.CreateIntent
    drop(outcome, (outcome.hubspot_account_id == account_id) & (outcome.hubspot_id == contact))
    named = or_(log.hubspot_id == contact, log.contact == f"hubspot:{contact}")
    drop(log, log.instance_id.in_(instances) & named)
    of_account = or_(dead.instance_id.in_(instances), dead.account_id == account_id)
    drop(dead, (dead.contact == f"hubspot:{contact}") & of_account)
    drop(link, (link.hubspot_account_id == account_id) & (link.hubspot_id == contact))
    drop(intent, (intent.source_account_id == account_id) & (intent.contact == contact))


def _erase_contact(drop: Drop, organisation: int, contact: str, instances: list[int]) -> None:
    """A Mainstay contact's own rows. ``instances``: those of its organisation."""
    outcome, log, dead = models.Outcome, models.SyncLogEntry, models.DeadLetter
    intent = models.CreateIntent
    drop(outcome, (outcome.mainstay_account_id == organisation) & (outcome.mainstay_id == contact))
    named = or_(log.mainstay_id == contact, log.contact == f"mainstay:{contact}")
    drop(log, log.instance_id.in_(instances) & named)
    drop(dead, (dead.contact == f"mainstay:{contact}") & dead.instance_id.in_(instances))
    drop(intent, (intent.source_account_id == organisation) & (intent.contact == contact))


def _forget_failing(session: Session, accounts: Iterable[int], contacts: set[str]) -> None:
    """The accounts' lists of contacts that fail just now; not counted, as no row goes."""
    query = select(models.Account).where(models.Account.id.in_(accounts)).order_by(models.Account.id)
    for account in session.scalars(query.with_for_update(key_share=True)):
        if not contacts.isdisjoint(account.failing):
            account.failing = [one for one in account.failing if one not in contacts]


def _unpin(session: Session, contacts: set[str]) -> None:
    """The drafts that are tried on one of them choose another; not counted, as no row goes."""
    for draft in session.scalars(select(Draft)):
        if draft.document.get("pinned") in contacts:
            draft.document = {**draft.document, "pinned": ""}


def _mark(key: bytes, contact: str) -> str:
    return digest(key, Platform.HUBSPOT, "tombstone", contact)
