"""The connected accounts as people choose among them: scopes, who connected them, last use, hold."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.domain.codes import HELP
from core.domain.instances import Account, Instance
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
