"""The accounts of a plan: found in file and store, their tokens checked, their fields fetched."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from console.configuration.differences import account_details
from console.configuration.entries import AccountEntry, AccountKey, Configuration, InstanceEntry
from console.configuration.plan import AccountChange, Verb
from console.configuration.stored import Stored, StoredAccount
from core.domain.fields import Field, Platform
from core.domain.instances import Account
from core.platforms.errors import AuthenticationFailed, PermissionMissing, PlatformError, RateLimited
from core.platforms.ports import HubSpot, Mainstay

Answer = TypeVar("Answer")
_TRIES = 3


class Platforms(Protocol):
    """Clients for accounts that may not be stored yet."""

    def hubspot(self, portal: str, token: str) -> HubSpot:
        """A portal, by a static token."""

    def mainstay(self, organisation: str, token: str, field_types: Mapping[str, str]) -> Mainstay:
        """An organisation, by its token; ``field_types`` for custom fields whose type it does not tell."""

    def connected(self, account: Account) -> HubSpot:
        """A stored portal, with its stored credentials."""


@dataclass(slots=True)
class Known:
    """An account as it will be after the file: from the file, from the store, or both."""

    key: AccountKey
    place: str
    entry: AccountEntry | None = None
    stored: StoredAccount | None = None

    @property
    def field_types(self) -> Mapping[str, str]:
        """What Mainstay's custom fields are, where it doesn't tell."""
        if self.entry and self.entry.field_types is not None:
            return self.entry.field_types
        return self.stored.field_types if self.stored else {}

    @property
    def external_id(self) -> str:
        """Its portal or organisation."""
        if self.entry:
            return self.entry.external_id
        return self.stored.account.external_id if self.stored else ""

    def client(self, platforms: Platforms) -> HubSpot | Mainstay:
        """A client with the file's token, else with the stored one."""
        token = self.entry.token if self.entry else ""
        if self.key[0] is Platform.MAINSTAY:
            kept = self.stored.credentials.token if self.stored else ""
            return platforms.mainstay(self.external_id, token or kept, self.field_types)
        if token or not self.stored:
            return platforms.hubspot(self.external_id, token)
        return platforms.connected(self.stored.account)


@dataclass(slots=True)
class Planning:
    """What is known and what is wrong so far, while a plan is made."""

    configuration: Configuration
    stored: Stored
    platforms: Platforms
    known: dict[AccountKey, Known] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    catalogues: dict[AccountKey, tuple[Field, ...]] = field(default_factory=dict)


def account_change(planning: Planning, entry: AccountEntry) -> AccountChange:
    """Find the stored account: by portal or organisation, whatever its name; a name may not change hands."""
    where = f"{entry.place} ({entry.name})"
    same_id = [
        one
        for one in planning.stored.accounts
        if (one.account.platform, one.account.external_id) == (entry.platform, entry.external_id)
    ]
    same_name = planning.stored.account(entry.key)
    stored = same_id[0] if same_id else None
    renamed = {one.external_id for one in planning.configuration.accounts if one.platform is entry.platform}
    if same_name and same_name is not stored and same_name.account.external_id not in renamed:
        planning.problems.append(
            f"{where}: an account of this name is stored already, for {_called(entry.platform)}"
            f" {same_name.account.external_id} instead of {entry.external_id}; give this one another name"
        )
    elif not stored and not entry.token:
        how = (
            "access_token, or connect it in the console"
            if entry.platform is Platform.HUBSPOT
            else "api_token"
        )
        planning.problems.append(f"{where}: no token is stored for this account yet; add {how}")
    planning.known[entry.key] = Known(entry.key, where, entry, stored)
    if not stored:
        return AccountChange(Verb.CREATE, entry, None, credentials=entry.credentials)
    changed, details = account_details(entry, stored)
    return AccountChange(Verb.UPDATE if details else Verb.UNCHANGED, entry, stored, details, changed)


def accounts_exist(planning: Planning, entry: InstanceEntry) -> None:
    """Both accounts of an instance must be in the file or in the store."""
    for platform, name in entry.accounts:
        if (platform, name) not in planning.known:
            planning.problems.append(
                f"{entry.place} ({entry.name}): {platform}: there is no {platform.title} account {name!r},"
                " neither in this file nor in the store"
            )


def ask(planning: Planning, known: Known) -> None:
    """Check the file's token, and fetch the fields where an instance of the file needs them."""
    needed = any(known.key in entry.accounts for entry in planning.configuration.instances)
    given = known.entry is not None and bool(known.entry.token)
    if not (given or (needed and known.stored)):
        return
    platform = known.key[0]
    try:
        client = known.client(planning.platforms)
        if given and known.entry:
            owner = _patiently(client.external_id)
            if owner != known.entry.external_id:
                planning.problems.append(
                    f"{known.place}: this token belongs to {_called(platform)} {owner}, the file says"
                    f" {known.entry.external_id}"
                )
                return
        if needed:
            planning.catalogues[known.key] = tuple(_patiently(client.fields))
    except AuthenticationFailed:
        planning.problems.append(
            f"{known.place}: {platform.title} refuses the token; give the account a new one, in the file or"
            " on its page"
        )
    except PermissionMissing as error:
        planning.problems.append(
            f"{known.place}: the token lacks a permission ({error.detail}); grant it in {platform.title}"
        )
    except PlatformError as error:
        planning.problems.append(
            f"{known.place}: {platform.title} can't be asked ({error.detail}); nothing was changed,"
            " try again when it answers"
        )


def _patiently(call: Callable[[], Answer]) -> Answer:
    """A 429 is met by calling again: the client then waits for as long as the platform wants."""
    for _ in range(_TRIES - 1):
        try:
            return call()
        except RateLimited:
            continue
    return call()


def _called(platform: Platform) -> str:
    return "portal" if platform is Platform.HUBSPOT else "organisation"
