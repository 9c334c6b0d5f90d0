"""The connected accounts as people choose among them: scopes, who connected them, last use, hold."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.domain.codes import HELP
from core.domain.fields import Platform
from core.domain.instances import Account, Instance
from core.platforms.errors import AuthenticationFailed, PlatformError
from core.store import accounts, instances, outcomes
from core.store.accounts import Hold

if TYPE_CHECKING:
    from core.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Known:
    """An account. ``scopes`` are empty where the platform did not tell; ``last_use_ms`` 0 = none kept."""

    account: Account
    oauth: bool
    scopes: tuple[str, ...]
    connected_by: str
    connected_at_ms: int
    last_use_ms: int
    used_by: tuple[Instance, ...]
    hold: Hold | None
    own_secret: bool

    @property
    def why(self) -> str:
        """Why it is held, in plain words; empty where it is not."""
        known = {str(code): told.title for code, told in HELP.items()}
        return known.get(self.hold.code, self.hold.code) if self.hold else ""


def named(account: Account) -> dict[str, Any]:
    """{"platform", "name", "portal_id" or "org_id"}: how an account is told in JSON."""
    key = "portal_id" if account.platform is Platform.HUBSPOT else "org_id"
    return {"platform": account.platform.title, "name": account.name, key: account.external_id}


def tested(wiring: "Wiring", account: Account) -> dict[str, Any]:
    """Call the platform once: ``named``, and "ok" and "problem"."""
    try:
        hubspot = account.platform is Platform.HUBSPOT
        client = wiring.hubspot(account) if hubspot else wiring.mainstay(account)
        owner = client.external_id()
        problem = None if owner == account.external_id else f"the token belongs to {owner}"
    except AuthenticationFailed as error:
        problem = f"the token is refused ({error.detail}): give the account a new one"
    except PlatformError as error:
        problem = f"{error.code}: {error.detail}"
    return named(account) | {"ok": problem is None, "problem": problem}


def known(wiring: "Wiring") -> list[Known]:
    """All accounts, HubSpot's first, by name."""
    with wiring.database.reading() as session:
        holds = {hold.account.id: hold for hold in accounts.held(session)}
        every = instances.all_instances(session)
        found = []
        for account in accounts.all_accounts(session):
            credentials = accounts.credentials(session, wiring.sealer, account.id)
            used = tuple(one for one in every if account.id in (one.hubspot.id, one.mainstay.id))
            found.append(
                Known(
                    account=account,
                    oauth=bool(credentials.refresh_token),
                    scopes=tuple(credentials.values.get("scopes") or ()),
                    connected_by=str(credentials.values.get("connected_by") or ""),
                    connected_at_ms=int(credentials.values.get("connected_at_ms") or 0),
                    last_use_ms=max((outcomes.last_change_ms(session, one.id) for one in used), default=0),
                    used_by=used,
                    hold=holds.get(account.id),
                    own_secret=bool(credentials.webhook_secrets),
                )
            )
    return found
