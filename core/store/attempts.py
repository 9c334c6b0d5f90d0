"""Tries to sign in, so that passwords, codes and tokens can't be guessed at speed. The caller commits.

Counted per email and per network address, as digests. A try counts as failed from its beginning, so that many
at the same moment are no way around; a success forgets the email's failures and takes its own back.
"""

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.store.console_models import Attempt
from core.store.users import digest

FREE = 5  # failures that cost nothing
FREE_ADDRESS = 30  # a campus, or everybody behind one proxy, shares an address
LONGEST_MS = 60 * 1000  # a guess a minute finds no password, and nobody is locked out for long
LONGEST_ADDRESS_MS = 2 * 1000
FORGET_MS = 24 * 3600 * 1000


def begin(session: Session, email: str, address: str, now_ms: int) -> int:
    """Begin a try: 0, or how long (ms) this email or address has to wait before the next one."""
    return _admit(
        session,
        [(_email(email), FREE, LONGEST_MS), (_address(address), FREE_ADDRESS, LONGEST_ADDRESS_MS)],
        now_ms,
    )


def wrong_token(session: Session, address: str, now_ms: int) -> int:
    """Somebody sent a token that is none: 0, or how long (ms) this address has to wait."""
    return _admit(session, [(digest(f"token {address}"), FREE_ADDRESS, LONGEST_MS)], now_ms)


def succeeded(session: Session, email: str, address: str = "") -> None:
    """Forget the email's failures; those of others at the address stay."""
    session.execute(delete(Attempt).where(Attempt.who == _email(email)))
    if address:
        mine = (Attempt.who == _address(address)) & (Attempt.failures > 0)
        session.execute(update(Attempt).where(mine).values(failures=Attempt.failures - 1))


def _admit(session: Session, who: list[tuple[str, int, int]], now_ms: int) -> int:
    """Count one try for each of (digest, free tries, longest wait), unless one of them has to wait."""
    session.execute(delete(Attempt).where(Attempt.last_at_ms < now_ms - FORGET_MS))
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    fresh = [{"who": one, "failures": 0, "last_at_ms": now_ms} for one, _, _ in who]
    session.execute(insert(Attempt).values(fresh).on_conflict_do_nothing())
    query = select(Attempt).where(Attempt.who.in_([one for one, _, _ in who])).order_by(Attempt.who)
    rows = {row.who: row for row in session.scalars(query.with_for_update())}
    wait_ms = max(_wait_ms(rows[one], free, longest, now_ms) for one, free, longest in who)
    if not wait_ms:
        for row in rows.values():
            row.failures, row.last_at_ms = row.failures + 1, now_ms
    session.flush()
    return wait_ms


def _wait_ms(row: Attempt, free: int, longest_ms: int, now_ms: int) -> int:
    if row.failures < free:
        return 0
    pause_ms = min(longest_ms, 1000 << min(row.failures - free, 20))
    return max(0, row.last_at_ms + pause_ms - now_ms)


def _email(email: str) -> str:
    return digest(f"email {email.strip().lower()}")


def _address(address: str) -> str:
    return digest(f"address {address}")
