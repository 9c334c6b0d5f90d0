"""What becomes of an account's own message when a platform fails: the same as of a contact's."""

from consumers import health
from consumers.giving_up import give_up
from consumers.results import HELD_S, Put, Result
from core.domain.codes import Code
from core.domain.fields import Direction, Platform
from core.domain.instances import Account
from core.domain.messages import Message
from core.domain.outcomes import Problem
from core.platforms.errors import AuthenticationFailed, PermissionMissing, PlatformError, RateLimited
from core.store import sync_log
from core.wiring import Wiring


def failed(wiring: Wiring, result: Result, message: Message, account: Account, error: PlatformError) -> bool:
    """``account`` is the one that was called. True: the message ends here, with what the Sync Log says.

    Waits cost no try; what may be the contact's climbs the ladder, and is given up at its end.
    """
    if isinstance(error, PermissionMissing):
        whole = health.account_refusal(client(wiring, account), error)
        if whole is None:
            _tell(wiring, message, Problem(error.code, f"{error.platform.title} does not permit it"))
            return True
        error = whole
    if isinstance(error, RateLimited):
        result.back[message.id] = Put(message, error.retry_after_s or HELD_S)
    elif _held(wiring, message, account, error):
        result.back[message.id] = Put(message, HELD_S)
    else:
        _climb(wiring, result, message, error)
    return False


def client(wiring: Wiring, account: Account) -> health.Client:
    """The client of an account on either platform."""
    return wiring.hubspot(account) if account.platform is Platform.HUBSPOT else wiring.mainstay(account)


def _held(wiring: Wiring, message: Message, account: Account, error: PlatformError) -> bool:
    now_ms = wiring.clock()
    with wiring.database.transaction() as session:
        if isinstance(error, AuthenticationFailed):
            version, detail = error.credential_version, error.detail
            health.hold_credentials(session, account, None, version=version, detail=detail, now_ms=now_ms)
            return True
        failures = {message.contact: message.first_failed_at_ms} if error.retryable else {}
        return health.note(session, account, None, failed=failures, succeeded=False, now_ms=now_ms)


def _climb(wiring: Wiring, result: Result, message: Message, error: PlatformError) -> None:
    tried, ladder_s = message.failed(wiring.clock()), wiring.settings.retry_ladder_s
    if tried.attempt <= len(ladder_s):
        delay_s = max(ladder_s[tried.attempt - 1], error.retry_after_s or 0.0)
        result.back[message.id] = Put(tried, delay_s)
        return
    code = error.code if error.retryable else Code.UNEXPECTED_ANSWER
    with wiring.database.transaction() as session:
        give_up(session, tried, code, str(error), wiring.clock())


def _tell(wiring: Wiring, message: Message, problem: Problem) -> None:
    about = sync_log.About(
        instance_id=0,
        direction=Direction.INCOMING,
        contact=f"hubspot:{message.contact}",
        hubspot_id=message.contact,
        fingerprint=str(message.kind),
    )
    with wiring.database.transaction() as session:
        sync_log.tell(session, about, [problem], wiring.clock())
