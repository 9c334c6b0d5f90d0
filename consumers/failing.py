"""What becomes of a batch's contacts when a platform fails: they wait, climb the ladder, or are given up.

An account whose credentials broke or whose platform is down is held (health.py).
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from consumers import health
from consumers.records import GivenUp
from consumers.results import HELD_S, Put
from consumers.work import SOON_S, Context, Work
from core import telemetry
from core.domain.codes import Code
from core.domain.fields import Platform
from core.domain.outcomes import Outcome, Problem
from core.platforms.errors import AuthenticationFailed, PermissionMissing, PlatformError, RateLimited

Back = dict[str, Put]  # message id → how it goes back


@dataclass(slots=True)
class Failing:
    """One batch's failures, all at ``now_ms``. ``ladder_s`` are the waits between tries."""

    context: Context
    ladder_s: Sequence[float]
    now_ms: int

    def judge_permissions(self, works: Sequence[Work]) -> None:
        """A 403: for the whole account it is broken authentication; else the contact's own problem."""
        refused = [work for work in works if isinstance(work.failure, PermissionMissing)]
        whole: dict[Platform, PlatformError | None] = {}
        for work in refused:
            error = work.failure
            assert error is not None
            if error.platform not in whole:
                hubspot = error.platform is Platform.HUBSPOT
                client = self.context.hubspot if hubspot else self.context.mainstay
                whole[error.platform] = health.account_refusal(client, error)
            work.failure = whole[error.platform]
            if work.failure is None:
                work.end(
                    Outcome.ERROR,
                    Problem(error.code, f"{error.platform.title} does not permit it: {error.detail}"),
                )

    def note_health(self, session: Session, works: Sequence[Work]) -> set[Platform]:
        """Tell each account how it did; the platforms whose accounts are held now."""
        stuck: set[Platform] = set()
        now_ms, instance = self.now_ms, self.context.instance
        for platform in Platform:
            account = self.context.account(platform)
            errors = [
                (work, work.failure) for work in works if work.failure and work.failure.platform is platform
            ]
            for _, error in errors:
                if isinstance(error, AuthenticationFailed):
                    health.hold_credentials(
                        session,
                        account,
                        instance,
                        version=error.credential_version,
                        detail=error.detail,
                        now_ms=now_ms,
                    )
                    stuck.add(platform)
                    break
            failures = [one for one in errors if one[1].retryable and not isinstance(one[1], RateLimited)]
            alone = [work for work, error in failures if not error.in_company]
            # Of those that failed in one call, one may have spoiled it for the others.
            alone += [work for work, error in failures[:1] if error.in_company]
            failed = {work.contact: _failing_since_ms(work) for work in alone}
            fine = any(
                platform in work.called and (work.failure is None or work.failure.platform is not platform)
                for work in works
            )
            if (failed or fine) and health.note(
                session, account, instance, failed=failed, succeeded=fine, now_ms=now_ms
            ):
                stuck.add(platform)
        return stuck

    def put(
        self, work: Work, error: PlatformError, stuck: Collection[Platform]
    ) -> tuple[Back, list[GivenUp]]:
        """Waits that cost no try: a spent budget, a held account. Everything else climbs the ladder."""
        if isinstance(error, RateLimited):
            return self._waiting(work, error.retry_after_s or SOON_S), []
        if error.platform in stuck or isinstance(error, AuthenticationFailed):
            return self._waiting(work, HELD_S), []
        back: Back = {}
        given_up: list[GivenUp] = []
        code = code_of(error)
        tries = max(message.attempt for message in work.messages)
        for message in work.messages:
            tried = replace(message, attempt=tries).failed(self.now_ms)
            if tried.attempt > len(self.ladder_s):
                given_up.append(GivenUp(tried, code, str(error)))
            else:
                back[message.id] = Put(tried, self._rung_s(tried.attempt, error.retry_after_s))
        telemetry.log(
            "contact.failed",
            direction=self.context.direction,
            instance=self.context.instance.name,
            contact=work.contact,
            code=code,
            attempt=tries + 1,
            traces=work.traces(),
        )
        return back, given_up

    def _waiting(self, work: Work, delay_s: float) -> Back:
        return {one.id: Put(replace(one, looked=True), delay_s) for one in work.messages}

    def _rung_s(self, attempt: int, retry_after_s: float | None) -> float:
        rung_s = self.ladder_s[attempt - 1]
        return max(rung_s * random.uniform(1.0, 1.2), retry_after_s or 0.0)


def code_of(error: PlatformError) -> Code:
    """Under which code a failure that is tried again stands, and is given up in the end."""
    return error.code if error.retryable else Code.UNEXPECTED_ANSWER


def _failing_since_ms(work: Work) -> int:
    """When the contact failed first, 0 if it never did before."""
    return min((one.first_failed_at_ms for one in work.messages if one.first_failed_at_ms), default=0)
