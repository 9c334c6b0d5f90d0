"""A contact as commands and the API name it, with the account that it is of; and two that are to be one."""

from collections.abc import Iterable
from dataclasses import dataclass

from console import timelines
from console.contact_argument import Named
from console.contacts.linking import Couple
from console.timelines import Known, Names
from console.web.filtering import is_id
from consumers.directory import Directory
from core.domain.fields import Platform
from core.domain.instances import Account
from core.wiring import Wiring


class Unclear(Exception):
    """Nobody can tell which contact is meant. The text says what to write."""


@dataclass(frozen=True, slots=True)
class Meant:
    """The contact, and what is stored around it."""

    known: Known
    directory: Directory
    names: Names


def meant(wiring: Wiring, named: Named, account: str = "") -> Meant:
    """The contact of an id: of the account of that name, else of the one that knows something about the id,
    else of the only one there is. Unclear."""
    platform, contact = named
    _check_id(contact)
    directory = Directory.load(wiring)
    can_be = [
        one
        for one in directory.accounts.values()
        if platform in (None, one.platform) and account in ("", one.name)
    ]
    knowing = timelines.look_up(wiring.database, named, limit=1, account=account).accounts
    found = _one(knowing if len(knowing) == 1 else can_be, account)
    with wiring.database.reading() as session:
        names = timelines.names_of(session)
        return Meant(timelines.known_of(session, names, found, contact), directory, names)


def couple_of(
    directory: Directory, hubspot_id: str, mainstay_id: str, *, hubspot: str = "", mainstay: str = ""
) -> Couple:
    """A HubSpot record and a Mainstay contact. ``hubspot``, ``mainstay``: names of their accounts, which may
    be left out where there is only one. Unclear."""
    _check_id(hubspot_id)
    _check_id(mainstay_id)
    accounts = [
        _one(
            [
                one
                for one in directory.accounts.values()
                if one.platform is platform and name in ("", one.name)
            ],
            name,
        )
        for platform, name in ((Platform.HUBSPOT, hubspot), (Platform.MAINSTAY, mainstay))
    ]
    return Couple(accounts[0], hubspot_id, accounts[1], mainstay_id)


def _one(can_be: Iterable[Account], account: str) -> Account:
    found = list(can_be)
    if not found:
        raise Unclear(f"there is no account {account!r} there" if account else "no account is connected")
    if len(found) > 1:
        names = ", ".join(f"{one.platform.title} account {one.name}" for one in found)
        raise Unclear(f"it can be a contact of {names}: name the platform and the account")
    return found[0]


def _check_id(text: str) -> None:
    if not is_id(text):
        raise Unclear("a contact is named by its id here; find it by email, phone or name first")
