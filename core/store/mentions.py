"""Where rows about one contact name another: whom a conflict was with, who else has the name.

The caller commits. Used where a contact is erased: its own rows go (erasure.py), the others' stay and stop
naming it.
"""

import json
import re
from collections.abc import Collection
from typing import Any

from sqlalchemy import Text, cast, or_, select
from sqlalchemy.orm import Session

from core.store import models

NOBODY = "(erased)"


def forget(
    session: Session, accounts: Collection[int], instances: Collection[int], contacts: Collection[str]
) -> int:
    """Take the contacts' ids out of the Sync Log's messages of these instances and the outcomes' stories of
    these accounts. How many rows were changed: none goes."""
    ids = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, contacts))})(?![\w-])")
    entry, outcome, changed = models.SyncLogEntry, models.Outcome, 0
    told_of = select(entry).where(entry.instance_id.in_(instances), _names(entry.message, contacts))
    for row in session.scalars(told_of):
        told = ids.sub(NOBODY, row.message)
        changed, row.message = changed + (told != row.message), told
    between = or_(outcome.hubspot_account_id.in_(accounts), outcome.mainstay_account_id.in_(accounts))
    for kept in session.scalars(select(outcome).where(between, _names(cast(outcome.story, Text), contacts))):
        without = _without(kept.story, ids)
        changed, kept.story = changed + (without != kept.story), without
    session.flush()
    return changed


def _names(column: Any, contacts: Collection[str]) -> Any:
    """Whether a text may hold one of the ids, plain or as JSON writes it."""
    written = {text for one in contacts for text in (one, json.dumps(one)[1:-1])}
    return or_(*(column.contains(one, autoescape=True) for one in written))


def _without(told: Any, ids: re.Pattern[str]) -> Any:
    match told:
        case str():
            return ids.sub(NOBODY, told)
        case dict():
            return {name: _without(one, ids) for name, one in told.items()}
        case list():
            return [_without(one, ids) for one in told]
        case _:
            return told
