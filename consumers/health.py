"""Holds: an account whose credentials broke, or whose platform is down, stops costing tries.

A hold is stored with the account, so that all processes see it. One process at a time probes a held account
with a cheap read; success resumes it everywhere. After an outage that is a trial: the next contact that fails
holds the account again, and only one that gets through ends the outage in the Sync Log.
"""

import logging
from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from core import telemetry
from core.domain.codes import HELP, Code
from core.domain.fields import Direction
from core.domain.instances import Account, Instance
from core.domain.outcomes import Problem
from core.platforms.errors import (
    AuthenticationFailed,
    NotFound,
    PermissionMissing,
    PlatformError,
    Refused,
)
from core.platforms.ports import HubSpot, Mainstay
from core.store import accounts, models, sync_log
from core.store.database import Database

DOWN_AFTER = 5  # different contacts that fail one after the other, none succeeding (contract.md §6)
PROBE_S = (5.0, 30.0)  # how long after a probe the next one is due, at first and at last
_ANYBODY = "1"  # an id to ask for: whether there is such a contact doesn't matter


Client = HubSpot | Mainstay


def account_refusal(client: Client, error: PlatformError) -> PlatformError | None:
    """After a 403: what is wrong with the whole account, None if it is this call only."""
    try:
        client.external_id()
    except PermissionMissing:
        whole = AuthenticationFailed(error.platform, error.detail, status=403)
        whole.credential_version = error.credential_version
        return whole
    except PlatformError as other:
        return other
    return None


def note(
    session: Session,
    account: Account,
    instance: Instance | None,
    *,
    failed: Mapping[str, int],
    succeeded: bool,
    now_ms: int,
) -> bool:
    """What a batch met on one account: contacts that failed, whether any got through. True = held now.

    ``failed``: contact ids of the batch, with when each failed first (0: now). Only failures worth another
    try count, and not those of a contact that fails since before others got through: that one climbs the
    ladder. ``instance`` is whose batch it was, None for the account's own business.
    """
    row = session.get_one(models.Account, account.id)
    if succeeded and not (row.failing or failed):
        return row.held_code is not None  # as nearly always: the account's row stays free for others
    session.refresh(row, with_for_update={"key_share": True})
    if succeeded:
        if row.held_code is None:
            accounts.recovered(session, account.id, now_ms)
            sync_log.resolve_account(session, account.id, now_ms)
        return row.held_code is not None
    counted = {contact for contact, since_ms in failed.items() if not 0 < since_ms <= row.recovered_at_ms}
    if counted:
        row.failing = sorted({*row.failing, *counted})[:DOWN_AFTER]
        session.flush()
        if len(row.failing) >= DOWN_AFTER and row.held_code is None:
            why = f"{DOWN_AFTER} contacts failed one after the other"
            code, version = Code.PLATFORM_UNAVAILABLE, row.credential_version
            return _hold(session, account, instance, version=version, code=code, why=why, now_ms=now_ms)
    return row.held_code is not None


def hold_credentials(
    session: Session, account: Account, instance: Instance | None, *, version: int, detail: str, now_ms: int
) -> bool:
    """The platform refuses the credentials: hold the account, unless they were replaced meanwhile."""
    code = Code.AUTHENTICATION_FAILED
    return _hold(session, account, instance, version=version, code=code, why=detail, now_ms=now_ms)


def _hold(
    session: Session,
    account: Account,
    instance: Instance | None,
    *,
    version: int,
    code: Code,
    why: str,
    now_ms: int,
) -> bool:
    probe_ms = now_ms + pause_ms(accounts.failing_since_ms(session, account.id) or now_ms, now_ms)
    if not accounts.hold(session, account.id, version, code, why, now_ms, probe_ms):
        return False
    about = sync_log.About(
        instance_id=instance.id if instance is not None else 0,
        direction=instance.direction if instance is not None else Direction.INCOMING,
        account_id=account.id,
    )
    message = f"{account.platform.title} account {account.name} is held: {HELP[code].title.lower()} ({why})."
    # An outage that flares up again is the same one; refused credentials were replaced or repaired since.
    again = code is Code.AUTHENTICATION_FAILED
    sync_log.tell_account(session, about, Problem(code, message), now_ms, again=again)
    telemetry.log(
        "account.held", level=logging.WARNING, platform=account.platform, account=account.name, code=code
    )
    return True


def pause_ms(since_ms: int, now_ms: int) -> int:
    """The pause before the next probe of an account that is held for so long."""
    first_s, last_s = PROBE_S
    return int(1000 * min(last_s, max(first_s, (now_ms - since_ms) / 4000)))


def probe(
    database: Database, held: accounts.Hold, client: HubSpot | Mainstay, clock: Callable[[], int]
) -> bool:
    """Try a held account once, if its time has come and no other process does. True = it works again."""
    now_ms = clock()
    due_ms = now_ms + pause_ms(held.since_ms, now_ms)
    with database.transaction() as session:
        if not accounts.next_probe(session, held.account.id, due_ms, now_ms):
            return False
    outage = held.code == Code.PLATFORM_UNAVAILABLE
    try:
        works = client.external_id() == held.account.external_id
        if works and outage:
            works = _serves_contacts(client)
    except AuthenticationFailed as error:
        if outage:
            _mistaken(database, held, error, clock())
        return False
    except PlatformError:
        return False
    if works:
        resume(database, held.account, clock(), on_trial=outage)
    return works


def _serves_contacts(client: HubSpot | Mainstay) -> bool:
    """Whether a contact can be asked for; that there is none of that id is an answer."""
    answers = client.get([_ANYBODY]) if hasattr(client, "get") else client.read([_ANYBODY], [])
    return all(
        not isinstance(answer, PlatformError) or isinstance(answer, NotFound | Refused | PermissionMissing)
        for answer in answers.values()
    )


def _mistaken(database: Database, held: accounts.Hold, error: AuthenticationFailed, now_ms: int) -> None:
    """The platform is back and refuses the credentials: from now on that is why the account is held."""
    with database.transaction() as session:
        if accounts.release(session, held.account.id):
            hold_credentials(
                session,
                held.account,
                None,
                version=error.credential_version,
                detail=error.detail,
                now_ms=now_ms,
            )


def resume(database: Database, account: Account, now_ms: int, *, on_trial: bool = False) -> None:
    """The account works again. ``on_trial``: the next contact that fails holds it again, without a word."""
    with database.transaction() as session:
        accounts.release(session, account.id, keep_failing=DOWN_AFTER - 1 if on_trial else 0)
        if not on_trial:
            sync_log.resolve_account(session, account.id, now_ms)
    telemetry.log("account.resumed", platform=account.platform, account=account.name)
