"""Keeps the copies of the accounts' fields fresh, so that the console can say that a mapped field is gone.

Run by the scheduler. Only accounts of enabled instances, none that is held, each once an hour.
"""

import logging
from dataclasses import dataclass, replace

from consumers.directory import Directory
from core import telemetry
from core.domain.fields import Field, FieldType, Platform
from core.domain.instances import Account
from core.platforms.errors import PlatformError
from core.store import accounts, catalogues
from core.wiring import Wiring

OLD_MS = 3600 * 1000
LOOK_MS = 5 * 60 * 1000


@dataclass(slots=True)
class FieldLists:
    """One per scheduler."""

    wiring: Wiring
    _looked_ms: int = 0

    def run(self, directory: Directory) -> int:
        """Fetch what is old; how many were fetched. A platform that is away leaves its copy as it is."""
        now_ms = self.wiring.clock()
        if now_ms - self._looked_ms < LOOK_MS:
            return 0
        self._looked_ms = now_ms
        used = {
            account.id: account
            for one in directory.instances.values()
            if one.enabled and one.id in directory.live
            for account in (one.hubspot, one.mainstay)
        }
        wanted = [one for one in used.values() if one.id not in directory.holds and self._old(one, now_ms)]
        return sum(self._fetched(one, now_ms) for one in wanted)

    def _old(self, account: Account, now_ms: int) -> bool:
        with self.wiring.database.reading() as session:
            kept = catalogues.load(session, account.id)
        return kept is None or kept.age_ms(now_ms) >= OLD_MS

    def _fetched(self, account: Account, now_ms: int) -> bool:
        hubspot = account.platform is Platform.HUBSPOT
        try:
            if hubspot:
                found = self.wiring.hubspot(account).background().fields()
            else:
                found = self.wiring.mainstay(account).background().fields()
        except PlatformError as error:
            telemetry.log("fields.waiting", level=logging.WARNING, account=account.name, why=str(error))
            return False
        with self.wiring.database.transaction() as session:
            types = accounts.field_types(session, account.id)
            catalogues.save(session, account.id, [_typed(one, types) for one in found], now_ms)
        return True


def _typed(one: Field, types: dict[str, str]) -> Field:
    """With the type that is stored for a custom field now: the client may have been made before."""
    chosen = types.get(one.name.removeprefix("custom.")) if one.name.startswith("custom.") else None
    return replace(one, type=FieldType(chosen)) if chosen in list(FieldType) else one
