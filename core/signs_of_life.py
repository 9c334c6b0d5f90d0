"""When each account's platform last sent a webhook, and how often it usually does at this time.

For the Health page, the metrics and the alert on silence.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy.orm import Session

from core.domain.silence import Sign, same_hours_before, sign
from core.store import tallies
from core.store.tallies import Kind


def signs(session: Session, account_ids: Iterable[int], now_ms: int) -> Mapping[int, Sign]:
    """Each account's sign of life; ``last_ms`` 0 where none was ever seen (within the kept time)."""
    return {one: _sign(session, one, now_ms) for one in account_ids}


def _sign(session: Session, account_id: int, now_ms: int) -> Sign:
    first_ms, last_ms = tallies.first_and_last_ms(session, Kind.EVENTS, account_id)
    hours = same_hours_before(first_ms, last_ms, now_ms)
    if hours is None:
        return sign(last_ms, now_ms, 0, 0)
    busy = tallies.busy_minutes(session, Kind.EVENTS, account_id, *hours)
    return sign(last_ms, now_ms, hours[1] - hours[0], busy)
