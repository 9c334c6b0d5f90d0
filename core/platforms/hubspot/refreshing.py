"""Keeps an OAuth account's access token fresh: renewed before it runs out, by one process per portal.

Called by the wiring whenever an account's credentials are read. The others go on with the old token, which is
good for a few minutes more.
"""

import time
from collections.abc import Callable

from core.coordination.port import CoordinationUnavailable, Leases
from core.domain.fields import Platform
from core.platforms.errors import AuthenticationFailed, PlatformError, Unavailable
from core.platforms.hubspot.oauth import Grant, HubSpotOAuth
from core.store import accounts
from core.store.accounts import Credentials
from core.store.database import Database
from core.store.sealing import Sealer

EARLY_MS = 5 * 60 * 1000
_LEASE_S = 30.0
_PATIENCE_S = 12.0  # for the process that renews, when the old token is of no use any more


class Refreshing:
    """Renews tokens. ``owner`` names the process and what it does for the leases."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        leases: Leases,
        owner: str,
        oauth: HubSpotOAuth,
        clock: Callable[[], int],
    ) -> None:
        self._database, self._sealer, self._leases = database, sealer, leases
        self._owner, self._oauth, self._clock = owner, oauth, clock

    def fresh(self, account_id: int) -> Credentials:
        """The account's credentials, with a token that is good for some time.

        AuthenticationFailed (with its credential version) where the grant was revoked; Unavailable where the
        token has run out and no new one can be had at the moment.
        """
        stored = self._stored(account_id)
        if not self._due(stored, EARLY_MS):
            return stored
        deadline_s = time.monotonic() + _PATIENCE_S
        while True:
            key = f"oauth:{account_id}"
            if self._acquired(key):
                try:
                    return self._renewed(account_id)
                finally:
                    self._leases.release([key], self._owner)
            stored = self._stored(account_id)
            if not self._due(stored, 0):
                return stored
            if time.monotonic() > deadline_s:
                raise Unavailable(Platform.HUBSPOT, "the access token has run out and is not renewed yet")
            time.sleep(0.2)

    def _renewed(self, account_id: int) -> Credentials:
        stored = self._stored(account_id)
        if not self._due(stored, EARLY_MS):
            return stored  # somebody was faster
        try:
            grant = self._oauth.refresh(stored.refresh_token)
        except AuthenticationFailed as error:
            if (now := self._stored(account_id)).version != stored.version:
                return now  # the admin reconnected it meanwhile
            error.credential_version = stored.version
            raise
        except PlatformError:
            if self._due(stored, 0):
                raise
            return stored
        # A refresh token that is used up and not stored is a connection lost.
        return self._database.retry(lambda: self._store(account_id, grant))

    def _store(self, account_id: int, grant: Grant) -> Credentials:
        with self._database.transaction() as session:
            accounts.replace_credentials(
                session, self._sealer, account_id, grant.credentials(), release_hold=False
            )
            return accounts.credentials(session, self._sealer, account_id)

    def _acquired(self, key: str) -> bool:
        try:
            return self._leases.acquire([[key]], self._owner, _LEASE_S)[0]
        except CoordinationUnavailable:
            return True  # two refreshes at once do no harm: HubSpot's refresh token stays the same

    def _stored(self, account_id: int) -> Credentials:
        with self._database.reading() as session:
            return accounts.credentials(session, self._sealer, account_id)

    def _due(self, stored: Credentials, early_ms: int) -> bool:
        ends_ms = stored.expires_at_ms
        return bool(stored.refresh_token) and ends_ms is not None and ends_ms - self._clock() < early_ms
