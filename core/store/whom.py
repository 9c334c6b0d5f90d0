"""Whom a look-up is about: a contact by its account, because two portals may give the same id."""

from dataclasses import dataclass

from core.domain.fields import Platform


@dataclass(frozen=True, slots=True)
class Whom:
    """One contact. ``others``: what it is linked with, as (account id, contact id) of the other platform."""

    platform: Platform
    account_id: int
    contact: str
    others: tuple[tuple[int, str], ...] = ()
