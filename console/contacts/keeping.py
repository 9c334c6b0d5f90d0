"""What is kept about a contact: all of it as one document, and its erasure on both sides of its links."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from console.contacts.leased import leased
from console.timelines import Known, Names, dead_document, dead_of, entry_of, link_document, problem_document
from console.times import rfc3339
from consumers import forgetting
from consumers.directory import Directory
from consumers.forgetting import Of
from consumers.leasing import lease_key
from core.domain.fields import Platform
from core.domain.messages import Message, Unreadable
from core.queue.port import QueueUnavailable
from core.store import accounts, activity, audit, erasure, intents, sync_log, sync_log_search
from core.store.dead_letters import DeadLetter
from core.store.links import Link
from core.wiring import Wiring

MOST = 100_000  # rows of one kind
_AUDIT = 1_000


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows went. ``queue_cleared``: False where the queue did not answer; what waits there then ends
    at the tombstone."""

    rows: int
    queue_cleared: bool


def export(wiring: Wiring, names: Names, known: Known, who: str) -> dict[str, Any]:
    """``everything``, with a note in the audit log of who took it."""
    whom = known.whom
    mark = audit.contact_mark(wiring.digest_key(), whom.platform, whom.contact)
    with wiring.database.transaction() as session:
        document = everything(wiring, session, names, known)
        audit.record(session, wiring.clock(), who, "contact.exported", mark, [known.account.name])
    return document


def everything(wiring: Wiring, session: Session, names: Names, known: Known) -> dict[str, Any]:
    """All rows about the contact and its counterparts between its accounts.

    ``links``: with the keyed digests that stand for values. ``being_created``: the only values at rest, kept
    encrypted until a create is answered. ``audit``: what users did with it. Times are RFC 3339, UTC.
    """
    key, whom = wiring.digest_key(), known.whom
    rows, _ = activity.page(session, activity.Search(whom=whom), MOST)
    entries = sync_log_search.search(session, sync_log.Search(whom=whom, limit=MOST))
    both = of_both(session, known)
    marks = [audit.contact_mark(key, names.accounts[one].platform, contact) for one, contact in both]
    return {
        "made_at": rfc3339(wiring.clock()),
        "contact": {
            "platform": str(whom.platform),
            "account": known.account.name,
            "account_id": known.account.external_id,
            "id": whom.contact,
        },
        "links": [
            {**link_document(hubspot, mainstay, link), "remembered": _remembered(link)}
            for hubspot, mainstay, link in known.links
        ],
        "timeline": [entry_of(row, names) for row in rows],
        "sync_log": [problem_document(one, names) for one in entries],
        "dead_letters": [
            {**dead_document(one, names), "queued": _queued(one)} for one in dead_of(session, names, whom)
        ],
        "being_created": [
            {
                "in": names.accounts[target].name,
                "since": rfc3339(intent.created_at_ms),
                "values": dict(intent.keys),
            }
            for one, contact in both
            for target, intent in intents.of_contact(session, wiring.sealer, one, contact)
        ],
        "erased": [
            {"account": names.accounts[one].name, "at": rfc3339(at_ms)}
            for one, contact in both
            for at_ms in erasure.buried(session, key, one, [contact]).values()
        ],
        "audit": [
            {"at": rfc3339(one.at_ms), "who": one.who, "action": one.action}
            for one in audit.about(session, marks, _AUDIT)
        ],
    }


def of_both(session: Session, known: Known) -> list[Of]:
    """The contact and everybody whom its erasure reaches, as (account id, contact id), itself first."""
    found = [(known.account.id, known.whom.contact)]
    for hubspot, mainstay in _groups(session, known):
        found += [*([hubspot] if hubspot else []), *mainstay]
    return list(dict.fromkeys(found))


def reached(wiring: Wiring, directory: Directory, known: Known) -> list[dict[str, str]]:
    """``of_both`` as {"platform", "account", "id"}."""
    with wiring.database.reading() as session:
        both = [(directory.accounts[one], contact) for one, contact in of_both(session, known)]
    return [
        {"platform": str(account.platform), "account": account.name, "id": contact}
        for account, contact in both
    ]


def erase(wiring: Wiring, directory: Directory, known: Known, who: str) -> Erased:
    """Remove all of it, and what waits in the embedded queue. Busy."""
    key = wiring.digest_key()
    with wiring.database.reading() as session:
        groups, both = _groups(session, known), of_both(session, known)
    platforms = {one.id: one.platform for one in directory.accounts.values()}
    with leased(wiring, {lease_key(platforms[one], one, contact) for one, contact in both}):
        removed: dict[str, int] = {}
        marks = [audit.contact_mark(key, platforms[one], contact) for one, contact in both]
        now_ms = wiring.clock()
        with wiring.database.transaction() as session:
            accounts.lock(session, {one for one, _ in both})  # as consumers/account.py does
            for hubspot, mainstay in groups:
                for table, number in forgetting.forget(session, key, now_ms, hubspot, mainstay).items():
                    removed[table] = removed.get(table, 0) + number
            numbers = [f"{table}: {number}" for table, number in sorted(removed.items()) if number]
            audit.record(session, now_ms, who, "contact.erased", marks[0], [*marks[1:], *numbers])
        try:
            for hubspot, mainstay in groups:
                forgetting.drop_waiting(wiring.queue, directory, hubspot, mainstay)
        except QueueUnavailable:
            return Erased(sum(removed.values()), queue_cleared=False)
    return Erased(sum(removed.values()), queue_cleared=True)


def told(done: Erased) -> str:
    """An erasure in words."""
    if not done.queue_cleared:
        return "Erased. The queue does not answer: what waits there ends at the tombstone."
    rows = f"{done.rows} {'row' if done.rows == 1 else 'rows'}"
    return f"Erased: {rows} about the contact. HubSpot and Mainstay keep theirs."


def _groups(session: Session, known: Known) -> list[tuple[Of | None, list[Of]]]:
    """(HubSpot's record, Mainstay's contacts) that are erased together: one group per record."""
    own = (known.account.id, known.whom.contact)
    if known.account.platform is Platform.HUBSPOT:
        return [(own, erasure.counterparts(session, *own))]
    records = _records(known.links)
    if not records:
        return [(None, [own])]
    return [(one, list(dict.fromkeys([own, *erasure.counterparts(session, *one)]))) for one in records]


def _records(links: Iterable[tuple[Any, Any, Link]]) -> list[Of]:
    return [(hubspot.id, link.hubspot_id) for hubspot, _, link in links]


def _remembered(link: Link) -> dict[str, Any]:
    return {**asdict(link), "unsettled": sorted(link.unsettled)}


def _queued(letter: DeadLetter) -> dict[str, Any] | None:
    """What its message says: times and digests by field; None where it can't be read."""
    try:
        message = Message.from_json(letter.body)
    except Unreadable:
        return None
    return {"occurred_at": rfc3339(message.occurred_at_ms), "changed": sorted(message.changes)}
