"""HubSpot → Mainstay: the story of a batch, top to bottom. ``plan`` alone is the preview.

Each stage works on all contacts that are not decided yet. No stage touches the queue, and none holds a
database transaction while a platform is called.
"""

from collections.abc import Callable, Mapping, Sequence

from consumers.links import is_previous_phone
from consumers.missing import leave_missing_out
from consumers.planning import plan as plan_fields
from consumers.reading import aliases, pass_filter, read_history, read_source, spread, take
from consumers.work import Context, Work, open_works
from core.domain.codes import Code
from core.domain.contacts import Contact
from core.domain.fields import Platform
from core.domain.matching import IncomingCandidates, match_incoming
from core.domain.outcomes import Outcome, Problem
from core.domain.phones import national_ten
from core.platforms.errors import NotFound, PlatformError
from core.store.links import Link

LinksOf = Callable[[Sequence[str]], Mapping[str, Link]]  # Mainstay ids → their links
NEEDED_TO_CREATE = ("first_name", "last_name", "phone")


def plan(context: Context, works: Sequence[Work], links_of: LinksOf) -> None:
    """Read, filter, match, decide every field. Afterwards a work is decided, or has its verdicts."""
    read_source(context, works)
    pass_filter(context, works)
    match(context, works, links_of)
    decide(context, works)


def match(context: Context, works: Sequence[Work], links_of: LinksOf) -> None:
    """Find each record's Mainstay contact, by contract.md §6 Incoming."""
    searches = [_Search(context, work) for work in open_works(works)]
    try:
        _look_up(context, searches, lambda search: search.first_keys())
        _look_up(context, searches, lambda search: search.crm_keys())
        _look_up(context, searches, lambda search: search.phone_keys())
        _resolve_foreign_crm_ids(context, searches)
    except PlatformError as error:
        spread(works, error)
        return
    found = {one.id for s in searches if not s.work.decided for one in s.found()}
    links = links_of(sorted(found)) if found else {}
    for search in searches:
        work = search.work
        if work.decided:
            continue
        search.adopt(links)
        verdict = match_incoming(search.candidates(links))
        work.match, work.target = verdict, verdict.contact
        work.story.matching = list(verdict.steps)
        if verdict.problem is not None:
            work.end(Outcome.ERROR, verdict.problem)
        elif verdict.left_out:
            work.end(Outcome.FILTERED, note=f"the Mainstay contact is {verdict.left_out}: never written")


class _Search:
    """What is asked of Mainstay for one record, in rounds: the next round only where the last left a gap."""

    def __init__(self, context: Context, work: Work) -> None:
        assert work.source is not None
        self.context, self.work, self.record = context, work, work.source
        self.aliases = aliases(work.source, work.contact)
        mapping = context.instance.mapping
        id_row = mapping.id_row
        self.mainstay_id = (
            context.canonical(id_row.hubspot, Platform.HUBSPOT, self.record) if id_row is not None else ""
        )
        self.phone = context.phone(self.record)
        self.phone_key = national_ten(self.phone, context.region) or ""
        self.by_id: Contact | None = None
        self.linked: Contact | None = None
        self.by_crm: Contact | None = None
        self.by_phone: Contact | None = None

    def first_keys(self) -> list[str]:
        """The surest key there is: the Mainstay ID, else the link's contact, else the CRM ID."""
        if self.mainstay_id:
            return [self.mainstay_id]
        if self.work.link is not None:
            return [self.work.link.mainstay_id]
        return list(self.aliases)

    def crm_keys(self) -> list[str]:
        """The link's contact is gone or carries another CRM ID by now: who carries this record's?"""
        if self.mainstay_id or self.work.link is None or self.crm is not None:
            return []
        return list(self.aliases)

    def phone_keys(self) -> list[str]:
        """Nobody by CRM ID, or one without a phone: who has the phone?"""
        if self.mainstay_id or not self.phone_key:
            return []
        return [self.phone_key] if self.crm is None or not self.crm_phone else []

    @property
    def crm(self) -> Contact | None:
        """The contact by CRM ID or link so far."""
        if self.by_crm is not None:
            return self.by_crm
        if self.linked is not None and (not self.linked.crm_id or self.linked.crm_id in self.aliases):
            return self.linked
        return None

    @property
    def crm_phone(self) -> str:
        """Its phone, canonical."""
        return self.context.phone(self.crm)

    def heard(self, key: str, contact: Contact) -> None:
        """Mainstay takes a key for an id, a CRM ID or a phone, so what came back is checked first."""
        if key == self.mainstay_id and contact.id == key:
            self.by_id = contact
        elif self.work.link is not None and key == self.work.link.mainstay_id and contact.id == key:
            self.linked = contact
        if contact.crm_id in self.aliases and not self.mainstay_id:
            self.by_crm = self.by_crm or contact
        if key == self.phone_key and self.context.phone(contact) == self.phone:
            self.by_phone = contact

    def found(self) -> list[Contact]:
        """The contacts that were found by any key."""
        return [one for one in (self.by_id, self.crm, self.by_phone) if one is not None]

    def adopt(self, links: Mapping[str, Link]) -> None:
        """The link may stand under another id of this record: one that was merged, or the survivor's."""
        for contact in self.found():
            link = links.get(contact.id)
            if self.work.link is None and link is not None and link.hubspot_id in self.aliases:
                self.work.link = link

    def candidates(self, links: Mapping[str, Link]) -> IncomingCandidates:
        """All that was found, for the rules."""
        crm = self.crm
        usable = self.phone if self.phone_key else ""
        link = links.get(self.by_phone.id) if self.by_phone is not None else None
        return IncomingCandidates(
            record_id=self.record.id,
            aliases=self.aliases,
            mainstay_id=self.mainstay_id,
            by_id=self.by_id,
            linked=self.linked,
            by_crm=self.by_crm,
            by_phone=self.by_phone,
            phone_link=link.hubspot_id if link is not None else "",
            phone=usable,
            crm_phone=self.crm_phone,
            phone_is_previous=crm is not None
            and bool(usable)
            and is_previous_phone(self.context, self.work.link, crm, self.record),
        )


def _look_up(context: Context, searches: Sequence[_Search], keys_of: Callable[[_Search], list[str]]) -> None:
    asked = {search: keys_of(search) for search in searches if not search.work.decided}
    keys = list(dict.fromkeys(key for keys in asked.values() for key in keys))
    if not keys:
        return
    answers = context.mainstay.get(keys)
    for search, wanted in asked.items():
        for key in wanted:
            contact = take(search.work, answers[key], Platform.MAINSTAY)
            if contact is not None:
                search.heard(key, contact)


def _resolve_foreign_crm_ids(context: Context, searches: Sequence[_Search]) -> None:
    """The contact with the phone names another record: HubSpot says whether that one was merged into ours."""
    doubtful = {
        search: search.by_phone.crm_id
        for search in searches
        if not search.work.decided
        and search.crm is None
        and search.by_phone is not None
        and search.by_phone.crm_id
        and search.by_phone.crm_id not in search.aliases
    }
    ids = [crm_id for crm_id in set(doubtful.values()) if crm_id.isdigit()]
    if not ids:
        return
    answers = context.hubspot.read(ids, [])
    for search, crm_id in doubtful.items():
        answer = answers.get(crm_id)
        if isinstance(answer, Contact) and answer.id == search.record.id:
            search.aliases = (*search.aliases, crm_id)
        elif isinstance(answer, PlatformError) and not isinstance(answer, NotFound):
            search.work.fail(answer)


def decide(context: Context, works: Sequence[Work]) -> None:
    """Every field of every contact that has a target or is to be created."""
    again = [work for work in open_works(works) if not plan_fields(context, work)]
    if again:
        read_history(context, again)
        for work in open_works(again):
            plan_fields(context, work)
    leave_missing_out(context, works)
    for work in open_works(works):
        work.crm_id = _crm_id(work)
        if work.target is None:
            _may_create(context, work)


def _crm_id(work: Work) -> str:
    """The CRM ID that Mainstay's contact is to get, "" if it keeps what it has: a match by CRM ID or phone
    never writes it, except that it follows a merge."""
    assert work.match is not None and work.source is not None
    held = work.target.crm_id if work.target is not None else ""
    merged = held in aliases(work.source, work.contact)
    wanted = work.target is None or work.match.all_fields or merged
    return work.source.id if wanted and held != work.source.id else ""


def _may_create(context: Context, work: Work) -> None:
    """Creating needs every one of three fields; a contact that lacks one is skipped under that code alone."""
    blank = [name for name in NEEDED_TO_CREATE if not context.value(work.source, name)]
    unfit = [v.problem for v in work.verdicts if v.problem and v.row.mainstay.name in NEEDED_TO_CREATE]
    if not blank and not unfit:
        return
    if blank:
        labels = {row.mainstay.name: row.mainstay.label for row in context.instance.mapping.rows}
        needed = ", ".join(labels.get(name) or name for name in blank)
        unfit = [Problem(Code.BLANK_REQUIRED, f"To create the contact, Mainstay needs {needed}.")]
    work.problems.clear()
    work.end(Outcome.ERROR, *unfit)
