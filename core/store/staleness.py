"""What became of dead letters' contacts since: a letter whose contact got through otherwise is out of date.

Reads only; one look for a page of letters.
"""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.domain.messages import Lane
from core.store import models
from core.store.dead_letters import DeadLetter
from core.store.outcomes import OutcomeRow, read

_SAYS_NOTHING = ("dead", "discarded")  # the letter's own end
_row = models.Outcome


def since(session: Session, letters: Sequence[DeadLetter]) -> dict[int, OutcomeRow]:
    """Dead letter's id → the newest outcome of its contact in its instance after it was given up, if any."""
    found: dict[int, OutcomeRow] = {}
    for outgoing in (False, True):
        some = [one for one in letters if one.instance_id and (one.lane == Lane.OUTGOING) is outgoing]
        newest = _newest(session, some, outgoing=outgoing) if some else {}
        for one in some:
            row = newest.get((one.instance_id, one.contact.partition(":")[2]))
            if row is not None and row.finished_at_ms > one.last_failed_at_ms:
                found[one.id] = row
    return found


def _newest(
    session: Session, letters: Sequence[DeadLetter], *, outgoing: bool
) -> dict[tuple[int, str], OutcomeRow]:
    """(instance id, contact id) → its newest outcome."""
    instance_ids = {one.instance_id for one in letters}
    account = models.Instance.mainstay_account_id if outgoing else models.Instance.hubspot_account_id
    accounts = list(session.scalars(select(account).where(models.Instance.id.in_(instance_ids))))
    column = _row.mainstay_id if outgoing else _row.hubspot_id
    of = _row.mainstay_account_id if outgoing else _row.hubspot_account_id
    newest = (
        select(func.max(_row.id))
        .where(
            of.in_(accounts),
            column.in_({one.contact.partition(":")[2] for one in letters}),
            _row.instance_id.in_(instance_ids),
            _row.finished_at_ms > min(one.last_failed_at_ms for one in letters),
            _row.outcome.not_in(_SAYS_NOTHING),
        )
        .group_by(_row.instance_id, column)
    )
    rows = [read(row) for row in session.scalars(select(_row).where(_row.id.in_(newest)))]
    return {(row.instance_id, str(row.mainstay_id if outgoing else row.hubspot_id)): row for row in rows}
