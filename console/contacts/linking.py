"""Linking two records by hand, and taking a link apart: whether it may be, and doing it."""

import uuid
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from console.contacts import reading
from console.contacts.effects import effects_of_link, effects_of_unlink, mainstay_ids
from console.contacts.leased import leased
from console.contacts.reading import Side, Tie
from console.contacts.rows import Reader
from consumers.directory import Directory
from consumers.leasing import lease_key
from core.domain.codes import Code
from core.domain.contacts import Contact
from core.domain.fields import Direction, Platform
from core.domain.instances import Account, Instance
from core.domain.outcomes import Outcome
from core.platforms.errors import NotFound, PlatformError
from core.store import audit, erasure, intents, links, outcomes
from core.store.links import Link, Pair
from core.store.outcomes import OutcomeRow
from core.wiring import Wiring

CAUSE = "link"
_NOT_LINKED = "They are not linked (any more)."


class Refused(Exception):
    """Not linked. The text is for people; ``code`` names the rule where one has a code."""

    def __init__(self, text: str, code: Code | None = None) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Couple:
    """Two records that somebody wants to be one contact."""

    hubspot: Account
    hubspot_id: str
    mainstay: Account
    mainstay_id: str

    @property
    def pair(self) -> Pair:
        """Their accounts, as links know them."""
        return Pair(self.hubspot.id, self.mainstay.id)

    @property
    def keys(self) -> set[str]:
        """What both are leased under."""
        return {
            lease_key(Platform.HUBSPOT, self.hubspot.id, self.hubspot_id),
            lease_key(Platform.MAINSTAY, self.mainstay.id, self.mainstay_id),
        }


def examine(wiring: Wiring, directory: Directory, couple: Couple) -> Tie:
    """Both sides as they are now, for a link that may be made. Refused."""
    between = _between(directory, couple)
    if not between:
        where = f"{couple.hubspot.name} and {couple.mainstay.name}"
        raise Refused(f"No integration carries contacts between {where}: records of these can't be linked.")
    tie = Tie(
        Side(couple.hubspot, couple.hubspot_id), Side(couple.mainstay, couple.mainstay_id), None, between
    )
    _is_free(wiring, couple)
    tie = reading.read_both(wiring, directory, tie)
    for side in (tie.hubspot, tie.mainstay):
        _is_there(side)
    _is_nobodys(wiring, tie)
    return tie


def told_of_link(wiring: Wiring, directory: Directory, couple: Couple, reader: Reader) -> list[str]:
    """What ``link`` would bring about, in sentences. Refused."""
    return effects_of_link(examine(wiring, directory, couple), reader)


def told_of_unlink(wiring: Wiring, directory: Directory, couple: Couple, reader: Reader) -> list[str]:
    """What ``unlink`` would bring about, in sentences. Refused where they are not linked."""
    with wiring.database.reading() as session:
        found = _link_of(session, couple)
    if found is None:
        raise Refused(_NOT_LINKED)
    sides = (Side(couple.hubspot, couple.hubspot_id), Side(couple.mainstay, couple.mainstay_id))
    tie = Tie(*sides, found, _between(directory, couple))
    return effects_of_unlink(reading.read_both(wiring, directory, tie), reader)


def link(wiring: Wiring, directory: Directory, couple: Couple, who: str) -> None:
    """Make the two records one contact, with nothing agreed yet. Refused, Busy; nothing is written to a
    platform."""
    with leased(wiring, couple.keys) as held:
        examine(wiring, directory, couple)
        if not held.in_time():
            raise Refused("The platforms took too long to answer. Nothing was changed; try again.")
        now_ms, made = wiring.clock(), Link(couple.hubspot_id, couple.mainstay_id)
        marks = _marks(wiring, couple)
        with wiring.database.transaction() as session:
            if links.create(session, couple.pair, made, now_ms) is None:
                raise Refused("One of the two was linked with somebody else meanwhile.", Code.ALREADY_LINKED)
            _note(session, couple, now_ms, "linked by hand; nothing is agreed yet")
            audit.record(session, now_ms, who, "contact.linked", marks[0], [marks[1], _where(couple)])


def unlink(wiring: Wiring, couple: Couple, who: str, *, take_ids: bool) -> None:
    """Take the link apart. ``take_ids``: also take the CRM ID from Mainstay's contact where it is this
    record's. Refused, Busy, PlatformError (then the link stays)."""
    with leased(wiring, couple.keys) as held:
        with wiring.database.reading() as session:
            found = _link_of(session, couple)
        if found is None:
            raise Refused(_NOT_LINKED)
        if take_ids:
            _take_crm_id(wiring, couple)
        if not held.in_time():
            raise Refused("Mainstay took too long to answer: the link stays as it was. Try again.")
        now_ms, marks = wiring.clock(), _marks(wiring, couple)
        told = [marks[1], _where(couple), *(["CRM ID taken away"] if take_ids else [])]
        with wiring.database.transaction() as session:
            links.remove(session, [found.id])
            _note(session, couple, now_ms, "unlinked by hand")
            audit.record(session, now_ms, who, "contact.unlinked", marks[0], told)


def _between(directory: Directory, couple: Couple) -> tuple[Instance, ...]:
    live = [one for one in directory.instances.values() if one.id in directory.live]
    return tuple(one for one in live if (one.hubspot, one.mainstay) == (couple.hubspot, couple.mainstay))


def _is_free(wiring: Wiring, couple: Couple) -> None:
    """Neither is linked, erased, or being created. Refused."""
    key = wiring.digest_key()
    hubspot, mainstay = couple.hubspot, couple.mainstay
    with wiring.database.reading() as session:
        known = links.find(
            session, couple.pair, hubspot_ids=[couple.hubspot_id], mainstay_ids=[couple.mainstay_id]
        )
        erased = erasure.buried(session, key, hubspot.id, [couple.hubspot_id])
        begun = intents.of_contact(session, wiring.sealer, hubspot.id, couple.hubspot_id)
        begun += intents.of_contact(session, wiring.sealer, mainstay.id, couple.mainstay_id)
    for one in known:
        if one.hubspot_id == couple.hubspot_id and one.mainstay_id == couple.mainstay_id:
            raise Refused("These two are linked already.")
        who = f"HubSpot {one.hubspot_id} is linked with Mainstay {one.mainstay_id}"
        raise Refused(f"{who} already. Unlink these first.", Code.ALREADY_LINKED)
    if erased:
        raise Refused("The HubSpot record was erased here: Crosswalk leaves it alone.")
    if any(target in (hubspot.id, mainstay.id) for target, _ in begun):
        raise Refused(
            "A new contact is being created for one of them, and its answer is not known yet. Sync it"
        )


def _is_there(side: Side) -> None:
    title = side.account.platform.title
    if side.problem:
        raise Refused(f"{side.problem} Two records are only linked after a look at both.")
    if side.gone or side.contact is None:
        raise Refused(f"{title} account {side.account.name} has no contact {side.id}.")
    if side.merged_into:
        raise Refused(f"HubSpot {side.id} was merged into {side.merged_into}: link that one.")
    if side.contact.left_out:
        raise Refused(f"{title} {side.id} is {side.contact.left_out}: it never travels and is never written.")


def _is_nobodys(wiring: Wiring, tie: Tie) -> None:
    """Neither carries the id of somebody else, and nobody else carries theirs. Refused."""
    hubspot, mainstay = tie.hubspot.contact, tie.mainstay.contact
    assert hubspot is not None and mainstay is not None
    own = {hubspot.id, *hubspot.merged_ids}
    if mainstay.crm_id and mainstay.crm_id not in own:
        raise Refused(
            f"Mainstay {mainstay.id} carries the CRM ID of HubSpot record {mainstay.crm_id}.",
            Code.ALREADY_LINKED,
        )
    for other in sorted(mainstay_ids(tie) - {mainstay.id}):
        raise Refused(f"HubSpot {hubspot.id} carries the Mainstay ID {other}.", Code.ALREADY_LINKED)
    try:
        holder = wiring.mainstay(tie.mainstay.account).get([hubspot.id])[hubspot.id]
    except PlatformError as error:
        holder = error
    if isinstance(holder, PlatformError) and not isinstance(holder, NotFound):
        raise Refused(
            "Mainstay could not say who carries this record's CRM ID. Nothing was changed; try again."
        )
    if isinstance(holder, Contact) and holder.crm_id == hubspot.id and holder.id != mainstay.id:
        raise Refused(f"Mainstay {holder.id} carries the CRM ID of this record.", Code.ALREADY_LINKED)


def _take_crm_id(wiring: Wiring, couple: Couple) -> None:
    client = wiring.mainstay(couple.mainstay)
    contact = client.get([couple.mainstay_id])[couple.mainstay_id]
    if (
        isinstance(contact, Contact)
        and contact.crm_id == couple.hubspot_id
        and contact.id == couple.mainstay_id
    ):
        contact = client.update({contact.id: {"crm_id": None}})[contact.id]
    if isinstance(contact, PlatformError) and not isinstance(contact, NotFound):
        raise contact


def _link_of(session: Session, couple: Couple) -> Link | None:
    found = links.find(session, couple.pair, hubspot_ids=[couple.hubspot_id])
    return next((one for one in found if one.mainstay_id == couple.mainstay_id), None)


def _note(session: Session, couple: Couple, now_ms: int, note: str) -> None:
    """An entry of the contact's timeline."""
    row = OutcomeRow(
        message_id=uuid.uuid4().hex,
        generation=0,
        direction=Direction.INCOMING,
        outcome=Outcome.HANDLED,
        cause=CAUSE,
        occurred_at_ms=now_ms,
        accepted_at_ms=now_ms,
        finished_at_ms=now_ms,
        hubspot_account_id=couple.hubspot.id,
        mainstay_account_id=couple.mainstay.id,
        hubspot_id=couple.hubspot_id,
        mainstay_id=couple.mainstay_id,
    )
    outcomes.record(session, [replace(row, story={"notes": [note]})])


def _marks(wiring: Wiring, couple: Couple) -> tuple[str, str]:
    key = wiring.digest_key()
    return (
        audit.contact_mark(key, Platform.HUBSPOT, couple.hubspot_id),
        audit.contact_mark(key, Platform.MAINSTAY, couple.mainstay_id),
    )


def _where(couple: Couple) -> str:
    return f"{couple.hubspot.name} and {couple.mainstay.name}"
