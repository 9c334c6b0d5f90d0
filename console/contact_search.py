"""People looking for somebody: contacts of an account by email, phone, name, a piece of these, or any id.

The platforms are asked; nothing is kept. HubSpot has a search. Mainstay has none, only a read by Mainstay ID,
CRM ID or phone; for anything else its list is walked, no further than ``MOST_WALKED``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.domain import phones
from core.domain.contacts import Contact
from core.domain.fields import Platform
from core.domain.instances import Account
from core.platforms.ports import HubSpot, Mainstay

if TYPE_CHECKING:
    from core.wiring import Wiring

LISTED = 25
MOST_WALKED = 2_000  # contacts: about twenty calls
NAMES = {
    Platform.HUBSPOT: ("firstname", "lastname", "email", "phone"),
    Platform.MAINSTAY: ("first_name", "last_name", "email", "phone"),
}
_LEAST_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Found:
    """A contact to choose: its id and how people call it."""

    id: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Search:
    """``walked``: how many contacts were looked through, where that was not all there are; else 0."""

    found: tuple[Found, ...]
    walked: int = 0


def look_for(wiring: "Wiring", account: Account, text: str) -> Search:
    """Contacts of the account that fit; without a text the first ones there are. PlatformError."""
    text = " ".join(text.split())
    if account.platform is Platform.HUBSPOT:
        return Search(_told(_in_hubspot(wiring.hubspot(account), text, wiring.settings.phone_region)))
    found, walked = _in_mainstay(wiring.mainstay(account), text, wiring.settings.phone_region)
    return Search(_told(found), walked)


def _in_hubspot(client: HubSpot, text: str, region: str) -> Iterable[Contact]:
    names = list(NAMES[Platform.HUBSPOT])
    if not text:
        return client.list_page(names).contacts
    answers = {}
    if text.isdecimal() and len(text) < 20:
        answers = client.read([text], names)
    if "@" in text:
        answers |= client.read_by("email", [text], names)
    found = [one for one in answers.values() if isinstance(one, Contact)]
    if found and "@" in text:
        return found
    return [*found, *client.search_text(_national(text, region) or text, names, LISTED)]


def _in_mainstay(client: Mainstay, text: str, region: str) -> tuple[Iterable[Contact], int]:
    if not text:
        return client.modified_page(0).contacts, 0
    national = _national(text, region)
    if "@" not in text and (national or " " not in text):
        answers = client.get(list(filter(None, dict.fromkeys([text, national]))))
        found = [one for one in answers.values() if isinstance(one, Contact)]
        if found:
            return found, 0
    return _walk(client, _test(text, Platform.MAINSTAY))


def _walk(client: Mainstay, fits: Callable[[Contact], bool]) -> tuple[list[Contact], int]:
    """Those of the list that fit, and how far it was walked where that is not to its end."""
    found: list[Contact] = []
    walked, cursor = 0, ""
    while True:
        page = client.modified_page(0, cursor)
        walked, cursor = walked + len(page.contacts), page.cursor
        found += filter(fits, page.contacts)
        if not cursor:
            return found, 0
        if len(found) >= LISTED or walked >= MOST_WALKED:
            return found, walked


def _national(text: str, region: str) -> str:
    """The area code and local number of a text that is a phone, else empty."""
    phone = phones.e164(text, region)
    digits = phones.national_digits(phone) if phone else None
    return digits or ""


def _test(text: str, platform: Platform) -> Callable[[Contact], bool]:
    """Whether name, email, phone or id hold the text."""
    wanted, digits = text.casefold(), "".join(filter(str.isdigit, text))
    of_phone = len(digits) >= _LEAST_DIGITS and not any(map(str.isalpha, text))

    def fits(one: Contact) -> bool:
        first, last, email, phone = _words(one, platform)
        if wanted in f"{first} {last}".casefold() or wanted in f"{last}, {first}".casefold():
            return True
        if wanted in email.casefold() or wanted in (one.id.casefold(), one.crm_id.casefold()):
            return True
        return of_phone and digits in "".join(filter(str.isdigit, phone))

    return fits


def _words(one: Contact, platform: Platform) -> list[str]:
    return [str(one.values.get(name) or "") for name in NAMES[platform]]


def _told(contacts: Iterable[Contact]) -> tuple[Found, ...]:
    unique = {one.id: one for one in contacts}
    return tuple(map(_found, [*unique.values()][:LISTED]))


def _found(one: Contact) -> Found:
    first, last, email, _ = _words(one, one.platform)
    return Found(one.id, f"{first} {last}".strip() or email or one.id, email)
