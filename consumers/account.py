"""A HubSpot account's own business, whatever its instances: deletion, merge, restore, privacy deletion.

Served ahead of any backlog from a queue of its own. Deletions never delete in Mainstay.
"""

import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from consumers import account_failing, forgetting, health
from consumers.directory import Directory
from consumers.leasing import Held, lease_key
from consumers.results import Put, Result
from consumers.work import SOON_S
from core import telemetry, tracing
from core.domain.codes import Code
from core.domain.contacts import Contact
from core.domain.fields import Direction, Platform
from core.domain.instances import Account
from core.domain.messages import Address, Cause, Kind, Lane, Message
from core.domain.outcomes import Outcome, Problem
from core.platforms.errors import (
    Conflict,
    NotFound,
    PlatformError,
    RateLimited,
    Refused,
)
from core.platforms.ports import Mainstay
from core.queue.port import Publisher
from core.store import erasure, links, outcomes, sync_log
from core.store.links import Link, Pair
from core.store.outcomes import OutcomeRow
from core.wiring import Wiring

_ORDER = {Kind.PRIVACY_DELETION: 0, Kind.MERGE: 1, Kind.DELETION: 2, Kind.RESTORE: 3, Kind.CONTACT: 4}
WAIT_S = 5.0  # for an account that is held
_MERGE_PATIENCE_MS = 5_000  # how long the deletion of a merged record waits for its merge


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
        # The primary's contact keeps the record where two contacts would share it: it comes first.
        self._follow(message, survivor, [message.contact, *message.merged])
        self.merged.update(message.merged)

    def _follow(self, message: Message, survivor: Contact, losers: Sequence[str]) -> None:
        """Links and Mainstay's CRM IDs follow the survivor; then its values are looked at."""
        ids = list(dict.fromkeys(one for one in losers if one))
        rank = {one: index for index, one in enumerate(ids)}
        followed = 0
        for organisation, known in self._linked(survivor.id, ids).items():
            found = known + self._carriers(organisation, ids, {link.mainstay_id for link in known})
            found.sort(key=lambda link: rank.get(link.hubspot_id, -1))
            for link in found[:1]:
                self._move(organisation, link, survivor.id)
            for link in found[1:]:
                if link.mainstay_id != found[0].mainstay_id:
                    self._shared(organisation, link, found[0], survivor.id)
            followed += len(found)
        self._wake(message, survivor.id)
        self._done(message, f"merged into {survivor.id}; {followed} links followed")

    def _linked(self, survivor: str, ids: Sequence[str]) -> dict[int, list[Link]]:
        """The links of these records by organisation, for every one that an instance pairs with the portal.
        One that is held comes last, so that it keeps no other waiting."""
        paired = {
            one.mainstay.id
            for one in self.directory.instances.values()
            if one.hubspot.id == self.account.id and one.id in self.directory.live
        }
        with self.wiring.database.reading() as session:
            found = links.of_record(session, self.account.id, [survivor, *ids])
        by_organisation: dict[int, list[Link]] = {one: [] for one in paired}
        for organisation, link in found:
            by_organisation.setdefault(organisation, []).append(link)
        return dict(sorted(by_organisation.items(), key=lambda item: item[0] in self.directory.holds))

    def _carriers(self, organisation: int, ids: Sequence[str], linked: Collection[str]) -> list[Link]:
        """Contacts that carry one of these ids as CRM ID and have no link: a link counts as the CRM ID, and
        the other way round."""
        answers = self._mainstay(organisation).get(ids)
        found = {}
        for answer in answers.values():
            if isinstance(answer, PlatformError) and not isinstance(answer, NotFound):
                raise answer
            # Mainstay takes a key for a phone or an id of its own too, so what came back is checked.
            if isinstance(answer, Contact) and answer.crm_id in ids and not answer.left_out:
                found[answer.id] = Link(hubspot_id=answer.crm_id, mainstay_id=answer.id)
        return [link for key, link in found.items() if key not in linked]

    def _mainstay(self, organisation: int) -> Mainstay:
        """An organisation's client, while it is not held."""
        account = self.called = self.directory.accounts[organisation]
        if account.id in self.directory.holds:
            raise RateLimited(Platform.MAINSTAY, f"{account.name} is held", retry_after_s=WAIT_S)
        return self.wiring.mainstay(account)

    def _move(self, organisation: int, link: Link, survivor: str) -> None:
        """The CRM ID first: if that fails, the message comes again and finds the link where it was."""
        client = self._mainstay(organisation)
        contact = client.get([link.mainstay_id])[link.mainstay_id]
        if isinstance(contact, PlatformError) and not isinstance(contact, NotFound):
            raise contact
        if (
            isinstance(contact, Contact)
            and contact.crm_id
            and contact.crm_id != survivor
            and not contact.left_out
        ):
            answer = client.update({contact.id: {"crm_id": survivor}})[contact.id]
            if isinstance(answer, Conflict):
                self._log_shared(
                    organisation, link, survivor, "another Mainstay contact has the survivor's CRM ID"
                )
            elif isinstance(answer, PlatformError) and not isinstance(answer, NotFound | Refused):
                raise answer
        if link.hubspot_id == survivor:
            return
        with self.wiring.database.transaction() as session:
            # Digests speak of the record that was; what both sides agree on is found anew.
            moved = replace(link, hubspot_id=survivor, sent={}, sent_to="")
            if links.save(session, moved, self.wiring.clock()) is None:
                pair = Pair(self.account.id, organisation)
                links.create(session, pair, replace(moved, id=0, version=0), self.wiring.clock())

    def _shared(self, organisation: int, link: Link, owner: Link, survivor: str) -> None:
        """Two Mainstay contacts would share the record: the primary's keeps it, this one is told."""
        self._log_shared(
            organisation, link, survivor, f"after a merge it belongs to Mainstay contact {owner.mainstay_id}"
        )
        with self.wiring.database.transaction() as session:
            links.remove(session, [link.id])

    def _log_shared(self, organisation: int, link: Link, survivor: str, why: str) -> None:
        instance = next(
            (
                one
                for one in self.directory.instances.values()
                if one.hubspot.id == self.account.id
                and one.mainstay.id == organisation
                and one.direction is Direction.OUTGOING
            ),
            next(
                (
                    one
                    for one in self.directory.instances.values()
                    if one.hubspot.id == self.account.id and one.mainstay.id == organisation
                ),
                None,
            ),
        )
        template = self.wiring.settings.mainstay_contact_url
        about = sync_log.About(
            instance_id=instance.id if instance else 0,
            direction=Direction.OUTGOING,
            contact=f"mainstay:{link.mainstay_id}",
            hubspot_id=survivor,
            mainstay_id=link.mainstay_id,
            url=template.replace("{id}", link.mainstay_id) if template else None,
            fingerprint=f"merge:{survivor}"[:40],
        )
        problem = Problem(Code.ALREADY_LINKED, f"HubSpot record {survivor}: {why}.")
        with self.wiring.database.transaction() as session:
            sync_log.tell(session, about, [problem], self.wiring.clock())

    def _restore(self, message: Message) -> None:
        self._wake(message, message.contact)
        self._done(message, "restored: looked at like a change")

    def _wake(self, message: Message, contact: str) -> None:
        """The account's enabled incoming instances look at the record. Queued before the outcome is stored: a
        crash in between makes one look more, none less."""
        looks = [
            Message(
                id=uuid.uuid4().hex,
                address=Address(Lane.INCOMING, instance.id),
                contact=contact,
                occurred_at_ms=message.occurred_at_ms,
                accepted_at_ms=self.wiring.clock(),
                cause=Cause.FOLLOW_UP,
                trace=message.trace,
            )
            for instance in self.directory.instances.values()
            if instance.enabled
            and instance.direction is Direction.INCOMING
            and instance.hubspot.id == self.account.id
        ]
        self.publisher.publish(looks)

    def _erase(self, message: Message) -> None:
        """Everything we keep about the contact goes, on both sides of its links; a tombstone stays."""
        key = self.wiring.digest_key()  # before the transaction: the first use is one of its own
        mine = (self.account.id, message.contact)
        with self.wiring.database.transaction() as session:
            others = erasure.counterparts(session, *mine)
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
