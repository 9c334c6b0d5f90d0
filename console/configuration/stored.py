"""What the store holds, as the plan needs it: read once, compared again before anything is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from console.configuration.entries import AccountKey
from core.domain.instances import Account, Instance
from core.store import accounts, instances
from core.store.accounts import Credentials
from core.store.sealing import Sealer


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """An account with its credentials (decrypted, in memory only)."""

    account: Account
    credentials: Credentials = field(repr=False)
    field_types: Mapping[str, str]

    @property
    def key(self) -> AccountKey:
        """How instances name it."""
        return (self.account.platform, self.account.name)


@dataclass(frozen=True, slots=True)
class Stored:
    """All accounts and all instances that are not deleted."""

    accounts: tuple[StoredAccount, ...] = ()
    instances: tuple[Instance, ...] = ()

    def instance(self, name: str) -> Instance | None:
        """The instance of that name, or None."""
        return next((one for one in self.instances if one.name == name), None)

    def account(self, key: AccountKey) -> StoredAccount | None:
        """The account of that platform and name, or None."""
        return next((one for one in self.accounts if one.key == key), None)


def take(session: Session, sealer: Sealer) -> Stored:
    """Read everything; sealing.CannotOpen where a key is missing."""
    return Stored(
        accounts=tuple(
            StoredAccount(
                account,
                accounts.credentials(session, sealer, account.id),
                accounts.field_types(session, account.id),
            )
            for account in accounts.all_accounts(session)
        ),
        instances=tuple(instances.all_instances(session)),
    )
