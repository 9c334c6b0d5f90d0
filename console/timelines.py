"""A contact's timeline over both directions: what happened and why, and how things stand now, in the shape
that all entrances show. Names, ids, reasons and times, never a value."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from console.times import rfc3339
from core.domain.fields import Direction, Platform
from core.domain.instances import Account, Instance
from core.store import accounts, activity, dead_letters, instances, links, sync_log, sync_log_search
from core.store.database import Database
from core.store.links import Link, Pair
from core.store.outcomes import OutcomeRow
from core.store.whom import Whom


@dataclass(frozen=True, slots=True)
class Timeline:
    """``links``: the pairs that the contact belongs to. ``entries``: newest first, see ``entry_document``.
    ``problems``: its entries in the Sync Log; ``dead``: its dead letters, whatever became of them.
    ``accounts``: those that know something under the id. More than one of a platform: as many contacts."""

    links: tuple[dict[str, Any], ...]
    entries: tuple[dict[str, Any], ...]
    problems: tuple[dict[str, Any], ...] = ()
    dead: tuple[dict[str, Any], ...] = ()
    accounts: tuple[Account, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """{"links", "decisions", "timeline", "problems", "dead_letters"}: see ``link_document``, ``decided``,
        ``entry_document``, ``problem_document``, ``dead_document``. Each names the accounts that it is of."""
        return {
            "links": list(self.links),
            "decisions": decided(self.entries),
            "timeline": list(self.entries),
            "problems": list(self.problems),
            "dead_letters": list(self.dead),
        }


@dataclass(frozen=True, slots=True)
class Known:
    """A contact of one account, with its links: (the two accounts, the link)."""

    account: Account
    whom: Whom
    links: tuple[tuple[Account, Account, Link], ...] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """How instances and accounts are called, deleted instances too."""

    instances: dict[int, Instance]
    accounts: dict[int, Account]

    def instance(self, instance_id: int) -> str:
        """The instance's name, "" for an account's own business."""
        return self.instances[instance_id].name if instance_id in self.instances else ""

    def of_accounts(self, hubspot_id: int, mainstay_id: int) -> dict[str, str]:
        """{"hubspot_account", "mainstay_account"}: names, "" where it was none's."""
        ids = {"hubspot_account": hubspot_id, "mainstay_account": mainstay_id}
        return {key: self.accounts[one].name if one in self.accounts else "" for key, one in ids.items()}

    def of_instance(self, instance_id: int, account_id: int = 0) -> dict[str, str]:
        """The accounts of an instance, else of an account's own business."""
        one = self.instances.get(instance_id)
        if one is not None:
            return self.of_accounts(one.hubspot.id, one.mainstay.id)
        return self.of_accounts(account_id, 0)


def names_of(session: Session) -> Names:
    """As they are stored now."""
    return Names(
        {one.id: one for one in instances.all_instances(session, deleted=True)},
        {one.id: one for one in accounts.all_accounts(session)},
    )


def look_up(
    database: Database, named: tuple[Platform | None, str], limit: int = 100, account: str = ""
) -> Timeline:
    """Everything known about a contact. A bare id (no platform) is looked for on both sides, and an id in
    every account (``account``: in those of that name only): what is told names its accounts."""
    platform, contact = named
    with database.reading() as session:
        names = names_of(session)
        wanted = [
            one
            for one in names.accounts.values()
            if platform in (None, one.platform) and account in ("", one.name)
        ]
        told = [_told(session, names, known_of(session, names, one, contact), limit) for one in wanted]
    rows = {row.id: row for one in told for row in one.rows}
    problems = {entry.id: entry for one in told for entry in one.problems}
    dead = {letter.id: letter for one in told for letter in one.dead}
    links_ = {
        link.id: (hubspot, mainstay, link) for one in told for hubspot, mainstay, link in one.known.links
    }
    return Timeline(
        links=tuple(link_document(*one) for one in links_.values()),
        entries=tuple(entry_of(rows[one], names) for one in sorted(rows, reverse=True)[:limit]),
        problems=tuple(
            problem_document(problems[one], names) for one in sorted(problems, reverse=True)[:limit]
        ),
        dead=tuple(dead_document(dead[one], names) for one in sorted(dead, reverse=True)[:limit]),
        accounts=tuple(one.known.account for one in told if one.something),
    )


@dataclass(frozen=True, slots=True)
class _Told:
    known: Known
    rows: list[OutcomeRow]
    problems: list[sync_log.Entry]
    dead: list[dead_letters.DeadLetter]

    @property
    def something(self) -> bool:
        return bool(self.known.links or self.rows or self.problems or self.dead)


def _told(session: Session, names: Names, known: Known, limit: int) -> _Told:
    rows, _ = activity.page(session, activity.Search(whom=known.whom), limit)
    entries = sync_log_search.search(session, sync_log.Search(whom=known.whom, limit=limit))
    return _Told(known, rows, list(entries), dead_of(session, names, known.whom))


def known_of(session: Session, names: Names, account: Account, contact: str) -> Known:
    """A contact of an account and its links."""
    pairs = {
        (one.hubspot.id, one.mainstay.id)
        for one in names.instances.values()
        if account.id in (one.hubspot.id, one.mainstay.id)
    }
    hubspot = account.platform is Platform.HUBSPOT
    found = [
        (names.accounts[pair[0]], names.accounts[pair[1]], link)
        for pair in sorted(pairs)
        for link in links.find(
            session,
            Pair(*pair),
            hubspot_ids=[contact] if hubspot else [],
            mainstay_ids=[] if hubspot else [contact],
        )
    ]
    others = [
        (mainstay.id, link.mainstay_id) if hubspot else (portal.id, link.hubspot_id)
        for portal, mainstay, link in found
    ]
    return Known(account, Whom(account.platform, account.id, contact, tuple(others)), tuple(found))


def dead_of(session: Session, names: Names, whom: Whom) -> list[dead_letters.DeadLetter]:
    """The contact's dead letters and its counterparts', between its own accounts; newest first."""
    other = Platform.MAINSTAY if whom.platform is Platform.HUBSPOT else Platform.HUBSPOT
    wanted = {f"{whom.platform}:{whom.contact}": {0}}
    for account_id, contact in whom.others:
        wanted.setdefault(f"{other}:{contact}", set()).add(account_id)
    found = dead_letters.search(session, dead_letters.Search(contacts=sorted(wanted), state=""))
    return [one for one in reversed(found) if _is_of(names, whom, one, wanted[one.contact])]


def _is_of(names: Names, whom: Whom, letter: dead_letters.DeadLetter, others: Collection[int]) -> bool:
    instance = names.instances.get(letter.instance_id)
    if instance is None:
        return letter.account_id in (whom.account_id, *others) and letter.account_id != 0
    pair = {instance.hubspot.id, instance.mainstay.id}
    return whom.account_id in pair and (0 in others or not pair.isdisjoint(others))


def link_document(hubspot: Account, mainstay: Account, link: Link) -> dict[str, Any]:
    """``agreed``: the Mainstay fields whose value both sides agree on. ``seen``: those that changed in
    Mainstay since, and when that was first seen. ``writing_to``: the side a write is on its way to whose
    answer is not known yet."""
    return {
        "hubspot_account": hubspot.name,
        "hubspot_id": link.hubspot_id,
        "mainstay_account": mainstay.name,
        "mainstay_id": link.mainstay_id,
        "agreed": [_mainstay_name(key) for key in link.agreed if key not in link.seen],
        "seen": {_mainstay_name(key): rfc3339(at_ms) for key, (_, at_ms) in link.seen.items()},
        "writing_to": link.sent_to or None,
    }


def _mainstay_name(row_key: str) -> str:
    return row_key.rpartition("|")[0]


def decided(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Why each field is what it is: per side and field the newest decision that was more than "the same".

    ``did``: write (it got the source's value then), kept, yield (this side's value holds, and travels) or
    left out. ``entries`` are newest first.
    """
    newest: dict[tuple[str, str, str], dict[str, Any]] = {}
    for entry in entries:
        if entry["direction"] not in list(Direction):
            continue
        side = str(Direction(entry["direction"]).target)
        account = entry.get(f"{side}_account", "")
        for field in entry["fields"]:
            wrote = field["did"] == "write"
            if field["did"] == "same" or (wrote and entry["outcome"] not in ("created", "updated")):
                continue
            told = {"side": side, "account": account, **field}
            told |= {"at": entry["at"], "instance": entry["instance"]}
            newest.setdefault((side, account, str(field["field"])), told)
    return [newest[key] for key in sorted(newest)]


def problem_document(entry: sync_log.Entry, names: Names) -> dict[str, Any]:
    """An entry of the Sync Log; ``resolved_at`` is null while it is open, ``told_again_at`` set where it was
    closed because a later entry tells the same."""
    return {
        "at": rfc3339(entry.at_ms),
        **names.of_instance(entry.instance_id, entry.account_id),
        "instance": entry.instance,
        "direction": entry.direction,
        "code": entry.code,
        "field": entry.field or None,
        "message": entry.message,
        "resolved_at": rfc3339(entry.resolved_at_ms) if entry.resolved_at_ms else None,
        "told_again_at": rfc3339(entry.retold_at_ms) if entry.retold_at_ms else None,
    }


def dead_document(letter: dead_letters.DeadLetter, names: Names) -> dict[str, Any]:
    """A dead letter; ``state``: dead, replayed or discarded."""
    return {
        "at": rfc3339(letter.last_failed_at_ms),
        "id": letter.id,
        **names.of_instance(letter.instance_id, letter.account_id),
        "instance": letter.instance,
        "code": letter.code,
        "message": letter.message,
        "attempts": letter.attempts,
        "state": letter.state,
    }


def entry_of(row: OutcomeRow, names: Names) -> dict[str, Any]:
    """``entry_document`` with the names of the two accounts."""
    told = names.of_accounts(row.hubspot_account_id, row.mainstay_account_id)
    return {**entry_document(row, {row.instance_id: names.instance(row.instance_id)}), **told}


def entry_document(row: OutcomeRow, names: dict[int, str]) -> dict[str, Any]:
    """One outcome: when, by which instance, how it ended and why. Names and reasons, never a value."""
    return {
        "at": rfc3339(row.finished_at_ms),
        "occurred_at": rfc3339(row.occurred_at_ms),
        "instance": names.get(row.instance_id, ""),
        "direction": row.direction,
        "hubspot_id": row.hubspot_id,
        "mainstay_id": row.mainstay_id,
        "outcome": row.outcome,
        "code": row.code,
        "cause": row.cause,
        "attempt": row.attempt,
        **EMPTY,
        **row.story,
    }


EMPTY: dict[str, Any] = {"filter": [], "matching": [], "fields": [], "notes": []}


def in_short(entry: dict[str, Any]) -> str:
    """What an entry did, in one line: the written fields, else the step that decided, else a note."""
    written = _written(entry["fields"]) if entry["outcome"] in ("created", "updated") else []
    if written:
        return "wrote " + ", ".join(written)
    decided = [step for step in entry["matching"] if step.get("result") == "error"]
    if decided:
        return str(decided[-1].get("reason", ""))
    if entry["outcome"] == "filtered":
        return "; ".join(_failed(one) for one in entry["filter"] if not one.get("held"))
    return "; ".join(str(note) for note in entry["notes"])


def _failed(one: dict[str, Any]) -> str:
    wanted = one.get("wanted")
    return f"{one.get('field', '')} is not {' or '.join(wanted)}" if wanted else str(one.get("field", ""))


def _written(fields: Iterable[dict[str, Any]]) -> list[str]:
    return [str(one["field"]) for one in fields if one.get("did") == "write"]
