"""How much of each account's rate budgets is taken at this moment, over all processes."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.coordination.port import Rate
from core.domain.fields import Platform
from core.domain.instances import Account
from core.platforms.hubspot.client import SEARCH_RATE
from core.platforms.throttle import bucket_of
from core.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Spending:
    """One budget: ``calls``, or HubSpot's ``search``. ``used`` may be above the limit: slots are reserved
    ahead. ``paused_s``: the platform asked for so long a rest."""

    account: Account
    budget: str
    rate: Rate
    used: int
    paused_s: float

    @property
    def share(self) -> float:
        """How much of the window is taken, 0 to 1."""
        return min(1.0, self.used / self.rate.limit)


def spending(wiring: Wiring, known: Iterable[Account]) -> list[Spending]:
    """Every budget of these accounts. CoordinationUnavailable."""
    return [
        Spending(
            account, name, rate, wiring.budgets.used(bucket, rate), round(wiring.budgets.paused_s(bucket), 3)
        )
        for account in known
        for name, bucket, rate in _budgets(wiring, account)
    ]


def share_of_calls(wiring: Wiring, account: Account) -> float:
    """How much of an account's calls is taken in the running window, 0 to 1. CoordinationUnavailable."""
    _, bucket, rate = _budgets(wiring, account)[0]
    return min(1.0, wiring.budgets.used(bucket, rate) / rate.limit)


def _budgets(wiring: Wiring, account: Account) -> list[tuple[str, str, Rate]]:
    """(name, bucket, rate), as the clients' throttles have them."""
    bucket = bucket_of(account.platform, account.external_id)
    if account.platform is Platform.MAINSTAY:
        return [("calls", bucket, wiring.settings.mainstay_rate)]
    return [
        ("calls", bucket, wiring.settings.hubspot_rate),
        ("search", f"{bucket}:search", SEARCH_RATE),
    ]
