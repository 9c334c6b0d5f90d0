"""Carries plans out: writes the target, field by field where it refuses some. Each direction's own part is in
``incoming_writing.py`` and ``outgoing_writing.py``; here is what they share.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from consumers.records import Records
from consumers.work import SOON_S, Context, Work
from core.domain.codes import Code
from core.domain.fields import Platform
from core.domain.outcomes import Action, Outcome, Problem
from core.domain.values import wire
from core.platforms.errors import PermissionMissing, PlatformError, Refused
from core.platforms.ports import Answer

MAX_REFUSALS = 10  # rounds of leaving a refused field out, for one contact


def values_to_send(context: Context, work: Work) -> dict[str, Any]:
    """The plan's fields in the target platform's own form."""
    target = context.direction.target
    return {
        verdict.row.side(target).name: wire(verdict.row.side(target), target, verdict.after)
        for verdict in work.to_write()
    }


def leave_out(work: Work, target: Platform, refused: Mapping[str, Code]) -> bool:
    """The target refuses these fields: they are left out and logged. False if none is in the plan."""
    changed = False
    for index, verdict in enumerate(work.verdicts):
        name = verdict.row.side(target).name
        if verdict.action is Action.WRITE and name in refused:
            problem = Problem(refused[name], f"{name}: {target.title} refuses the value", name)
            work.verdicts[index] = replace(
                verdict,
                action=Action.LEFT_OUT,
                reason=problem.message,
                after=verdict.before,
                problem=problem,
            )
            work.problems.append(problem)
            changed = True
    if changed:
        work.tell_fields(target)
    return changed


def refuse(work: Work, error: PlatformError, target: Platform, field: str = "") -> None:
    """The target's final no for the whole contact, or a failure that is tried again. ``field``: the one that
    decides, where several are refused. What was left out before does not matter any more."""
    if isinstance(error, PermissionMissing):
        problem = Problem(error.code, f"{target.title} does not permit it: {error.detail}")
    elif isinstance(error, Refused):
        field = field or next(iter(error.fields), "")
        problem = Problem(error.fields.get(field, error.code), f"{target.title} refuses the contact", field)
    else:
        work.fail(error)
        return
    work.problems.clear()
    work.end(Outcome.ERROR, problem)


def announce(records: Records, works: Sequence[Work]) -> None:
    """The links say what is about to be written; a work whose link was taken meanwhile looks again."""
    if works:
        records.before_update(works)
    for work in works:
        if work.lost:
            work.wait(SOON_S)


def finish(work: Work) -> None:
    """Nothing is left to write."""
    if work.problems:
        work.end(Outcome.ERROR)
    else:
        work.end(Outcome.UNCHANGED)


def answers_of(call: Callable[[], dict[str, Answer]], asked: Mapping[str, Any]) -> dict[str, Answer]:
    """The call's answer for each contact asked; where the whole call failed, its error for each."""
    if not asked:
        return {}
    try:
        return call()
    except PlatformError as error:
        return dict.fromkeys(asked, error)
