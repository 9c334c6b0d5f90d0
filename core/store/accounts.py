"""The connected accounts: credentials (sealed), their version, and the hold. The caller commits.

A *hold* stops all work of an account after broken authentication or an outage. It names the credential
version that failed, so that a late answer to an old token can't hold again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from core.domain.fields import Platform
from core.domain.instances import Account
from core.store import models
from core.store.sealing import CannotOpen, Sealer

TOKENS = ("access_token", "refresh_token", "api_token")  # what the platform is called with


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What an account's calls are made with. ``version`` goes up whenever a token is replaced.

    ``values``: ``access_token``, and for OAuth ``refresh_token`` and ``expires_at_ms`` (HubSpot);
    ``api_token`` (Mainstay); ``webhook_secrets`` (a list, newest first) where the account has its own.
    """

    version: int
    values: Mapping[str, Any]

    @property
    def token(self) -> str:
        """The token to call with; empty when there is none."""
        return str(self.values.get("access_token") or self.values.get("api_token") or "")

    @property
    def refresh_token(self) -> str:
        """OAuth only, else empty."""
        return str(self.values.get("refresh_token") or "")

    @property
    def expires_at_ms(self) -> int | None:
        """OAuth only: when ``token`` runs out."""
        at_ms = self.values.get("expires_at_ms")
        return None if at_ms is None else int(at_ms)

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The account's own webhook secrets; empty where the deployment's speak for it."""
        return tuple(self.values.get("webhook_secrets") or ())


@dataclass(frozen=True, slots=True)
class Hold:
    """A held account: why, since when, and the credential version that failed."""

    account: Account
    code: str
    detail: str
    since_ms: int
    version: int
    next_probe_ms: int


def all_accounts(session: Session) -> list[Account]:
    """Every account, HubSpot's first, by name."""
    rows = session.scalars(select(models.Account).order_by(models.Account.platform, models.Account.name))
    return [domain(row) for row in rows]


def by_name(session: Session, platform: Platform, name: str) -> Account | None:
    """The account of that name, or None."""
    row = session.scalar(
        select(models.Account).where(models.Account.platform == platform, models.Account.name == name)
    )
    return domain(row) if row else None


def credentials(session: Session, sealer: Sealer, account_id: int) -> Credentials:
    """The account's credentials, decrypted. LookupError for an unknown account; sealing.CannotOpen."""
    row = _row(session, account_id)
    return Credentials(row.credential_version, sealer.open(row.sealed))


def overdue_s(session: Session, sealer: Sealer, account_id: int, now_ms: int) -> float | None:
    """So long ago an OAuth account's access ran out (0: it is good). None where it does not run out, or where
    the credentials can't be read. It is renewed when it is used: each sweep uses it."""
    try:
        stored = credentials(session, sealer, account_id)
    except (CannotOpen, LookupError):
        return None
    if not stored.refresh_token or stored.expires_at_ms is None:
        return None
    return max(0, now_ms - stored.expires_at_ms) / 1000


def field_types(session: Session, account_id: int) -> dict[str, str]:
    """The types that the configuration tells for Mainstay's custom fields: name → type."""
    return {str(name): str(kind) for name, kind in _row(session, account_id).field_types.items()}


def create(
    session: Session,
    sealer: Sealer,
    *,
    platform: Platform,
    name: str,
    external_id: str,
    values: Mapping[str, Any],
    now_ms: int,
    field_types: Mapping[str, str] | None = None,
) -> Account:
    """A new account with ``values`` as its credentials (see Credentials)."""
    row = models.Account(
        platform=platform,
        name=name,
        external_id=external_id,
        sealed=sealer.seal(values),
        credential_version=1,
        field_types=dict(field_types or {}),
        created_at_ms=now_ms,
    )
    session.add(row)
    session.flush()
    return domain(row)


def describe(
    session: Session,
    account_id: int,
    *,
    name: str | None = None,
    field_types: Mapping[str, str] | None = None,
) -> None:
    """Change the name or the field types; None leaves them."""
    row = _row(session, account_id)
    if name is not None:
        row.name = name
    if field_types is not None:
        row.field_types = dict(field_types)
    session.flush()


def replace_credentials(
    session: Session,
    sealer: Sealer,
    account_id: int,
    changes: Mapping[str, Any],
    *,
    release_hold: bool = True,
) -> int:
    """Merge ``changes`` into the credentials (None removes one); returns the credential version.

    A changed token makes a new version and, with ``release_hold``, ends the hold. A refreshed OAuth token of
    the same grant passes False: it proves nothing about an account that was held for another reason.
    """
    row = _row(session, account_id, lock=True)
    before = sealer.open(row.sealed)
    after = {name: value for name, value in {**before, **changes}.items() if value is not None}
    if after == before:
        return row.credential_version
    row.sealed = sealer.seal(after)
    if any(before.get(name) != after.get(name) for name in TOKENS):
        row.credential_version += 1
        if release_hold:
            _clear_hold(row)
    session.flush()
    return row.credential_version


def failing_since_ms(session: Session, account_id: int) -> int:
    """Since when an outage lasts that was not yet seen to end, 0 = there is none."""
    return _row(session, account_id).held_since_ms or 0


def hold(
    session: Session, account_id: int, version: int, code: str, detail: str, now_ms: int, probe_ms: int = 0
) -> bool:
    """Hold the account, only if ``version`` is its current credential version and it isn't held yet.

    True exactly once per hold, over all processes: whoever gets it writes the Sync Log. ``probe_ms``: when it
    is probed first. An outage that goes on counts from its beginning.
    """
    changed = session.execute(
        update(models.Account)
        .where(
            models.Account.id == account_id,
            models.Account.credential_version == version,
            models.Account.held_code.is_(None),
        )
        .values(
            held_code=code,
            held_detail=detail[:500],
            held_since_ms=func.coalesce(models.Account.held_since_ms, now_ms),
            held_version=version,
            next_probe_ms=probe_ms or now_ms,
        )
        .execution_options(synchronize_session="fetch")
    )
    return _count(changed) == 1


def release(session: Session, account_id: int, *, keep_failing: int = 0) -> bool:
    """End the hold. True if there was one. ``keep_failing``: so many of the contacts that failed still count,
    and the outage as begun, until ``recovered``."""
    row = _row(session, account_id, lock=True)
    if row.held_code is None:
        return False
    kept, since_ms = row.failing[:keep_failing], row.held_since_ms
    _clear_hold(row)
    if kept:
        row.failing, row.held_since_ms = kept, since_ms
    session.flush()
    return True


def lock(session: Session, account_ids: Collection[int]) -> None:
    """Wait until nobody stores what was done with these accounts (``share``), and keep all others waiting."""
    _in_order(session, account_ids, select(models.Account.id).with_for_update())


def share(session: Session, account_ids: Collection[int]) -> None:
    """Store what was done with these accounts: together with others who do, never while somebody has a
    ``lock``. The first statement of its transaction, so that no two wait for each other."""
    _in_order(session, account_ids, select(models.Account.id).with_for_update(read=True, key_share=True))


def _in_order(session: Session, account_ids: Collection[int], query: Select[int]) -> None:
    session.execute(query.where(models.Account.id.in_(account_ids)).order_by(models.Account.id)).all()


def recovered(session: Session, account_id: int, now_ms: int) -> None:
    """A contact got through: no failure counts any more, and no outage."""
    row = _row(session, account_id, lock=True)
    row.failing, row.recovered_at_ms = [], now_ms
    if row.held_code is None:
        row.held_since_ms = None
    session.flush()


def next_probe(session: Session, account_id: int, due_ms: int, now_ms: int) -> bool:
    """Claim the probe of a held account that is due, and set the next one to ``due_ms``. One process wins."""
    changed = session.execute(
        update(models.Account)
        .where(
            models.Account.id == account_id,
            models.Account.held_code.is_not(None),
            models.Account.next_probe_ms <= now_ms,
        )
        .values(next_probe_ms=due_ms)
        .execution_options(synchronize_session="fetch")
    )
    return _count(changed) == 1


def held(session: Session) -> list[Hold]:
    """All held accounts."""
    rows = session.scalars(
        select(models.Account).where(models.Account.held_code.is_not(None)).order_by(models.Account.id)
    )
    return [
        Hold(
            domain(row),
            row.held_code or "",
            row.held_detail or "",
            row.held_since_ms or 0,
            row.held_version or 0,
            row.next_probe_ms,
        )
        for row in rows
    ]


def reseal_all(session: Session, sealer: Sealer) -> int:
    """Encrypt every account's credentials under the newest key; returns how many there are."""
    query = select(models.Account).order_by(models.Account.id)
    rows = list(session.scalars(query.with_for_update(key_share=True)))
    for row in rows:
        row.sealed = sealer.reseal(row.sealed)
    session.flush()
    return len(rows)


def domain(row: models.Account) -> Account:
    """The account as the rules see it."""
    return Account(row.id, Platform(row.platform), row.name, row.external_id)


def _row(session: Session, account_id: int, *, lock: bool = False) -> models.Account:
    # No key of it ever changes. FOR UPDATE would wait for every row that names the account (PostgreSQL,
    # "Row-Level Locks"), and its writer for us: a deadlock.
    row = session.get(models.Account, account_id, with_for_update={"key_share": True} if lock else None)
    if row is None:
        raise LookupError(f"there is no account {account_id}")
    return row


def _clear_hold(row: models.Account) -> None:
    row.held_code = row.held_detail = row.held_since_ms = row.held_version = None
    row.next_probe_ms = 0
    row.failing = []


def _count(result: Any) -> int:
    return int(result.rowcount)
