"""What a batch reads from and writes to the database: three short transactions, none during a call.

``open``: links, intents, tombstones, finished messages. ``before``: what is about to be written (``sent``,
intents). ``after``: outcomes, links, Sync Log, dead letters, the account's health, all at once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from consumers.giving_up import give_up
from consumers.links import about_to_write, settled
from consumers.work import SOON_S, Context, Work
from core.domain.codes import Code
from core.domain.fields import Direction, Platform
from core.domain.instances import Existence
from core.domain.messages import Message
from core.domain.outcomes import Outcome
from core.store import erasure, instances, intents, links, outcomes, sync_log
from core.store.database import Database
from core.store.intents import Intent
from core.store.links import Link
from core.store.outcomes import OutcomeRow
from core.store.sealing import Sealer

SKIPPED = frozenset({Outcome.ERROR, Outcome.FILTERED, Outcome.DISABLED, Outcome.DELETED})
WRITTEN = frozenset({Outcome.CREATED, Outcome.UPDATED})
OWED = "follow_up"  # in a stored story: the other direction was to be told


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A message whose tries are used up, with the last code and why."""

    message: Message
    code: Code
    why: str


@dataclass(slots=True)
class Records:
    """The database, as one batch uses it."""

    context: Context
    database: Database
    sealer: Sealer
    ours: Callable[[], bool] = lambda: True  # whether the batch's leases are still held

    def finished(self, messages: Iterable[Message]) -> set[tuple[str, int]]:
        """Messages that have their outcome: delivered again after a crash between commit and ack."""
        with self.database.reading() as session:
            return outcomes.finished(session, {(one.id, one.generation) for one in messages})

    def existence(self) -> Existence:
        """Whether the instance still wants its messages."""
        with self.database.reading() as session:
            return instances.existence(session, self.context.instance.id)

    def owed(self, messages: Iterable[Message]) -> list[str]:
        """The target contacts that the other direction was to look at after these finished messages: whether
        it was told is not known, if the process ended between their outcome and their acknowledgement."""
        ids = {(one.id, one.generation) for one in messages}
        with self.database.reading() as session:
            rows = outcomes.rows_of(session, ids)
        incoming = self.context.direction is Direction.INCOMING
        found = [row.mainstay_id if incoming else row.hubspot_id for row in rows if row.story.get(OWED)]
        return [one for one in dict.fromkeys(found) if one]

    def links_of(self, platform: Platform, ids: Sequence[str]) -> Mapping[str, Link]:
        """The links of contacts on one side, by their id there."""
        with self.database.reading() as session:
            if platform is Platform.HUBSPOT:
                found = links.find(session, self.context.pair, hubspot_ids=ids)
                return {link.hubspot_id: link for link in found}
            found = links.find(session, self.context.pair, mainstay_ids=ids)
            return {link.mainstay_id: link for link in found}

    def load(self, works: Sequence[Work]) -> None:
        """Links and open intents of the contacts; those with a tombstone end here."""
        context, instance = self.context, self.context.instance
        ids = [work.contact for work in works]
        known = self.links_of(context.direction.source, ids)
        with self.database.reading() as session:
            open_ = intents.find(session, self.sealer, instance.source.id, instance.target.id, ids)
            buried = erasure.buried(session, context.key, instance.source.id, ids)
        for work in works:
            work.link, work.intent = known.get(work.contact), open_.get(work.contact)
            buried_ms = buried.get(work.contact)
            if buried_ms is not None and self._ends_at(buried_ms, work):
                work.end(Outcome.ERASED)

    def end_erased(self, session: Session, works: Sequence[Work]) -> None:
        """Looks that were at work while a privacy deletion went by end at its tombstone, in the transaction
        that stores what they found; accounts.share there, accounts.lock in account.py."""
        ids = [work.contact for work in works]
        buried = erasure.buried(session, self.context.key, self.context.instance.source.id, ids)
        for work in works:
            if work.contact in buried and self._ends_at(buried[work.contact], work):
                work.erase()

    def _ends_at(self, buried_ms: int, work: Work) -> bool:
        """A HubSpot id never comes back; a Mainstay contact lives on, and what comes later is new."""
        incoming = self.context.direction is Direction.INCOMING
        return incoming or all(message.accepted_at_ms <= buried_ms for message in work.messages)

    def create_towards_source_ms(self) -> int:
        """When the newest create that is still open towards the source account was sent, 0 = none."""
        with self.database.reading() as session:
            return intents.newest_towards(session, self.context.instance.source.id)

    def before_update(self, works: Sequence[Work]) -> None:
        """Links say what is about to be written; a work whose link was taken or changed looks again."""
        now_ms = self.context.clock()
        announced = [about_to_write(self.context, work) for work in works]
        with self.database.transaction() as session:
            for work, link in zip(works, self._store_all(session, announced, now_ms), strict=True):
                work.link, work.lost = link, link is None
        for work in works:
            work.lost = work.lost or not self.ours()

    def before_create(self, works: Sequence[Work], keys: Mapping[str, Mapping[str, str]]) -> None:
        """Intents, with the keys that are about to be sent (by source contact). A work whose leases are lost
        looks again: somebody else may have created it."""
        now_ms, instance = self.context.clock(), self.context.instance
        wanted = [Intent(work.contact, keys[work.contact], now_ms) for work in works]
        with self.database.transaction() as session:
            intents.open_(session, self.sealer, instance.source.id, instance.target.id, wanted)
        for work, intent in zip(works, wanted, strict=True):
            work.intent = intent
            if not self.ours():
                work.wait(SOON_S)

    def created(self, works: Sequence[Work]) -> None:
        """Creates were answered: link them at once, so that a crash from here on can't repeat them.

        Outgoing, the record's id is still to be set on Mainstay: until then the instance is not through with
        the link, whatever the other direction makes of it meanwhile.
        """
        now_ms, instance = self.context.clock(), self.context.instance
        owed = frozenset() if self.context.direction is Direction.INCOMING else frozenset({instance.id})
        after = [settled(self.context, work, wrote=True) for work in works]
        after = [replace(link, unsettled=link.unsettled | owed) for link in after]
        with self.database.transaction() as session:
            for work, link in zip(works, self._store_all(session, after, now_ms), strict=True):
                work.link, work.lost = link, link is None
            intents.close(session, instance.source.id, instance.target.id, [work.contact for work in works])
        for work in works:
            work.intent = None

    def refused_create(self, works: Sequence[Work]) -> None:
        """The target clearly refused to create these: nothing is open any more."""
        instance = self.context.instance
        with self.database.transaction() as session:
            intents.close(session, instance.source.id, instance.target.id, [work.contact for work in works])
        for work in works:
            work.intent = None

    def settle(self, session: Session, works: Sequence[Work]) -> None:
        """Links of what is done, in the caller's transaction.

        A work that wrote although somebody else had the contact meanwhile may have put an old value in place:
        the link is told, and the work looks again.
        """
        now_ms, instance = self.context.clock(), self.context.instance
        done = [work for work in works if work.outcome is not None]
        matched = [work for work in done if work.match is not None and self._has_both(work)]
        sure = [w for w in matched if w.outcome in (*WRITTEN, Outcome.UNCHANGED) or w.target is not None]
        after = [settled(self.context, work, wrote=work.outcome in WRITTEN) for work in sure]
        for work, stored in zip(sure, self._store_all(session, after, now_ms), strict=True):
            # A create wrote over nothing; whoever has the new link by now goes on from it.
            late = stored is None and work.outcome is Outcome.UPDATED
            if late and self._reopen(session, work, now_ms):
                work.outcome = None
                work.wait(SOON_S)
        # Who is gone is never created; whom a lost create made, the matching finds by id, email and phone.
        over = [*matched, *(work for work in done if work.outcome is Outcome.GONE)]
        answered = [work.contact for work in over if work.intent is not None]
        intents.close(session, instance.source.id, instance.target.id, answered)

    def _reopen(self, session: Session, work: Work, now_ms: int) -> bool:
        """What we wrote stands as sent and unanswered: whoever looks next takes it for ours, not for a change
        by somebody else. False where the pair is no longer linked."""
        mine = about_to_write(self.context, work)
        found = links.find(session, self.context.pair, mainstay_ids=[mine.mainstay_id])
        for link in found:
            if link.hubspot_id == mine.hubspot_id:
                links.save(session, replace(link, sent=mine.sent, sent_to=mine.sent_to), now_ms)
                return True
        return False

    def after(
        self, session: Session, works: Sequence[Work], dead: Sequence[GivenUp], *, log: bool = True
    ) -> None:
        """The outcomes that a batch leaves behind, in the caller's transaction, after ``settle``."""
        now_ms = self.context.clock()
        done = [work for work in works if work.outcome is not None]
        outcomes.record(session, [row for work in done for row in self._rows(work, now_ms)])
        skipped = [work.contact for work in done if work.outcome in SKIPPED]
        if skipped:
            source, instance_id = self.context.direction.source, self.context.instance.id
            links.skipped(session, self.context.pair, source, skipped, instance_id, now_ms)
        if log:
            self._tell(session, done, now_ms)
        for one in dead:
            give_up(session, one.message, one.code, one.why, now_ms)

    def _has_both(self, work: Work) -> bool:
        target = work.written or work.target
        return work.source is not None and target is not None and work.outcome is not Outcome.ERASED

    def _store_all(self, session: Session, changed: Sequence[Link], now_ms: int) -> list[Link | None]:
        """Save or create; None where somebody else works on the pair: look again."""
        known = [index for index, link in enumerate(changed) if link.id]
        stored: list[Link | None] = [None] * len(changed)
        saved = links.save_all(session, [changed[index] for index in known], now_ms)
        for index, link in zip(known, saved, strict=True):
            stored[index] = link
        new = [index for index, link in enumerate(stored) if link is None]
        wanted = [replace(changed[index], id=0, version=0) for index in new]
        created = links.create_all(session, self.context.pair, wanted, now_ms)
        for index, link in zip(new, created, strict=True):
            stored[index] = link or self._take_over(session, replace(changed[index], id=0, version=0), now_ms)
        return stored

    def _take_over(self, session: Session, link: Link, now_ms: int) -> Link | None:
        """An id that another link holds is taken over only if that link is stale, which the matching has
        judged already (it would have ended as ``already-linked`` or a conflict otherwise)."""
        holders = links.find(
            session, self.context.pair, hubspot_ids=[link.hubspot_id], mainstay_ids=[link.mainstay_id]
        )
        same = [h for h in holders if (h.hubspot_id, h.mainstay_id) == (link.hubspot_id, link.mainstay_id)]
        if same:
            return None  # somebody else works on this very pair: look again
        links.remove(session, [holder.id for holder in holders])
        return links.create(session, self.context.pair, link, now_ms)

    def _ids(self, work: Work) -> tuple[str | None, str | None, str | None]:
        """(HubSpot id, Mainstay id, Mainstay page) of what the work is about."""
        target = work.written or work.target
        if self.context.direction is Direction.INCOMING:
            hubspot, mainstay = work.contact, target.id if target else None
            page = target
        else:
            hubspot, mainstay = work.record_id or (target.id if target else ""), work.contact
            page = work.source
        if work.link is not None:
            hubspot, mainstay = hubspot or work.link.hubspot_id, mainstay or work.link.mainstay_id
        return hubspot or None, mainstay, self.context.mainstay_url(mainstay or "", page)

    def _rows(self, work: Work, now_ms: int) -> list[OutcomeRow]:
        hubspot_id, mainstay_id, _ = self._ids(work)
        erased = work.outcome is Outcome.ERASED
        assert work.outcome is not None
        code = work.problems[0].code if work.problems else None
        instance = self.context.instance
        return [
            OutcomeRow(
                message_id=message.id,
                generation=message.generation,
                direction=instance.direction,
                outcome=work.outcome,
                cause=message.cause,
                occurred_at_ms=message.occurred_at_ms,
                accepted_at_ms=message.accepted_at_ms,
                finished_at_ms=now_ms,
                hubspot_account_id=instance.hubspot.id,
                mainstay_account_id=instance.mainstay.id,
                instance_id=instance.id,
                hubspot_id=None if erased else hubspot_id,
                mainstay_id=None if erased else mainstay_id,
                code=code,
                attempt=message.attempt,
                story=work.story.to_json() | ({OWED: True} if work.follow_up else {}),
                mapping_version=instance.mapping_version,
                job_id=message.job,
            )
            for message in work.messages
        ]

    def _about(self, work: Work) -> sync_log.About:
        hubspot_id, mainstay_id, url = self._ids(work)
        source = self.context.direction.source
        counterpart = mainstay_id if source is Platform.HUBSPOT else hubspot_id
        return sync_log.About(
            instance_id=self.context.instance.id,
            direction=self.context.direction,
            contact=f"{source}:{work.contact}",
            hubspot_id=hubspot_id,
            mainstay_id=mainstay_id,
            url=url,
            fingerprint=self.context.fingerprint(work.source, counterpart),
        )

    def _tell(self, session: Session, works: Sequence[Work], now_ms: int) -> None:
        source = self.context.direction.source
        instance_id = self.context.instance.id
        had = sync_log.with_open(session, instance_id, [f"{source}:{work.contact}" for work in works])
        for work in works:
            if work.outcome in (Outcome.DISABLED, Outcome.DELETED, Outcome.ERASED):
                continue
            if work.outcome is Outcome.UNCHANGED and work.source is None:
                continue  # an echo: nobody looked, so what is open stays open
            if work.problems or f"{source}:{work.contact}" in had:
                sync_log.tell(session, self._about(work), work.problems, now_ms, again=work.by_hand)
