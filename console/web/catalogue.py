"""The accounts' fields for the pages: from the kept copy, fetched again when it is old or when asked.

A platform that is away leaves the kept copy and a sentence that says so; nobody loses a draft by that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from console.configuration.platforms import WiredPlatforms
from console.times import span
from core.domain.fields import Field, FieldType, Platform
from core.domain.instances import Account
from core.platforms.errors import AuthenticationFailed, PermissionMissing, PlatformError
from core.store import accounts, catalogues
from core.wiring import Wiring

FRESH_MS = 10 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Fields:
    """An account's fields by name. ``fetched_at_ms`` 0 = never; ``problem`` says why they may be old."""

    account: Account
    by_name: Mapping[str, Field]
    fetched_at_ms: int
    problem: str = ""

    def ordered(self) -> list[Field]:
        """By label, those that can be written first."""
        return sorted(self.by_name.values(), key=lambda one: (bool(one.read_only), one.label.casefold()))


def fields_of(
    wiring: Wiring, account: Account, types: Mapping[str, str] | None = None, *, refresh: bool = False
) -> Fields:
    """The account's fields; ``types`` are the draft's own types for Mainstay's custom fields."""
    with wiring.database.reading() as session:
        kept = catalogues.load(session, account.id)
        stored_types = accounts.field_types(session, account.id)
    now_ms, problem = wiring.clock(), ""
    fields, fetched_at_ms = (kept.fields, kept.fetched_at_ms) if kept else ((), 0)
    if kept is None or refresh or kept.age_ms(now_ms) > FRESH_MS:
        try:
            fields, fetched_at_ms = tuple(_client_fields(wiring, account, stored_types)), now_ms
            with wiring.database.transaction() as session:
                catalogues.save(session, account.id, fields, now_ms)
        except PlatformError as error:
            problem = _told(error, account, now_ms - fetched_at_ms if fetched_at_ms else None)
    by_name = {one.name: _typed(one, types or {}) for one in fields}
    return Fields(account, by_name, fetched_at_ms, problem)


def _client_fields(wiring: Wiring, account: Account, types: Mapping[str, str]) -> list[Field]:
    if account.platform is Platform.HUBSPOT:
        return wiring.hubspot(account).fields()
    token = wiring.stored_credentials(account.id).token
    return WiredPlatforms(wiring).mainstay(account.external_id, token, types).fields()


def _typed(one: Field, types: Mapping[str, str]) -> Field:
    chosen = types.get(one.name.removeprefix("custom."))
    if not one.name.startswith("custom.") or chosen not in list(FieldType):
        return one
    return replace(one, type=FieldType(chosen))


def _told(error: PlatformError, account: Account, age_ms: int | None) -> str:
    title = account.platform.title
    if isinstance(error, AuthenticationFailed):
        what = f"{title} refuses the stored token of {account.name}. Connect the account again."
    elif isinstance(error, PermissionMissing):
        what = f"The token of {account.name} lacks a permission in {title} ({error.detail})."
    else:
        what = f"{title} does not answer at the moment ({error.detail}). Your draft is kept."
    if age_ms is None:
        return f"{what} Its fields can't be listed yet."
    return f"{what} These are its fields of {span(age_ms / 1000)} ago."
