"""Mapped fields that are gone from the source. Neither platform says so when a contact is read: the field is
just not there, and would look as if everybody had cleared it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from consumers.work import Context, Work, open_works
from core.domain.codes import Code
from core.domain.fields import Platform
from core.domain.outcomes import Action, FieldVerdict, Problem
from core.platforms.errors import PlatformError


def leave_missing_out(context: Context, works: Sequence[Work]) -> None:
    """A value that went blank because its field no longer exists is left out and told, never carried over.

    The catalogue is asked only where a contact's answer lacks a field whose blank would count for something.
    """
    doubtful = [work for work in open_works(works) if any(_doubts(context, work))]
    if not doubtful:
        return
    source = context.direction.source
    client = context.hubspot if source is Platform.HUBSPOT else context.mainstay
    try:
        there = {field.name for field in client.fields()}
    except PlatformError as error:
        for work in doubtful:
            work.fail(error)
        return
    for work in doubtful:
        for verdict in list(_doubts(context, work)):
            name = verdict.row.side(source).name
            if name not in there:
                _leave_out(context, work, verdict, Problem(Code.MISSING_FIELD, _told(source, name), name))


def _doubts(context: Context, work: Work) -> Iterator[FieldVerdict]:
    """Blanks of fields that the source did not mention: those that would clear the target, and those that
    were not blank when both sides last agreed."""
    source = context.direction.source
    for verdict in work.verdicts:
        field = verdict.row.side(source)
        if work.source is None or verdict.source or field.name in work.source.values:
            continue
        known = work.link.agreed.get(verdict.row.memory) if work.link is not None else None
        had_one = known is not None and known.side(source) != context.digest(source, field.name, "")
        if (verdict.action is Action.WRITE and work.target is not None) or had_one:
            yield verdict


def _told(source: Platform, name: str) -> str:
    return f"{source.title} no longer has the field {name}"


def _leave_out(context: Context, work: Work, verdict: FieldVerdict, problem: Problem) -> None:
    index = work.verdicts.index(verdict)
    work.verdicts[index] = replace(
        verdict, action=Action.LEFT_OUT, reason=problem.message, after=verdict.before, problem=problem
    )
    work.problems.append(problem)
    work.tell_fields(context.direction.target)
