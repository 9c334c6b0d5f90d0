"""The stages both directions share before matching: the source as it is now, its filter, its history."""

from collections.abc import Sequence

from consumers.work import MERGED_IDS, Context, Work, open_works
from core.domain.contacts import Contact
from core.domain.fields import Platform
from core.domain.filters import check
from core.domain.outcomes import Outcome
from core.platforms.errors import NotFound, PlatformError


def spread(works: Sequence[Work], error: PlatformError) -> None:
    """A call for all of them failed."""
    for work in open_works(works):
        work.fail(error)


def take(work: Work, answer: Contact | PlatformError, platform: Platform) -> Contact | None:
    """An answer for one contact: the contact, None if there is none; any other error fails the work."""
    work.called.add(platform)
    if isinstance(answer, Contact):
        return answer
    if not isinstance(answer, NotFound):
        work.fail(answer)
    return None


def read_source(context: Context, works: Sequence[Work]) -> None:
    """Read what the source has now. A contact that is gone, archived or a test contact ends here.

    A work that brings its source along (from a page of a list, for a forecast) is not read again.
    """
    for work in open_works(works):
        if work.source is not None:
            _look_at(work, work.source)
    source = context.direction.source
    asked = [work for work in open_works(works) if work.source is None]
    if not asked:
        return
    ids = [work.contact for work in asked]
    try:
        if source is Platform.HUBSPOT:
            answers = context.hubspot.read(ids, context.hubspot_names())
        else:
            times = [message.occurred_at_ms for work in asked for message in work.messages]
            answers = context.mainstay.read(ids, (min(times), max(times)))
    except PlatformError as error:
        spread(asked, error)
        return
    for work in asked:
        contact = take(work, answers[work.contact], source)
        if contact is not None and source is Platform.MAINSTAY and contact.id != work.contact:
            contact = None  # Mainstay looked the id up as a phone or CRM ID of somebody else
        if contact is None:
            if not work.decided:
                work.end(Outcome.GONE, note=f"no longer in {source.title}")
            continue
        work.source = contact
        _look_at(work, contact)


def _look_at(work: Work, contact: Contact) -> None:
    if contact.left_out:
        work.story.filter.append({"field": contact.left_out, "held": False})
        work.end(Outcome.FILTERED, note=f"{contact.left_out}: never travels")


def pass_filter(context: Context, works: Sequence[Work]) -> None:
    """A contact that its instance's filters exclude ends as filtered, with the filter named."""
    source = context.direction.source
    for work in open_works(works):
        assert work.source is not None
        verdict = check(context.instance.mapping, work.source.values, source, context.region)
        work.story.filter = [
            {"field": reason.field, "wanted": list(reason.wanted), "held": reason.held}
            for reason in verdict.reasons
        ]
        if not verdict.passed:
            work.end(Outcome.FILTERED)


def read_history(context: Context, works: Sequence[Work]) -> None:
    """Both sides changed a field: read the HubSpot contacts again, with the time of each property. The whole
    contact is taken anew, so that values and times belong together."""
    by_record = {_record_id(context, work): work for work in works}
    try:
        answers = context.hubspot.read(list(by_record), context.hubspot_names(), history=True)
    except PlatformError as error:
        spread(works, error)
        return
    for record_id, work in by_record.items():
        contact = take(work, answers[record_id], Platform.HUBSPOT)
        if contact is None:
            if not work.decided:
                work.wait(1.0)  # it was there a moment ago: look again
            continue
        names = {row.hubspot.name for row in context.instance.mapping.rows}
        times = {name: contact.changed_ms.get(name, contact.modified_ms) for name in names}
        fresh = Contact(
            platform=contact.platform,
            id=contact.id,
            values=contact.values,
            modified_ms=contact.modified_ms,
            changed_ms=times,
            left_out=contact.left_out,
            merged_ids=contact.merged_ids,
        )
        if context.direction.source is Platform.HUBSPOT:
            work.source = fresh
        else:
            work.target = fresh


def _record_id(context: Context, work: Work) -> str:
    contact = work.source if context.direction.source is Platform.HUBSPOT else work.target
    assert contact is not None
    return contact.id


def aliases(record: Contact, asked: str) -> tuple[str, ...]:
    """Every id known to lead to this record, the surest first: its own, the one asked for, those merged."""
    merged = str(record.values.get(MERGED_IDS) or "").replace(",", ";").split(";")
    known = (record.id, asked, *record.merged_ids, *(one.strip() for one in merged))
    return tuple(dict.fromkeys(filter(None, known)))
