"""HubSpot → Mainstay: carries the plans out. Updates by Mainstay ID, creates under an intent."""

from collections.abc import Callable, Sequence
from typing import Any

from consumers.incoming import NEEDED_TO_CREATE
from consumers.records import Records
from consumers.work import SOON_S, Context, Work, open_works
from consumers.writing import MAX_REFUSALS, announce, answers_of, finish, leave_out, refuse, values_to_send
from core.domain.codes import Code
from core.domain.contacts import Contact
from core.domain.fields import Platform
from core.domain.outcomes import Outcome, Problem
from core.platforms.errors import Conflict, PlatformError, Refused
from core.platforms.ports import Answer

Rematch = Callable[[Sequence[Work]], None]


def carry_out(context: Context, records: Records, works: Sequence[Work], rematch: Rematch) -> None:
    """Write what the plans say. Afterwards every work is decided."""
    for _ in range(MAX_REFUSALS):
        _update(context, records, [work for work in open_works(works) if work.target is not None])
        _create(context, records, [work for work in open_works(works) if work.target is None])
        doubles = [work for work in open_works(works) if work.match is None]
        if doubles:
            rematch(doubles)
        if not open_works(works):
            return
    for work in open_works(works):
        work.end(Outcome.ERROR, Problem(Code.INVALID_VALUE, "Mainstay refuses one field after the other"))


def _payload(context: Context, work: Work) -> dict[str, Any]:
    values = values_to_send(context, work)
    if work.crm_id:
        values["crm_id"] = work.crm_id
    return values


def _update(context: Context, records: Records, works: Sequence[Work]) -> None:
    asked: dict[str, Work] = {}
    for work in works:
        assert work.target is not None
        if not _payload(context, work):
            finish(work)
        elif work.target.id in asked:
            work.wait(SOON_S)  # two records lead to one contact: one after the other
        else:
            asked[work.target.id] = work
    announce(records, list(asked.values()))
    payloads = {key: _payload(context, work) for key, work in asked.items() if not work.decided}
    for key, answer in answers_of(lambda: context.mainstay.update(payloads), payloads).items():
        _updated(asked[key], answer)


def _updated(work: Work, answer: Answer) -> None:
    work.called.add(Platform.MAINSTAY)
    if isinstance(answer, Contact):
        work.written = answer
        work.end(Outcome.UPDATED)
    elif isinstance(answer, Conflict) or not _left_out(work, answer):  # a duplicate skips the contact
        refuse(work, answer, Platform.MAINSTAY)


def _left_out(work: Work, answer: PlatformError) -> bool:
    if not isinstance(answer, Refused):
        return False
    left_out = leave_out(work, Platform.MAINSTAY, answer.fields)
    if work.crm_id and "crm_id" in answer.fields:  # the link counts as the CRM ID all the same
        work.crm_id = ""
        message = "crm_id: Mainstay refuses the value"
        work.problems.append(Problem(answer.fields["crm_id"], message, "crm_id"))
        return True
    return left_out


def _create(context: Context, records: Records, works: Sequence[Work]) -> None:
    asked = {work.contact: work for work in works if work.match is not None}
    if not asked:
        return
    payloads = {key: _payload(context, work) for key, work in asked.items()}
    keys = {
        key: {name: str(payload[name]) for name in ("crm_id", "phone") if payload.get(name)}
        for key, payload in payloads.items()
    }
    records.before_create(list(asked.values()), keys)
    payloads = {key: payload for key, payload in payloads.items() if not asked[key].decided}
    refused: list[Work] = []
    for key, answer in answers_of(lambda: context.mainstay.create(payloads), payloads).items():
        work = asked[key]
        work.called.add(Platform.MAINSTAY)
        if isinstance(answer, Contact):
            work.written = answer
            work.end(Outcome.CREATED)
            continue
        if not answer.maybe_applied and records.ours():  # else the intent may be somebody else's by now
            refused.append(work)
        if isinstance(answer, Conflict) and not work.rematched:
            work.rematched, work.match = True, None  # somebody was quicker: match once more
            work.problems.clear()
        elif isinstance(answer, Conflict) or _needed(answer) or not _left_out(work, answer):
            refuse(work, answer, Platform.MAINSTAY, _needed(answer))
    if refused:
        records.refused_create(refused)
    made = [work for work in asked.values() if work.outcome is Outcome.CREATED]
    if made:
        records.created(made)


def _needed(answer: PlatformError) -> str:
    """The refused field without which there is no contact, or empty."""
    refused = answer.fields if isinstance(answer, Refused) else {}
    return next((name for name in NEEDED_TO_CREATE if name in refused), "")
