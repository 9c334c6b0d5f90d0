"""A source's contacts, page by page: for sweeps, backfills and comparisons. All of it in the background."""

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from consumers import health
from consumers.work import Context
from core.domain.fields import Platform
from core.platforms.errors import AuthenticationFailed, NotFound, PlatformError, RateLimited
from core.platforms.ports import Page
from core.store.database import Database

Stopping = Callable[[], bool]
Told = TypeVar("Told")
AGAIN_S = (1.0, 3.0, 10.0)  # waits between tries of a page where the platform stumbles
MOST_WAIT_S = 60.0  # a budget that is spent for longer (HubSpot's day) is an error to whoever asks
_STEP_S = 0.1


class Stopped(Exception):
    """The process was asked to end while it waited."""


def modified(context: Context, since_ms: int, stopping: Stopping) -> Iterator[Page]:
    """The contacts of the source modified at or after ``since_ms``. PlatformError (at the first one but for a
    spent budget: whoever sweeps comes again), Stopped."""
    return _walk(lambda cursor: modified_page(context, since_ms, cursor), stopping, ())


def everybody(context: Context, platform: Platform, stopping: Stopping) -> Iterator[Page]:
    """All contacts of one side. PlatformError, Stopped."""
    return _walk(lambda cursor: page_of_all(context, platform, cursor), stopping, AGAIN_S)


def _walk(ask: Callable[[str], Page], stopping: Stopping, again_s: Sequence[float]) -> Iterator[Page]:
    cursor = ""
    while True:
        page = patiently(functools.partial(ask, cursor), stopping, again_s)
        yield page
        cursor = page.cursor
        if not cursor:
            return


def page_of_all(context: Context, platform: Platform, cursor: str) -> Page:
    """One page of all contacts of a side. PlatformError."""
    if platform is Platform.HUBSPOT:
        return context.hubspot.list_page(context.hubspot_names(), cursor)
    try:
        return context.mainstay.modified_page(0, cursor)
    except NotFound:
        if not cursor:
            raise
        return Page(())  # contacts went meanwhile: there are fewer pages than the last one promised


def total_of(context: Context, platform: Platform) -> int | None:
    """About how many contacts a side has, None where it does not say."""
    try:
        if platform is Platform.HUBSPOT:
            return context.hubspot.modified_page(0, []).total  # a list tells no total, a search does
        return context.mainstay.modified_page(0).total
    except PlatformError:
        return None


def modified_page(context: Context, since_ms: int, cursor: str) -> Page:
    """One page of the source's contacts modified at or after ``since_ms``. PlatformError."""
    if context.direction.source is Platform.HUBSPOT:
        return context.hubspot.modified_page(since_ms, context.hubspot_names(), cursor)
    return context.mainstay.modified_page(since_ms, cursor)


def patiently(ask: Callable[[], Told], stopping: Stopping, again_s: Sequence[float] = AGAIN_S) -> Told:
    """The answer, where need be after waiting for the budget, or (``again_s``) for a platform that stumbles.

    PlatformError: one that another try can't mend, or the last one. Stopped.
    """
    stumbled = 0
    while True:
        if stopping():
            raise Stopped
        try:
            return ask()
        except RateLimited as error:
            wait_s = max(0.5, error.retry_after_s or 0.0)
            if wait_s > MOST_WAIT_S:
                raise
            pause(wait_s, stopping)
        except PlatformError as error:
            if not error.retryable or stumbled == len(again_s):
                raise
            pause(again_s[stumbled], stopping)
            stumbled += 1


def pause(seconds: float, stopping: Stopping) -> None:
    """Wait, but not longer than until ``stopping``."""
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0 and not stopping():
        time.sleep(min(_STEP_S, left_s))


def refused(database: Database, context: Context, error: AuthenticationFailed) -> None:
    """The credentials of one side are refused: hold its account, as a consumer would have on meeting it."""
    with database.transaction() as session:
        health.hold_credentials(
            session,
            context.account(error.platform),
            context.instance,
            version=error.credential_version,
            detail=error.detail,
            now_ms=context.clock(),
        )
