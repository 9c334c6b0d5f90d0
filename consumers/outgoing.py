"""Mainstay → HubSpot: the story of a batch, top to bottom. ``plan`` alone is the preview.

Each stage works on all contacts that are not decided yet. No stage touches the queue, and none holds a
database transaction while a platform is called.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from consumers.missing import leave_missing_out
from consumers.planning import plan as plan_fields
from consumers.reading import aliases, pass_filter, read_history, read_source, spread, take
from consumers.work import Context, Work, open_works
from core.domain.codes import Code
from core.domain.contacts import Contact
from core.domain.conversion import NotConvertible, convert
from core.domain.fields import Direction, Field, Platform, Row
from core.domain.matching import OutgoingCandidates, match_outgoing
from core.domain.outcomes import Outcome, Problem
from core.platforms.apart import MOST_FAILED_IN_A_ROW, is_everybodys
from core.platforms.errors import NotFound, PlatformError, Unavailable, UnexpectedAnswer
from core.store.links import Link

LinksOf = Callable[[Sequence[str]], Mapping[str, Link]]  # HubSpot record ids → their links


def plan(context: Context, works: Sequence[Work], links_of: LinksOf) -> None:
    """Read, filter, match, decide every field. Afterwards a work is decided, or has its verdicts."""
    read_source(context, works)
    pass_filter(context, works)
    match(context, works, links_of)
    decide(context, works)


def match(context: Context, works: Sequence[Work], links_of: LinksOf) -> None:
    """Find each Mainstay contact's HubSpot record, by contract.md §6 Outgoing."""
    searches = [_Search(context, work) for work in open_works(works)]
    try:
        _by_crm_id(context, searches)
        _by_existing_id(context, searches)
        _by_email(context, searches)
        _by_taken_email(context, searches)
        _by_name(context, searches)
        _by_intent(context, searches)
        _owners(context, searches, links_of)
    except PlatformError as error:
        spread([search.work for search in searches], error)
        return
    for search in searches:
        work = search.work
        if work.decided:
            continue
        verdict = match_outgoing(search.candidates())
        work.match, work.target = verdict, verdict.contact
        work.story.matching = list(verdict.steps)
        if verdict.contact is not None:
            work.record_id = verdict.contact.id
        if verdict.problem is not None:
            work.end(Outcome.ERROR, verdict.problem)
        elif verdict.create:
            _wait_for_search(context, work)


class _Search:
    """What is asked of HubSpot for one Mainstay contact."""

    def __init__(self, context: Context, work: Work) -> None:
        assert work.source is not None
        self.context, self.work, self.contact = context, work, work.source
        linked = work.link.hubspot_id if work.link is not None else ""
        self.crm_id = self.contact.crm_id or linked
        self.email = self._email()
        self.first = self._wanted("first_name")
        self.last = self._wanted("last_name")
        self.phone = context.phone(self.contact)
        self.record: Contact | None = None
        self.by_email: Contact | None = None
        self.by_name: list[tuple[Contact, bool]] = []
        self.taken: dict[str, str] = {}

    def _email(self) -> str:
        """The email that HubSpot would get, canonical. An invalid one skips the contact where needed."""
        row = email_row(self.context)
        value = self.context.canonical(row.mainstay, Platform.MAINSTAY, self.contact)
        try:
            return convert(row, Direction.OUTGOING, value, self.context.region)
        except NotConvertible:
            if not self.crm_id:
                problem = Problem(Code.INVALID_EMAIL, "The email is not a valid address.", "email")
                self.work.end(Outcome.ERROR, problem)
            return ""

    def _wanted(self, name: str) -> str:
        row = self.context.instance.mapping.row_for(name)
        assert row is not None  # the mapping check refuses an instance without it
        value = self.context.canonical(row.mainstay, Platform.MAINSTAY, self.contact)
        try:
            return convert(row, Direction.OUTGOING, value, self.context.region)
        except NotConvertible:
            return ""

    @property
    def unmatched(self) -> bool:
        """No rule has found a record so far, and none was an error."""
        return (
            not self.work.decided
            and not self.crm_id
            and self.by_email is None
            and not any(same for _, same in self.by_name)
        )

    def found(self) -> list[Contact]:
        """The records that may become the match."""
        one = [self.record] if self.crm_id else [self.by_email]
        return [r for r in one if r is not None] or [r for r, same in self.by_name if same]

    def candidates(self) -> OutgoingCandidates:
        """All that was found, for the rules."""
        return OutgoingCandidates(
            contact_id=self.contact.id,
            crm_id=self.crm_id,
            record=self.record,
            email=self.email,
            by_email=self.by_email,
            has_names=bool(self.first and self.last),
            by_name=self.by_name,
            taken=self.taken,
        )


def email_row(context: Context) -> Row:
    """The row that is mapped to HubSpot's email: the mapping check guarantees one."""
    return next(row for row in context.instance.mapping.rows if row.hubspot.name == "email")


def _by_crm_id(context: Context, searches: Sequence[_Search]) -> None:
    asked = [s for s in searches if s.crm_id and not s.work.decided]
    numbers = [s.crm_id for s in asked if s.crm_id.isdigit()]  # anything else is no record id: not found
    answers = context.hubspot.read(list(dict.fromkeys(numbers)), context.hubspot_names()) if numbers else {}
    for search in asked:
        answer = answers.get(search.crm_id)
        if answer is not None:
            search.record = take(search.work, answer, Platform.HUBSPOT)


def _by_existing_id(context: Context, searches: Sequence[_Search]) -> None:
    """HubSpot refused a create and named the record that has the email: that is an email match."""
    asked = [s for s in searches if s.unmatched and s.work.existing_id]
    if not asked:
        return
    ids = list(dict.fromkeys(s.work.existing_id for s in asked))
    answers = context.hubspot.read(ids, context.hubspot_names())
    for search in asked:
        search.by_email = take(search.work, answers[search.work.existing_id], Platform.HUBSPOT)


def _by_email(context: Context, searches: Sequence[_Search]) -> None:
    asked = [s for s in searches if s.unmatched and s.email]
    if not asked:
        return
    emails = list(dict.fromkeys(s.email for s in asked))
    answers = context.hubspot.read_by("email", emails, context.hubspot_names())
    for search in asked:
        answer = answers.get(search.email)
        search.work.called.add(Platform.HUBSPOT)
        if answer is not None:
            search.by_email = take(search.work, answer, Platform.HUBSPOT)


def _by_taken_email(context: Context, searches: Sequence[_Search]) -> None:
    """HubSpot refused a create, named nobody, and its batch read knows no such email: it is somebody's
    additional one, perhaps."""

    def look(group: Sequence[_Search]) -> None:
        [search] = group
        search.by_email = context.hubspot.email_holder(search.email, context.hubspot_names())

    asked = [s for s in searches if s.unmatched and s.email and s.work.rematched and not s.work.existing_id]
    _apart([[search] for search in asked], look)


def _by_name(context: Context, searches: Sequence[_Search]) -> None:
    asked = [s for s in searches if s.unmatched and s.first and s.last]
    if not asked:
        return
    mapping = context.instance.mapping
    first, last = mapping.row_for("first_name"), mapping.row_for("last_name")
    assert first is not None and last is not None
    records: list[Contact] = []

    def look(group: Sequence[_Search]) -> None:
        pairs = list(dict.fromkeys((s.first, s.last) for s in group))
        records.extend(
            context.hubspot.search_names(
                pairs, first.hubspot.name, last.hubspot.name, context.hubspot_names()
            )
        )

    _apart([asked], look)
    named: dict[tuple[str, str], list[Contact]] = {}
    for record in records:
        key = (_text(context, first.hubspot, record), _text(context, last.hubspot, record))
        named.setdefault(key, []).append(record)
    for search in asked:
        search.work.called.add(Platform.HUBSPOT)
        fits = named.get((search.first.casefold(), search.last.casefold()), [])
        unique = {record.id: record for record in fits}.values()
        search.by_name = [
            (record, bool(search.phone) and context.phone(record) == search.phone) for record in unique
        ]


def _apart(groups: list[list[_Search]], look: Callable[[Sequence[_Search]], None]) -> None:
    """Look for groups of contacts. One that HubSpot stumbles over is taken apart, until only the culprit
    fails; raises what would be the same for everybody."""
    waiting, failed_in_a_row = groups[::-1], 0
    while waiting:
        group = waiting.pop()
        try:
            look(group)
            failed_in_a_row = 0
        except (Unavailable, UnexpectedAnswer) as error:
            if is_everybodys(error) or failed_in_a_row >= MOST_FAILED_IN_A_ROW:
                raise
            if len(group) > 1:
                middle = len(group) // 2
                waiting += [group[middle:], group[:middle]]
            else:
                failed_in_a_row += 1
                group[0].work.fail(error)


def _text(context: Context, field: Field, record: Contact) -> str:
    return context.canonical(field, Platform.HUBSPOT, record).casefold()


def _by_intent(context: Context, searches: Sequence[_Search]) -> None:
    """A create was sent and its answer never came: is the record there? By the unique Mainstay ID at once;
    by name and phone only once the search's lag has passed (``_wait_for_search``)."""
    id_row = context.instance.mapping.id_row
    asked = [s for s in searches if s.unmatched and s.work.intent is not None]
    if asked and id_row is not None and id_row.hubspot.unique:
        ids = [s.contact.id for s in asked]
        answers = context.hubspot.read_by(id_row.hubspot.name, ids, context.hubspot_names())
        for search in asked:
            answer = answers.get(search.contact.id)
            if isinstance(answer, Contact):
                search.by_email = answer  # found by a key of our own: as sure as an email

    def look(group: Sequence[_Search]) -> None:
        [search] = group
        intent = search.work.intent
        assert intent is not None
        if not search.unmatched or context.clock() < intent.created_at_ms + context.search_lag_s * 1000:
            return
        since_ms = intent.created_at_ms - 60_000  # the clocks of two machines may differ
        records = context.hubspot.search_created(since_ms, intent.keys, context.hubspot_names())
        if len(records) == 1:
            search.by_email = records[0]
        elif len(records) > 1:
            search.by_name = [(record, True) for record in records]

    _apart([[search] for search in asked], look)


def _wait_for_search(context: Context, work: Work) -> None:
    """An open intent without a find: before it may be created again, the search has to be able to see it."""
    if work.intent is None:
        return
    left_ms = work.intent.created_at_ms + context.search_lag_s * 1000 - context.clock()
    if left_ms > 0:
        work.wait(left_ms / 1000 + 0.1)


def _owners(context: Context, searches: Sequence[_Search], links_of: LinksOf) -> None:
    """Who else of the organisation has the records that were found: by link, or by carrying the CRM ID."""
    found = [(search, record) for search in searches if not search.work.decided for record in search.found()]
    links = links_of(list({record.id for _, record in found})) if found else {}
    doubts = [_Doubt(search, record, links.get(record.id)) for search, record in found]
    keys = list(dict.fromkeys(key for doubt in doubts for key in doubt.keys()))
    answers = context.mainstay.get(keys) if keys else {}
    for doubt in doubts:
        for key in doubt.keys():
            doubt.heard(answers[key])


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Whether a record that was found for one contact belongs to another one."""

    search: _Search
    record: Contact
    link: Link | None

    def keys(self) -> list[str]:
        """What Mainstay is asked for: the link's contact, and who carries the record's id. The latter only
        for a contact that carries none: CRM IDs are unique."""
        linked = [self.link.mainstay_id] if self.link is not None else []
        carried = aliases(self.record, self.record.id) if not self.search.crm_id else ()
        return [key for key in (*linked, *carried) if key != self.search.contact.id]

    def heard(self, answer: Contact | PlatformError) -> None:
        """Mainstay takes a key for an id, a CRM ID or a phone, so what came back is checked first. A link
        whose contact names another record by now is stale."""
        if isinstance(answer, PlatformError):
            if not isinstance(answer, NotFound):
                self.search.work.fail(answer)
            return
        linked = self.link is not None and answer.id == self.link.mainstay_id and not answer.crm_id
        carries = answer.crm_id in aliases(self.record, self.record.id)
        if answer.id != self.search.contact.id and (linked or carries):
            self.search.taken[self.record.id] = answer.id


def decide(context: Context, works: Sequence[Work]) -> None:
    """Every field of every contact that has a record or is to be created."""
    again = [work for work in open_works(works) if not plan_fields(context, work)]
    if again:
        read_history(context, again)
        for work in open_works(again):
            plan_fields(context, work)
    leave_missing_out(context, works)
    for work in open_works(works):
        work.crm_id = _crm_id(work)


def _crm_id(work: Work) -> str:
    """The CRM ID that the Mainstay contact is to get now, "" if it has it or the record is yet to be made."""
    assert work.source is not None
    return work.target.id if work.target is not None and work.source.crm_id != work.target.id else ""
