"""What a file would change, before anything is changed. ``carry_out`` (applying.py) does it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from console.configuration.entries import AccountEntry, AccountKey, InstanceEntry
from console.configuration.stored import Stored, StoredAccount
from core.domain.fields import Field
from core.domain.fields import Mapping as FieldMapping
from core.domain.instances import Instance


class Verb(StrEnum):
    """What happens to an account or an instance."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"  # other direction or accounts: the old one is deleted, its messages end as deleted
    DELETE = "delete"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class AccountChange:
    """One account of the file. ``credentials`` are changes for ``accounts.replace_credentials``."""

    verb: Verb
    entry: AccountEntry
    stored: StoredAccount | None
    details: tuple[str, ...] = ()
    credentials: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class InstanceChange:
    """One instance: of the file (``entry``, ``mapping``), or one that is deleted (``stored`` alone)."""

    verb: Verb
    name: str
    stored: Instance | None = None
    entry: InstanceEntry | None = None
    mapping: FieldMapping | None = None
    enabled: bool = False
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes, and what they were planned upon. ``catalogues``: the fields that were fetched."""

    accounts: tuple[AccountChange, ...]
    instances: tuple[InstanceChange, ...]
    stored: Stored
    catalogues: Mapping[AccountKey, tuple[Field, ...]] = field(default_factory=dict, repr=False)

    @property
    def nothing_to_do(self) -> bool:
        """Whether everything is as the file says."""
        verbs = [one.verb for one in self.accounts] + [one.verb for one in self.instances]
        return all(verb is Verb.UNCHANGED for verb in verbs)

    def lines(self) -> list[dict[str, Any]]:
        """Each change as {"what": account | instance, "name", "verb", "details": [sentences]}; no secrets."""
        accounts: list[dict[str, Any]] = [
            {
                "what": "account",
                "name": one.entry.name,
                "platform": one.entry.platform.title,
                "verb": str(one.verb),
                "details": list(one.details),
            }
            for one in self.accounts
        ]
        return accounts + [
            {"what": "instance", "name": one.name, "verb": str(one.verb), "details": list(one.details)}
            for one in self.instances
        ]
