"""Clients for a configuration's accounts: from the file's tokens, or the held ones of stored accounts."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core import telemetry
from core.domain.instances import Account
from core.platforms.hubspot.client import hubspot_client
from core.platforms.ports import HubSpot, Mainstay
from core.platforms.transport import Credentials

if TYPE_CHECKING:
    from core.wiring import Wiring


class WiredPlatforms:
    """Implements ``accounts.Platforms`` with this deployment's settings and budgets."""

    def __init__(self, wiring: "Wiring") -> None:
        self._wiring = wiring

    def hubspot(self, portal: str, token: str) -> HubSpot:
        """A portal, by a static token."""
        settings = self._wiring.settings
        return hubspot_client(
            host=settings.hubspot_api_url,
            version=settings.hubspot_api_version,
            portal=portal,
            credentials=lambda: Credentials(token, 0),
            budgets=self._wiring.budgets,
            rate=settings.hubspot_rate,
            record_call=telemetry.record_call,
        )

    def mainstay(self, organisation: str, token: str, field_types: Mapping[str, str]) -> Mainstay:
        """An organisation, by its token."""
        return self._wiring.open_mainstay(
            organisation, lambda: Credentials(token, 0), telemetry.record_call, field_types
        )

    def connected(self, account: Account) -> HubSpot:
        """A stored portal."""
        return self._wiring.hubspot(account)
