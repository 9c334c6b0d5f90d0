"""A merge in HubSpot: links and Mainstay's CRM IDs follow the survivor, in every organisation.

Where two Mainstay contacts would share it, the primary record's contact keeps it; the other is told.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from consumers.directory import Directory
from consumers.reading import aliases
from core.domain.codes import Code
from core.domain.contacts import Contact
from core.domain.fields import Direction
from core.domain.instances import Account
from core.domain.outcomes import Problem
from core.platforms.errors import Conflict, NotFound, PlatformError, Refused
from core.platforms.ports import Answer, Mainstay
from core.store import links, sync_log
from core.store.links import Link, Pair
from core.wiring import Wiring


@dataclass(frozen=True, slots=True)
class _Sharer:
    """A Mainstay contact that leads to the survivor; ``contact`` is None where Mainstay has it no more."""

    link: Link  # one without ``id`` for a contact that only carries the CRM ID
    contact: Contact | None

    @property
    def crm_id(self) -> str:
        return self.contact.crm_id if self.contact is not None else ""

    @property
    def travels(self) -> bool:
        return self.contact is not None and not self.contact.left_out

    @property
    def ids(self) -> tuple[str, str]:
        """The record that it is linked with, and the one whose CRM ID it carries."""
        return self.link.hubspot_id, self.crm_id

    def rank(self, order: Sequence[str]) -> tuple[int, ...]:
        """Its place by link or by CRM ID, whichever comes first."""
        places = [order.index(one) if one in order else len(order) for one in self.ids]
        return min(places), places[1]


@dataclass(frozen=True, slots=True)
class Merging:
    """The merges of one portal. ``mainstay`` gives an organisation's client; ``resolve`` reads a record."""

    wiring: Wiring
    directory: Directory
    account: Account
    mainstay: Callable[[int], Mainstay]
    resolve: Callable[[str], Contact | None]

    def follow(self, survivor: Contact, ids: Sequence[str], primary: str = "") -> tuple[int, dict[int, str]]:
        """Everything that leads to one of these ids, of which the survivor's is one: what comes first there
        keeps the record, but before all the contact of the ``primary`` record, where that is known. Returns
        how many contacts followed, and who got the record back from another: organisation → contact.

        Another contact may have claimed the survivor already: its sync followed its merged id before this
        merge was handled. CRM IDs are unique in Mainstay, so that one gets its old id back first, then loses
        its link, and only then the keeper gets the survivor's. Its old id leads to the survivor too, so
        whichever step a crash comes after, the message finds the same contacts in the same order again, and
        does what is left.
        """
        given_back = [one for one in ids if one not in (survivor.id, primary)]
        followed, handed = 0, {}
        for organisation, known in self._linked(ids).items():
            sharers = self._sharers(organisation, survivor, ids, known)
            alive = bool(primary) and any(one.travels and primary in one.ids for one in sharers)
            order = [primary, *ids] if alive else ids
            sharers.sort(key=lambda one: one.rank(order))
            others = [one for one in sharers if one.link.mainstay_id != sharers[0].link.mainstay_id]
            for one in others:
                if survivor.id in one.ids and alive:
                    handed[organisation] = sharers[0].link.mainstay_id
                if one.crm_id == survivor.id and alive:
                    self._give_back(organisation, one.link.mainstay_id, given_back)
                self._shared(organisation, one.link, sharers[0].link, survivor.id)
            if sharers:
                self._move(organisation, sharers[0], survivor.id, afresh=organisation in handed)
            followed += len(sharers)
        return followed, handed

    def _linked(self, ids: Sequence[str]) -> dict[int, list[Link]]:
        """The links of these records by organisation, for every one that an instance pairs with the portal.
        One that is held comes last, so that it keeps no other waiting."""
        paired = {
            one.mainstay.id
            for one in self.directory.instances.values()
            if one.hubspot.id == self.account.id and one.id in self.directory.live
        }
        with self.wiring.database.reading() as session:
            found = links.of_record(session, self.account.id, ids)
        by_organisation: dict[int, list[Link]] = {one: [] for one in paired}
        for organisation, link in found:
            by_organisation.setdefault(organisation, []).append(link)
        return dict(sorted(by_organisation.items(), key=lambda item: item[0] in self.directory.holds))

    def _sharers(
        self, organisation: int, survivor: Contact, ids: Sequence[str], known: Sequence[Link]
    ) -> list[_Sharer]:
        """The linked contacts, and those that carry one of the ids as CRM ID and have no link: a link counts
        as the CRM ID, and the other way round. A contact that names another record by now has left its link:
        that one is stale, and goes."""
        linked = [link.mainstay_id for link in known]
        answers = self.mainstay(organisation).get(list(dict.fromkeys([*ids, *linked])))
        sharers, stale = [], []
        for link in known:
            contact = _found(answers[link.mainstay_id])
            # Mainstay takes a key for a phone or a CRM ID too, so what came back is checked.
            contact = contact if contact is not None and contact.id == link.mainstay_id else None
            if contact is None or self._leads(contact.crm_id, survivor, ids):
                sharers.append(_Sharer(link, contact))
            else:
                stale.append(link.id)
        for contact in {one.id: one for one in (_found(answers[key]) for key in ids) if one}.values():
            if contact.crm_id in ids and not contact.left_out and contact.id not in linked:
                link = Link(hubspot_id=contact.crm_id, mainstay_id=contact.id)
                sharers.append(_Sharer(link, contact))
        if stale:
            with self.wiring.database.transaction() as session:
                links.remove(session, stale)
        return sharers

    def _leads(self, crm_id: str, survivor: Contact, ids: Sequence[str]) -> bool:
        """Whether a linked contact's CRM ID is blank or one of the survivor's, however long ago it merged."""
        if not crm_id or crm_id in ids or crm_id in aliases(survivor, survivor.id):
            return True
        record = self.resolve(crm_id) if crm_id.isdigit() else None
        return record is not None and record.id == survivor.id

    def _give_back(self, organisation: int, contact: str, ids: Sequence[str]) -> None:
        """Take the survivor's CRM ID from a contact: it gets one of the merged ids that nobody else carries,
        else none."""
        for crm_id in (*ids, None):
            answer = self.mainstay(organisation).update({contact: {"crm_id": crm_id}})[contact]
            if not isinstance(answer, Conflict):
                break
        if isinstance(answer, PlatformError) and not isinstance(answer, NotFound | Refused):
            raise answer

    def _move(self, organisation: int, keeper: _Sharer, survivor: str, *, afresh: bool) -> None:
        """The CRM ID first: if that fails, the message comes again and finds the link where it was.
        ``afresh``: the record holds another contact's values, so what was agreed on says nothing."""
        link = keeper.link
        if keeper.travels and keeper.crm_id not in ("", survivor):
            changed = {link.mainstay_id: {"crm_id": survivor}}
            answer = self.mainstay(organisation).update(changed)[link.mainstay_id]
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
            if afresh:
                moved = replace(moved, agreed={}, unsettled=frozenset(self.directory.live))
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


def _found(answer: Answer) -> Contact | None:
    if isinstance(answer, PlatformError) and not isinstance(answer, NotFound):
        raise answer
    return answer if isinstance(answer, Contact) else None
