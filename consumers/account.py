"""A HubSpot account's own business, whatever its instances: deletion, merge, restore, privacy deletion.

Served ahead of any backlog from a queue of its own. Deletions never delete in Mainstay.
"""

import time
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from consumers import account_failing, forgetting, health
from consumers.account_merging import Merging
from consumers.directory import Directory
from consumers.leasing import Held, lease_key
from consumers.results import Put, Result
from consumers.work import SOON_S
from core import telemetry, tracing
from core.domain.contacts import Contact
from core.domain.fields import Direction, Platform
from core.domain.instances import Account, Instance
from core.domain.messages import Address, Cause, Kind, Lane, Message
from core.domain.outcomes import Outcome
from core.platforms.errors import (
    NotFound,
    PlatformError,
    RateLimited,
)
from core.platforms.ports import Mainstay
from core.queue.port import Publisher
from core.store import accounts, erasure, links, outcomes
from core.store.outcomes import OutcomeRow
from core.wiring import Wiring

_ORDER = {Kind.PRIVACY_DELETION: 0, Kind.MERGE: 1, Kind.DELETION: 2, Kind.RESTORE: 3, Kind.CONTACT: 4}
WAIT_S = 5.0  # for an account that is held
_MERGE_PATIENCE_MS = 5_000  # how long the deletion of a merged record waits for its merge
_SOON_MS = 10_000  # a restored record's look is through within this, mostly
_LOOK_PATIENCE_MS = 24 * 3_600_000  # one that never ends was lost with its queue
_NOT_CARRIED = frozenset({Outcome.ERROR, Outcome.DEAD})


def run(
    wiring: Wiring,
    directory: Directory,
    account_id: int,
    messages: Sequence[Message],
    held: Held,
    publisher: Publisher,
) -> Result:
    """Carry out an account's messages; merges go before the deletions that they bring along.

    While the account is held only privacy deletions are: they need no call.
    """
    with wiring.database.reading() as session:
        finished = outcomes.finished(session, {(one.id, one.generation) for one in messages})
    business = _Business(wiring, directory, directory.accounts[account_id], publisher)
    try:
        for message in sorted(messages, key=lambda one: (_ORDER[one.kind], one.occurred_at_ms)):
            if (message.id, message.generation) in finished:
                continue
            keys = {
                lease_key(Platform.HUBSPOT, account_id, one)
                for one in {message.contact, message.survivor, *message.merged}
                if one
            }
            if not held.acquire([keys])[0]:
                business.result.back[message.id] = Put(message, SOON_S)
                continue
            business.handle(message)
    finally:
        held.release()
    return business.result


@dataclass(slots=True)
class _Business:
    wiring: Wiring
    directory: Directory
    account: Account
    publisher: Publisher
    result: Result = field(default_factory=Result)
    called: Account = field(init=False)  # the account that was called last, on either platform
    merged: set[str] = field(default_factory=set)  # records whose merge was carried out just now
    _begun_s: float = field(default_factory=time.monotonic)

    def handle(self, message: Message) -> None:
        """One message, to its outcome or back into the queue."""
        if self.account.id in self.directory.holds and message.kind is not Kind.PRIVACY_DELETION:
            self.result.back[message.id] = Put(message, WAIT_S)
            return
        self.called = self.account
        try:
            match message.kind:
                case Kind.PRIVACY_DELETION:
                    self._erase(message)
                case _ if self._buried(message):
                    self._end_erased(message)  # HubSpot sends a deletion along, in any order
                case Kind.MERGE:
                    self._merge(message)
                case Kind.DELETION:
                    self._delete(message)
                case _:
                    self._restore(message)
        except PlatformError as error:
            if account_failing.failed(self.wiring, self.result, message, self.called, error):
                self._done(message, "not permitted", Outcome.ERROR)

    def _delete(self, message: Message) -> None:
        """The link goes; but an id that HubSpot still resolves was merged, not deleted. Its merge may be on
        the way, and alone knows which record was the primary one."""
        survivor = self._resolve(message.contact)
        if survivor is not None and survivor.id != message.contact:
            left_ms = message.accepted_at_ms + _MERGE_PATIENCE_MS - self.wiring.clock()
            if left_ms > 0 and message.contact not in self.merged:
                self.result.back[message.id] = Put(message, left_ms / 1000)
            else:
                self._follow(message, survivor, [message.contact])
            return
        if survivor is not None:
            self._done(message, "the record is there: it was restored since")
            return
        with self.wiring.database.transaction() as session:
            self._answered(session)
            dropped = links.remove_contact(session, hubspot=(self.account.id, message.contact), mainstay=None)
            self._record(session, message, f"deleted in HubSpot; {dropped} links dropped, Mainstay untouched")

    def _merge(self, message: Message) -> None:
        survivor = self._resolve(message.survivor)
        if survivor is None:
            self._done(message, "the surviving record is gone")
            return
        # A survivor that was merged on since has another primary: that merge's own message tells.
        primary = message.primary if survivor.id == message.survivor else ""
        self._follow(message, survivor, [message.contact, *message.merged], primary)
        self.merged.update(message.merged)

    def _follow(self, message: Message, survivor: Contact, losers: Sequence[str], primary: str = "") -> None:
        """Links and Mainstay's CRM IDs follow the survivor; then its values are looked at."""
        ids = list(dict.fromkeys([survivor.id, *filter(None, losers)]))
        merging = Merging(self.wiring, self.directory, self.account, self._mainstay, self._resolve)
        followed, handed = merging.follow(survivor, ids, primary)
        self._wake(message, survivor.id, handed)
        self._done(message, f"merged into {survivor.id}; {followed} links followed")

    def _mainstay(self, organisation: int) -> Mainstay:
        """An organisation's client, while it is not held."""
        account = self.called = self.directory.accounts[organisation]
        if account.id in self.directory.holds:
            raise RateLimited(Platform.MAINSTAY, f"{account.name} is held", retry_after_s=WAIT_S)
        return self.wiring.mainstay(account)

    def _restore(self, message: Message) -> None:
        """A change of the record: the incoming instances carry it over. Then, organisation by organisation,
        the outgoing ones look at the contact that leads to it, which was told meanwhile that there is none:
        not before, as a pair that has agreed on nothing follows the side that is looked at first."""
        if message.organisation:
            self._restored(message)
            return
        mine = self._enabled()
        now_ms, after = self.wiring.clock(), defaultdict[int, list[str]](list)
        looks = []
        for one in mine:
            if one.direction is Direction.INCOMING:
                looks.append(_look(message, one, message.contact, now_ms))
                after[one.mainstay.id].append(looks[-1].id)
        fed = {one.mainstay.id for one in mine if one.direction is Direction.OUTGOING}
        later = [
            replace(message, id=uuid.uuid4().hex, organisation=one, after=tuple(after[one]))
            for one in sorted(fed)
        ]
        self.publisher.publish([*looks, *later])
        self._done(message, "looked at like a change")

    def _restored(self, message: Message) -> None:
        """Once the record's own change is through, Mainstay's values may count. Where it could not be carried
        over they don't: they would overwrite what it is about."""
        with self.wiring.database.reading() as session:
            found = [outcomes.of_message(session, one) for one in message.after]
        age_ms = self.wiring.clock() - message.accepted_at_ms
        if message.organisation in self.directory.holds or (None in found and age_ms < _LOOK_PATIENCE_MS):
            soon = message.organisation not in self.directory.holds and age_ms < _SOON_MS
            self.result.back[message.id] = Put(message, SOON_S if soon else WAIT_S)
            return
        if any(one is not None and one.outcome in _NOT_CARRIED for one in found):
            self._done(message, "its change could not be carried over, so Mainstay's contact is left alone")
            return
        self._wake_outgoing(message, message.organisation)
        self._done(message, "Mainstay's contact is looked at")

    def _wake_outgoing(self, message: Message, organisation: int) -> None:
        """The outgoing instances look at whom the record is linked with, or whose CRM ID it is."""
        with self.wiring.database.reading() as session:
            known = links.of_record(session, self.account.id, [message.contact])
        contacts = {link.mainstay_id for one, link in known if one == organisation}
        answer = self._mainstay(organisation).get([message.contact])[message.contact]
        if isinstance(answer, PlatformError) and not isinstance(answer, NotFound):
            raise answer
        # Mainstay takes a key for a phone or an id of its own too, so what came back is checked.
        if isinstance(answer, Contact) and answer.crm_id == message.contact:
            contacts.add(answer.id)
        self.publisher.publish(
            [
                _look(message, one, contact, self.wiring.clock())
                for one in self._enabled()
                if one.direction is Direction.OUTGOING and one.mainstay.id == organisation
                for contact in sorted(contacts)
            ]
        )

    def _enabled(self) -> list[Instance]:
        every = self.directory.instances.values()
        return [one for one in every if one.enabled and one.hubspot.id == self.account.id]

    def _wake(self, message: Message, record: str, contacts: Mapping[int, str]) -> None:
        """The account's enabled incoming instances look at the record. Queued before the outcome is stored: a
        crash in between makes one look more, none less.

        Where a Mainstay contact got the record back from another one (``contacts``, by organisation), the
        record holds that one's values: there the outgoing instances look instead.
        """
        mine = self._enabled()
        outgoing = [
            one for one in mine if one.direction is Direction.OUTGOING and one.mainstay.id in contacts
        ]
        restored = {one.mainstay.id for one in outgoing}
        looks = [_look(message, one, contacts[one.mainstay.id], self.wiring.clock()) for one in outgoing]
        looks += [
            _look(message, one, record, self.wiring.clock())
            for one in mine
            if one.direction is Direction.INCOMING and one.mainstay.id not in restored
        ]
        self.publisher.publish(looks)

    def _erase(self, message: Message) -> None:
        """Everything we keep about the contact goes, on both sides of its links; a tombstone stays."""
        key = self.wiring.digest_key()  # before the transaction: the first use is one of its own
        mine = (self.account.id, message.contact)
        with self.wiring.database.transaction() as session:
            others = erasure.counterparts(session, *mine)
            # Whoever looks at them now stores what it found before this, or finds the tombstone.
            accounts.lock(session, {self.account.id, *(one for one, _ in others)})
            forgetting.forget(session, key, self.wiring.clock(), mine, others)
            self._record(session, message, "", outcome=Outcome.ERASED)
        forgetting.drop_waiting(self.wiring.queue, self.directory, mine, others)
        telemetry.log("contact.erased", account=self.account.name)

    def _buried(self, message: Message) -> bool:
        key = self.wiring.digest_key()
        with self.wiring.database.reading() as session:
            return bool(erasure.buried(session, key, self.account.id, [message.contact]))

    def _end_erased(self, message: Message) -> None:
        with self.wiring.database.transaction() as session:
            self._record(session, message, "", outcome=Outcome.ERASED)

    def _resolve(self, record_id: str) -> Contact | None:
        self.called = self.account
        answer = self.wiring.hubspot(self.account).read([record_id], [])[record_id]
        if isinstance(answer, Contact):
            return answer
        if isinstance(answer, NotFound):
            return None
        raise answer

    def _done(self, message: Message, note: str, outcome: Outcome = Outcome.HANDLED) -> None:
        with self.wiring.database.transaction() as session:
            if outcome is Outcome.HANDLED:
                self._answered(session)
            self._record(session, message, note, outcome)

    def _answered(self, session: Session) -> None:
        now_ms = self.wiring.clock()
        health.note(session, self.called, None, failed={}, succeeded=True, now_ms=now_ms)

    def _record(
        self, session: Session, message: Message, note: str, outcome: Outcome = Outcome.HANDLED
    ) -> None:
        erased = outcome is Outcome.ERASED
        outcomes.record(
            session,
            [
                OutcomeRow(
                    message_id=message.id,
                    generation=message.generation,
                    direction=Direction.INCOMING,
                    outcome=outcome,
                    cause=message.cause,
                    occurred_at_ms=message.occurred_at_ms,
                    accepted_at_ms=message.accepted_at_ms,
                    finished_at_ms=self.wiring.clock(),
                    hubspot_account_id=self.account.id,
                    hubspot_id=None if erased else message.contact,
                    job_id=message.job,
                    story={} if erased else {"notes": [f"{message.kind}: {note}"]},
                )
            ],
        )
        telemetry.record_outcome("account", outcome)
        if not erased:
            telemetry.log(
                f"record.{message.kind}",
                account=self.account.name,
                contact=message.contact,
                note=note,
                traces=[message.trace],
            )
        seconds = time.monotonic() - self._begun_s
        tracing.look([message.trace], seconds, account=self.account.name, outcome=str(outcome))


def _look(message: Message, instance: Instance, contact: str, now_ms: int) -> Message:
    lane = Lane.INCOMING if instance.direction is Direction.INCOMING else Lane.OUTGOING
    return Message(
        id=uuid.uuid4().hex,
        address=Address(lane, instance.id),
        contact=contact,
        occurred_at_ms=message.occurred_at_ms,
        accepted_at_ms=now_ms,
        cause=Cause.FOLLOW_UP,
        trace=message.trace,
    )
