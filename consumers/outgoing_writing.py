"""Mainstay → HubSpot: carries the plans out. The CRM ID is claimed on Mainstay before a record found by email
or name is written; a created record's id is set on Mainstay afterwards, however often that fails first.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from consumers.records import Records
from consumers.work import SOON_S, Context, Work, open_works
from consumers.writing import MAX_REFUSALS, announce, answers_of, finish, leave_out, refuse, values_to_send
from core.domain.codes import Code
from core.domain.contacts import Contact
from core.domain.fields import Platform
from core.domain.outcomes import Outcome, Problem
from core.platforms.errors import Conflict, PlatformError, Refused, UnexpectedAnswer
from core.platforms.ports import Answer

Rematch = Callable[[Sequence[Work]], None]


def carry_out(context: Context, records: Records, works: Sequence[Work], rematch: Rematch) -> None:
    """Write what the plans say. Afterwards every work is decided."""
    for _ in range(MAX_REFUSALS):
        _one_record_each(works)
        _claim(context, open_works(works))
        _update(context, records, [work for work in open_works(works) if work.target is not None])
        _create(context, records, [work for work in open_works(works) if work.target is None])
        doubles = [work for work in open_works(works) if work.match is None]
        if doubles:
            rematch(doubles)
        if not open_works(works):
            break
    for work in open_works(works):
        work.end(Outcome.ERROR, Problem(Code.INVALID_VALUE, "HubSpot refuses one field after the other"))
    _write_back(context, [work for work in works if work.outcome is Outcome.CREATED])


def _one_record_each(works: Sequence[Work]) -> None:
    """Two contacts of a batch that match one record: the first goes ahead, the other looks again and then
    finds the record taken."""
    seen: set[str] = set()
    for work in open_works(works):
        if work.target is not None and work.target.id in seen:
            work.wait(SOON_S)
        elif work.target is not None:
            seen.add(work.target.id)


def _claim(context: Context, works: Sequence[Work]) -> None:
    """Set the CRM ID on Mainstay: its uniqueness decides who owns the record."""
    asked = {
        work.source.id: work
        for work in works
        if work.source is not None and work.target is not None and work.crm_id not in ("", work.source.crm_id)
    }
    payloads: dict[str, dict[str, Any]] = {key: {"crm_id": work.crm_id} for key, work in asked.items()}
    for key, answer in _set_crm_ids(context, payloads).items():
        work = asked[key]
        work.called.add(Platform.MAINSTAY)
        if isinstance(answer, Contact):
            work.source = answer if answer.id == key else work.source
            work.story.notes.append("the CRM ID was set on Mainstay")
        elif isinstance(answer, Conflict) and work.match is not None:
            message = f"HubSpot record {work.crm_id} already belongs to another Mainstay contact."
            work.end(Outcome.ERROR, Problem(Code.ALREADY_LINKED, message))
        else:
            refuse(work, answer, Platform.MAINSTAY)


def _set_crm_ids(context: Context, payloads: dict[str, dict[str, Any]]) -> dict[str, Answer]:
    """What Mainstay says to new CRM IDs. A contact that comes back with another one, or none, did not take
    it, whatever the status says."""
    answers = answers_of(lambda: context.mainstay.update(payloads), payloads)
    for key, answer in answers.items():
        wanted = payloads[key]["crm_id"]
        if isinstance(answer, Contact) and "crm_id" in answer.values and answer.crm_id != wanted:
            answers[key] = UnexpectedAnswer(Platform.MAINSTAY, "the CRM ID was not set", status=200)
    return answers


def _update(context: Context, records: Records, works: Sequence[Work]) -> None:
    payloads: dict[str, dict[str, Any]] = {}
    asked: dict[str, Work] = {}
    for work in works:
        assert work.target is not None
        payload = values_to_send(context, work)
        if payload:
            asked[work.target.id], payloads[work.target.id] = work, payload
        elif work.crm_id:
            work.end(Outcome.UPDATED)
        else:
            finish(work)
    announce(records, list(asked.values()))
    payloads = {key: payload for key, payload in payloads.items() if not asked[key].decided}
    names = context.hubspot_names()
    for key, answer in answers_of(lambda: context.hubspot.update(payloads, names), payloads).items():
        work = asked[key]
        work.called.add(Platform.HUBSPOT)
        if isinstance(answer, Contact):
            work.written = answer
            work.end(Outcome.UPDATED)
            continue
        refused = _refused_fields(answer)
        if not (refused and leave_out(work, Platform.HUBSPOT, refused)):
            refuse(work, answer, Platform.HUBSPOT)


def _refused_fields(answer: PlatformError) -> dict[str, Code]:
    """The fields that HubSpot refuses in an update; a taken email is one of them, not a match."""
    if isinstance(answer, Conflict):
        return dict.fromkeys(answer.fields or ("email",), Code.INVALID_VALUE)
    return answer.fields if isinstance(answer, Refused) else {}


def _create(context: Context, records: Records, works: Sequence[Work]) -> None:
    asked = {work.contact: work for work in works if work.match is not None}
    if not asked:
        return
    payloads = {key: values_to_send(context, work) for key, work in asked.items()}
    again = [key for key, work in asked.items() if work.intent is not None]
    records.before_create(list(asked.values()), {key: _keys(context, p) for key, p in payloads.items()})
    payloads = {key: payload for key, payload in payloads.items() if not asked[key].decided}
    again = [key for key in again if key in payloads]
    refused: list[Work] = []
    for key, answer in answers_of(lambda: _send_create(context, payloads, again), payloads).items():
        work = asked[key]
        work.called.add(Platform.HUBSPOT)
        if isinstance(answer, Contact):
            work.written, work.record_id, work.crm_id = answer, answer.id, answer.id
            work.end(Outcome.CREATED)
            continue
        if not answer.maybe_applied and records.ours():  # else the intent may be somebody else's by now
            refused.append(work)
        _create_refused(work, answer)
    if refused:
        records.refused_create(refused)
    made = [work for work in asked.values() if work.outcome is Outcome.CREATED]
    if made:
        records.created(made)


def _create_refused(work: Work, answer: PlatformError) -> None:
    if isinstance(answer, Conflict):
        if work.rematched:
            refuse(work, answer, Platform.HUBSPOT)
        else:  # an email match after all: match once more
            work.rematched, work.match, work.existing_id = True, None, answer.existing_id
            work.problems.clear()
    elif isinstance(answer, Refused):
        needed = "email" in answer.fields
        if needed or not leave_out(work, Platform.HUBSPOT, answer.fields):
            refuse(work, answer, Platform.HUBSPOT)
    else:
        refuse(work, answer, Platform.HUBSPOT)


def _send_create(
    context: Context, payloads: dict[str, dict[str, Any]], again: Sequence[str]
) -> dict[str, Answer]:
    """Create; by upsert where the Mainstay ID is kept in a unique property, which makes it idempotent.

    Those whose last create had no clear answer (``again``) go one by one: whoever made HubSpot stumble must
    not take its neighbours along once more.
    """
    first = {key: values for key, values in payloads.items() if key not in again}
    answers = _create_together(context, first) if first else {}
    for key in again:
        alone = {key: payloads[key]}
        answers |= answers_of(partial(_create_together, context, alone), alone)
    return answers


def _create_together(context: Context, payloads: dict[str, dict[str, Any]]) -> dict[str, Answer]:
    names, id_row = context.hubspot_names(), context.instance.mapping.id_row
    if id_row is not None and id_row.hubspot.unique:
        return context.hubspot.upsert(payloads, id_row.hubspot.name, names)
    return context.hubspot.create(payloads, names)


def _keys(context: Context, payload: dict[str, Any]) -> dict[str, str]:
    """What an open create is looked up by: names, phone, email."""
    names = [
        row.hubspot.name
        for row in context.instance.mapping.rows
        if row.mainstay.name in ("first_name", "last_name", "phone") or row.hubspot.name == "email"
    ]
    return {name: str(payload[name]) for name in names if payload.get(name)}


def _write_back(context: Context, works: Sequence[Work]) -> None:
    """The new record's id goes onto the Mainstay contact. If that fails, the message is tried again: the link
    leads to the record then, so nothing is created twice."""
    asked = {work.source.id: work for work in works if work.source is not None}
    payloads: dict[str, dict[str, Any]] = {key: {"crm_id": work.record_id} for key, work in asked.items()}
    for key, answer in _set_crm_ids(context, payloads).items():
        work = asked[key]
        work.called.add(Platform.MAINSTAY)
        if isinstance(answer, Contact):
            work.source = answer if answer.id == key else work.source
        elif isinstance(answer, Refused):
            code = next(iter(answer.fields.values()), answer.code)
            work.problems.append(Problem(code, "Mainstay refuses the CRM ID of the new record", "crm_id"))
        else:
            work.outcome = None
            work.fail(answer)
