"""From a match to a plan: what every mapped field of the target becomes, and why. Writes nothing.

Both directions, the preview and the consumers go through here. The rules themselves are in
``core.domain.merging`` and ``core.domain.conversion``.
"""

from dataclasses import replace

from consumers.work import Context, Work
from core.domain.codes import Code
from core.domain.contacts import Contact
from core.domain.fields import Direction, Platform, Row, WhenEmpty
from core.domain.merging import Agreed, RowState, Times, decide
from core.domain.outcomes import Action, FieldVerdict, Problem


def plan(context: Context, work: Work) -> bool:
    """Fill in ``work.verdicts``; False if HubSpot's property times are needed first (then plan again, with
    the HubSpot contact read with its history)."""
    assert work.source is not None and work.match is not None
    two_way = context.two_way(work.target)
    work.verdicts = [_verdict(context, work, row, two_way) for row in context.instance.mapping.value_rows]
    if any(verdict.action is Action.TIMES for verdict in work.verdicts):
        return False
    id_verdict = _mainstay_id(context, work)
    if id_verdict is not None:
        work.verdicts.append(id_verdict)
    _phone_notes(context, work, two_way)
    work.follow_up = any(verdict.action is Action.YIELD for verdict in work.verdicts)
    work.problems.extend(verdict.problem for verdict in work.verdicts if verdict.problem is not None)
    work.tell_fields(context.direction.target)
    return True


def _verdict(context: Context, work: Work, row: Row, two_way: dict[str, WhenEmpty]) -> FieldVerdict:
    source, target = _values(context, work, row)
    state = RowState(
        row=row,
        direction=context.direction,
        source=source,
        target=target,
        agreed=agreed(context, work, row),
        two_way=two_way.get(row.key),
        times=_times(context, work, row),
    )
    verdict = decide(state, context.digest, context.region)
    if verdict.action is Action.WRITE and _phone_is_locked(context, work, row):
        reason = "a match by CRM ID or phone never changes the phone"
        return replace(verdict, action=Action.KEPT, reason=reason, after=verdict.before)
    return verdict


def _values(context: Context, work: Work, row: Row) -> tuple[str, str]:
    direction = context.direction
    source = context.canonical(row.side(direction.source), direction.source, work.source)
    target = context.canonical(row.side(direction.target), direction.target, work.target)
    return source, target


def agreed(context: Context, work: Work, row: Row) -> Agreed | None:
    """What both sides last agreed on for a row. Where a write's answer was lost, the target itself tells
    whether the write happened: it then has the value that was sent."""
    if work.link is None or work.target is None:
        return None
    sent = work.link.sent.get(row.memory)
    if sent is not None:
        written_to = Platform(work.link.sent_to)
        contact = work.target if context.direction.target is written_to else work.source
        now = context.canonical(row.side(written_to), written_to, contact)
        if context.digest(written_to, row.side(written_to).name, now) == sent.side(written_to):
            return sent
    return work.link.agreed.get(row.memory)


def _times(context: Context, work: Work, row: Row) -> Times | None:
    """When each side changed the row; None until HubSpot's history was read."""
    hubspot, mainstay = _sides(context, work)
    if hubspot is None or mainstay is None or row.hubspot.name not in hubspot.changed_ms:
        return None
    return Times(
        mainstay_ms=first_seen_ms(context, work, row, mainstay),
        hubspot_ms=hubspot.changed_ms[row.hubspot.name],
    )


def _sides(context: Context, work: Work) -> tuple[Contact | None, Contact | None]:
    """(HubSpot's contact, Mainstay's contact)."""
    if context.direction is Direction.INCOMING:
        return work.source, work.target
    return work.target, work.source


def first_seen_ms(context: Context, work: Work, row: Row, mainstay: Contact) -> int:
    """When Mainstay's current value of a row was first seen: Mainstay tells no time per field, so it is the
    event's or the contact's modified time at that moment, remembered on the link."""
    value = context.canonical(row.mainstay, Platform.MAINSTAY, mainstay)
    now = context.digest(Platform.MAINSTAY, row.mainstay.name, value)
    if work.link is not None:
        seen = work.link.seen.get(row.memory)
        if seen is not None and seen[0] == now:
            return seen[1]
    if context.direction is Direction.OUTGOING:
        change = work.changes.get(row.mainstay.name)
        if change is not None and change.digest == now:
            return change.at_ms
    return mainstay.modified_ms or context.clock()


def _phone_is_locked(context: Context, work: Work, row: Row) -> bool:
    """A match by CRM ID or phone may not touch the phone of a Mainstay contact (Incoming rule 2)."""
    return (
        context.direction is Direction.INCOMING
        and row.mainstay.name == "phone"
        and work.target is not None
        and work.match is not None
        and not work.match.all_fields
    )


def _mainstay_id(context: Context, work: Work) -> FieldVerdict | None:
    """Outgoing: the Mainstay ID is written where HubSpot's property is blank. Incoming: it is a key only."""
    row = context.instance.mapping.id_row
    if row is None or context.direction is Direction.INCOMING:
        return None
    assert work.source is not None
    now = context.canonical(row.hubspot, Platform.HUBSPOT, work.target)
    if now == work.source.id:
        return FieldVerdict(row, Action.SAME, "HubSpot holds the Mainstay ID", now, now, now)
    if now:
        return FieldVerdict(row, Action.KEPT, "HubSpot holds another Mainstay ID", work.source.id, now, now)
    reason = "HubSpot holds no Mainstay ID yet"
    return FieldVerdict(row, Action.WRITE, reason, work.source.id, now, work.source.id)


def _phone_notes(context: Context, work: Work, two_way: dict[str, WhenEmpty]) -> None:
    """HubSpot carries the previous phone: an entry in the log, unless an outgoing instance mends it."""
    if work.match is None or not work.match.out_of_sync:
        return
    row = context.instance.mapping.row_for("phone")
    if row is not None and row.key in two_way:
        work.story.notes.append("HubSpot has the previous phone; the outgoing direction carries the new one")
        work.follow_up = True
        return
    message = "HubSpot still has this contact's previous phone; Mainstay's was kept."
    work.problems.append(Problem(Code.OUT_OF_SYNC, message, "phone"))
