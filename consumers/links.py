"""What a link remembers before and after a write: ``sent``, ``agreed``, ``seen``, the phones. No I/O."""

from dataclasses import replace

from consumers.planning import agreed, first_seen_ms
from consumers.work import Context, Work
from core.domain.contacts import Contact
from core.domain.fields import Direction, Platform, Row
from core.domain.merging import Agreed
from core.domain.messages import Change
from core.domain.outcomes import Action, FieldVerdict
from core.domain.routing import standing
from core.domain.values import canonical
from core.store.links import Link

MOST_PAST = 3  # earlier values of a field that a link remembers


def identity(context: Context, work: Work) -> Link:
    """The work's link as it stands, or a new one for the pair that was matched or created."""
    hubspot, mainstay = _contacts(context, work)
    hubspot_id = hubspot.id if hubspot is not None else work.record_id
    assert mainstay is not None and hubspot_id
    link = work.link or Link(hubspot_id=hubspot_id, mainstay_id=mainstay.id)
    return replace(link, hubspot_id=hubspot_id, mainstay_id=mainstay.id)


def about_to_write(context: Context, work: Work) -> Link:
    """The link with the digests that the write will leave on both sides."""
    sent = {v.row.memory: _pair(context, v.row, v.source, v.after) for v in work.to_write()}
    return replace(identity(context, work), sent=sent, sent_to=str(context.direction.target))


def settled(context: Context, work: Work, *, wrote: bool) -> Link:
    """The link after everything: what is agreed now, nothing on its way. ``wrote``: the plan is done."""
    before = identity(context, work)
    pairs = dict(before.agreed)
    for key in before.sent:
        row = next((row for row in context.instance.mapping.rows if row.memory == key), None)
        known = agreed(context, work, row) if row is not None else None
        if known is not None:
            pairs[key] = known
    for verdict in work.verdicts:
        if verdict.action is Action.SAME:
            pairs[verdict.row.memory] = _pair(context, verdict.row, verdict.source, verdict.before)
        elif verdict.action is Action.WRITE and wrote:
            pairs[verdict.row.memory] = _pair(
                context, verdict.row, verdict.source, _answered(work, context, verdict)
            )
    hubspot, mainstay = _contacts(context, work)
    id_row = context.instance.mapping.id_row
    if id_row is not None and hubspot is not None and mainstay is not None:
        held = context.canonical(id_row.hubspot, Platform.HUBSPOT, hubspot)
        if held == mainstay.id:
            pairs[id_row.memory] = _id_pair(context, id_row, mainstay.id)
    phone, previous = _phones(context, before, mainstay)
    past = _past(context, work, before) if wrote else {}
    unsettled = before.unsettled - {context.instance.id}
    if context.direction is Direction.INCOMING and mainstay is not None and not mainstay.crm_id:
        # Matched by phone: setting the CRM ID is left to the other direction, at its next event.
        unsettled |= {opposite.id for opposite in context.opposites}
    return replace(
        before,
        agreed=pairs,
        filters={**before.filters, **_filters(context, work), **past},
        sent={},
        sent_to="",
        unsettled=unsettled,
        seen=_seen(context, work, pairs, mainstay),
        phone=phone,
        previous_phone=previous,
    )


def overwritten(link: Link, source: Platform, name: str, change: Change) -> bool:
    """Whether a value was agreed once and we wrote another one over it since: an event that comes late. Both
    times are the platform's own."""
    at_ms, _, digests = link.filters.get(_past_key(source, name), "").partition(":")
    return bool(digests) and change.digest in digests.split(",") and change.at_ms < int(at_ms)


def is_previous_phone(context: Context, link: Link | None, mainstay: Contact, record: Contact) -> bool:
    """The record's phone is one that this contact had before, and it was Mainstay that changed it.
    What HubSpot changed since both sides agreed is HubSpot's own edit, even back to an old number."""
    row = context.instance.mapping.row_for("phone")
    if row is None:
        return False
    hubspot_phone = context.phone(record)
    now = context.digest(
        Platform.MAINSTAY, "phone", context.canonical(row.mainstay, Platform.MAINSTAY, mainstay)
    )
    known = link.agreed.get(row.memory) if link is not None else None
    if known is not None:
        held = context.canonical(row.hubspot, Platform.HUBSPOT, record)
        theirs = context.digest(Platform.HUBSPOT, row.hubspot.name, held)
        return known.hubspot == theirs and known.mainstay != now
    told = mainstay.values.get("previous_phone") or mainstay.values.get("previousPhone")
    if told and canonical(row.mainstay, Platform.MAINSTAY, told, context.region) == hubspot_phone:
        return True
    if link is None:
        return False
    theirs = context.digest(Platform.MAINSTAY, "phone", hubspot_phone)
    return theirs == link.previous_phone or (theirs == link.phone and now != link.phone)


def _contacts(context: Context, work: Work) -> tuple[Contact | None, Contact | None]:
    """(HubSpot's, Mainstay's) contact, the target as it answered last."""
    target = work.written or work.target
    if context.direction is Direction.INCOMING:
        return work.source, target
    return target, work.source


def _pair(context: Context, row: Row, source: str, target: str) -> Agreed:
    incoming = context.direction is Direction.INCOMING
    mainstay, hubspot = (target, source) if incoming else (source, target)
    return Agreed(
        mainstay=context.digest(Platform.MAINSTAY, row.mainstay.name, mainstay),
        hubspot=context.digest(Platform.HUBSPOT, row.hubspot.name, hubspot),
    )


def _id_pair(context: Context, row: Row, mainstay_id: str) -> Agreed:
    return Agreed(
        mainstay=context.digest(Platform.MAINSTAY, row.mainstay.name, mainstay_id),
        hubspot=context.digest(Platform.HUBSPOT, row.hubspot.name, mainstay_id),
    )


def _answered(work: Work, context: Context, verdict: FieldVerdict) -> str:
    """The value that the target says it has now (it may rewrite what it is given); else what was sent."""
    field = verdict.row.side(context.direction.target)
    if work.written is None or field.name not in work.written.values:
        return verdict.after
    return context.canonical(field, context.direction.target, work.written)


def _filters(context: Context, work: Work) -> dict[str, str]:
    source = context.direction.source
    letter = "h" if source is Platform.HUBSPOT else "m"
    _, mainstay = _contacts(context, work)
    told = standing(context.key, mainstay.crm_id, mainstay.left_out) if mainstay is not None else {}
    return {f"m:{name}": value for name, value in told.items()} | {
        f"{letter}:{one.field.name}": context.digest(
            source, one.field.name, context.canonical(one.field, source, work.source)
        )
        for one in context.instance.mapping.filters
    }


def _past(context: Context, work: Work, before: Link) -> dict[str, str]:
    """What stood in the fields that were written now, newest first, and when it was written over."""
    target, past = context.direction.target, {}
    at_ms = work.written.modified_ms if work.written is not None else 0
    for verdict in work.verdicts:
        known = before.agreed.get(verdict.row.memory)
        if at_ms and known is not None and verdict.action is Action.WRITE:
            key = _past_key(target, verdict.row.side(target).name)
            older = before.filters.get(key, "").partition(":")[2].split(",")
            digests = dict.fromkeys(filter(None, [known.side(target), *older]))
            past[key] = f"{at_ms}:{','.join(list(digests)[:MOST_PAST])}"
    return past


def _past_key(platform: Platform, name: str) -> str:
    return f"past:{platform[0]}:{name}"


def _seen(
    context: Context, work: Work, pairs: dict[str, Agreed], mainstay: Contact | None
) -> dict[str, tuple[str, int]]:
    """Mainstay values that are not agreed yet, with the time they were first seen."""
    seen: dict[str, tuple[str, int]] = {}
    for row in context.instance.mapping.value_rows:
        if mainstay is None:
            break
        now = context.digest(
            Platform.MAINSTAY, row.mainstay.name, context.canonical(row.mainstay, Platform.MAINSTAY, mainstay)
        )
        known = pairs.get(row.memory)
        if known is None or known.mainstay != now:
            seen[row.memory] = (now, first_seen_ms(context, work, row, mainstay))
    return seen


def _phones(context: Context, before: Link, mainstay: Contact | None) -> tuple[str, str]:
    row = context.instance.mapping.row_for("phone")
    value = context.canonical(row.mainstay, Platform.MAINSTAY, mainstay) if row else ""
    now = context.digest(Platform.MAINSTAY, "phone", value) if value else ""
    if now == before.phone or not now:
        return before.phone, before.previous_phone
    return now, before.phone or before.previous_phone
