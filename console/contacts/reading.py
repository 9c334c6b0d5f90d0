"""A contact as both platforms have it now. Nothing is kept; a platform that is away is told in words.

What the contact is linked with is read too; where it is linked with nobody, whoever the CRM ID leads to.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from console.timelines import Known
from console.web.words import platform_problem
from consumers.directory import Directory
from consumers.work import MERGED_IDS
from core.coordination.port import CoordinationUnavailable
from core.domain.codes import HELP, Code
from core.domain.contacts import Contact
from core.domain.fields import Platform
from core.domain.instances import Account, Instance
from core.platforms.errors import NotFound, PlatformError
from core.store.links import Link
from core.wiring import Wiring

AGAIN = "Try again in a moment."
_NAMES = {
    Platform.HUBSPOT: ("firstname", "lastname", "email", "phone"),
    Platform.MAINSTAY: ("first_name", "last_name", "email", "phone"),
}


@dataclass(frozen=True, slots=True)
class Side:
    """One side. ``problem``: why it can't be shown, in words. ``gone``: the platform has no such contact.
    ``contact.id`` differs from ``id`` where HubSpot merged it away."""

    account: Account
    id: str = ""
    contact: Contact | None = None
    problem: str = ""
    gone: bool = False

    @property
    def merged_into(self) -> str:
        """The record that this one was merged into, else empty."""
        return self.contact.id if self.contact is not None and self.contact.id != self.id else ""

    @property
    def name(self) -> str:
        """How people call the contact; empty where nobody knows."""
        if self.contact is None:
            return ""
        first, last, email, phone = (
            str(self.contact.values.get(name) or "").strip() for name in _NAMES[self.account.platform]
        )
        return f"{first} {last}".strip() or email or phone


@dataclass(frozen=True, slots=True)
class Tie:
    """The contact between its account and one of the other platform. ``other.id`` is empty where there is no
    counterpart; one without ``link`` was found by the CRM ID. ``instances``: those between the two accounts
    that are not deleted."""

    hubspot: Side
    mainstay: Side
    link: Link | None
    instances: tuple[Instance, ...]

    def side(self, platform: Platform) -> Side:
        """One of the two."""
        return self.hubspot if platform is Platform.HUBSPOT else self.mainstay

    def other(self, platform: Platform) -> Side:
        """The one of the other platform."""
        return self.mainstay if platform is Platform.HUBSPOT else self.hubspot


def ties_of(directory: Directory, known: Known) -> list[Tie]:
    """The contact's ties as they are stored, nothing read yet: one per account that instances or a link pair
    its own with."""
    mine, hubspot = known.account, known.account.platform is Platform.HUBSPOT
    between: dict[int, list[Instance]] = {}
    for one in directory.instances.values():
        if one.id in directory.live and mine.id in (one.hubspot.id, one.mainstay.id):
            between.setdefault(one.mainstay.id if hubspot else one.hubspot.id, []).append(one)
    linked = {(m if hubspot else h).id: link for h, m, link in known.links}
    found = []
    for account_id in sorted({*between, *linked}):
        account, link = directory.accounts[account_id], linked.get(account_id)
        own, other = Side(mine, known.whom.contact), Side(account)
        if link is not None:
            other = Side(account, link.mainstay_id if hubspot else link.hubspot_id)
        pair = (own, other) if hubspot else (other, own)
        found.append(Tie(*pair, link, tuple(between.get(account_id, ()))))
    return found


def read_live(wiring: Wiring, directory: Directory, known: Known, ties: list[Tie]) -> tuple[Side, list[Tie]]:
    """The contact's own side, and its ties with both sides as the platforms answer now."""
    platform, names = known.account.platform, _names(ties)
    own = Side(known.account, known.whom.contact)
    linked = [tie.other(platform) for tie in ties if tie.link is not None]
    with ThreadPoolExecutor(max_workers=1 + len(linked)) as pool:
        reading = pool.submit(_read, wiring, directory, own, names)
        others = [pool.submit(_read, wiring, directory, one, names) for one in linked]
        own = reading.result()
        answers = {one.result().account.id: one.result() for one in others}
        missing = [tie.other(platform).account for tie in ties if tie.link is None]
        looked = [pool.submit(_by_crm_id, wiring, directory, own, account, names) for account in missing]
        answers |= {one.result().account.id: one.result() for one in looked}
    read = []
    for tie in ties:
        other = answers[tie.other(platform).account.id]
        hubspot = platform is Platform.HUBSPOT
        read.append(replace(tie, hubspot=own if hubspot else other, mainstay=other if hubspot else own))
    return own, read


def unread(known: Known, ties: list[Tie]) -> tuple[Side, list[Tie]]:
    """The same as ``read_live``, without asking a platform: ids and links only."""
    return Side(known.account, known.whom.contact), ties


def read_both(wiring: Wiring, directory: Directory, tie: Tie) -> Tie:
    """Both sides of a tie by their ids, with all that instances between the two accounts map."""
    names = _names([tie])
    with ThreadPoolExecutor(max_workers=2) as pool:
        hubspot = pool.submit(_read, wiring, directory, tie.hubspot, names)
        mainstay = pool.submit(_read, wiring, directory, tie.mainstay, names)
        return replace(tie, hubspot=hubspot.result(), mainstay=mainstay.result())


def _names(ties: list[Tie]) -> list[str]:
    """The HubSpot properties to ask for."""
    names = [MERGED_IDS, *_NAMES[Platform.HUBSPOT]]
    for tie in ties:
        for instance in tie.instances:
            names += [row.hubspot.name for row in instance.mapping.rows]
    return list(dict.fromkeys(names))


def _read(wiring: Wiring, directory: Directory, side: Side, names: list[str]) -> Side:
    def ask() -> Side:
        if side.account.platform is Platform.HUBSPOT:
            answer = wiring.hubspot(side.account).read([side.id], names, history=True)[side.id]
        else:
            answer = wiring.mainstay(side.account).get([side.id])[side.id]
            if isinstance(answer, Contact) and answer.id != side.id:
                answer = NotFound(Platform.MAINSTAY, "no contact has this id")  # a phone or a CRM ID did
        if isinstance(answer, NotFound):
            return replace(side, gone=True)
        if isinstance(answer, PlatformError):
            raise answer
        return replace(side, contact=answer)

    return _told(directory, side, ask)


def _by_crm_id(wiring: Wiring, directory: Directory, own: Side, account: Account, names: list[str]) -> Side:
    """Whom the CRM ID leads to on the other side, where no link says it."""
    nobody = Side(account)
    if account.platform is Platform.HUBSPOT:
        crm_id = own.contact.crm_id if own.contact is not None else ""
        return _read(wiring, directory, Side(account, crm_id), names) if crm_id else nobody

    def ask() -> Side:
        answer = wiring.mainstay(account).get([own.id])[own.id]
        if isinstance(answer, Contact) and answer.crm_id == own.id:
            return Side(account, answer.id, answer)
        if isinstance(answer, PlatformError) and not isinstance(answer, NotFound):
            raise answer
        return nobody

    return _told(directory, nobody, ask)


def _told(directory: Directory, side: Side, ask: Callable[[], Side]) -> Side:
    """The answer, or why there is none. An account that is held is not asked."""
    account = side.account
    held = not_asked(directory, account)
    if held:
        return replace(side, problem=held)
    try:
        return ask()
    except PlatformError as error:
        return replace(side, problem=platform_problem(error, AGAIN))
    except CoordinationUnavailable:
        where = f"{account.platform.title} account {account.name}"
        return replace(
            side, problem=f"{where} was not asked: the store of the call budgets does not answer. {AGAIN}"
        )


def not_asked(directory: Directory, account: Account) -> str:
    """Why an account is not asked at the moment (it is held), or empty."""
    hold = directory.holds.get(account.id)
    if hold is None:
        return ""
    why = HELP[Code(hold.code)].title if hold.code in list(Code) else hold.code
    return f"{account.platform.title} account {account.name} is held ({why}), so it is not asked."
