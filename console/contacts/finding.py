"""Finding somebody by any id, email, phone or name, in every account there is.

The platforms are asked, nothing of it is kept; an id that no platform knows any more is found while we keep
something about it.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from console import contact_search
from console.contacts.reading import AGAIN, not_asked
from console.masking import masked
from console.timelines import Known, known_of, look_up, names_of
from console.web.filtering import is_id
from console.web.words import platform_problem
from consumers.directory import Directory
from core.coordination.port import CoordinationUnavailable
from core.domain.fields import Platform
from core.domain.instances import Account
from core.platforms.errors import PlatformError
from core.wiring import Wiring

LONGEST = 200  # characters of what is looked for
_AT_ONCE = 8  # accounts that are asked side by side


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who fits. ``name`` and ``email`` are masked where the reader may not see more; both are empty
    for one that only we know. ``linked``: (account, id) of its counterparts."""

    account: Account
    id: str
    name: str
    email: str
    linked: tuple[tuple[Account, str], ...] = ()
    kept_only: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Whom a search found, HubSpot's first. ``problems``: accounts that could not be asked, in words.
    ``walked``: see ``contact_search.Search``."""

    candidates: tuple[Candidate, ...] = ()
    problems: tuple[str, ...] = ()
    walked: int = 0

    @property
    def one(self) -> Candidate | None:
        """The one contact that all candidates are, or None."""
        if not self.candidates:
            return None
        first, *others = self.candidates
        same = all((other.account, other.id) in first.linked for other in others)
        return first if same else None

    def to_json(self) -> dict[str, Any]:
        """Everybody as {"platform", "account", "id", "name", "email", "linked", "kept_only"}."""
        return {
            "contacts": [
                {
                    **_where(one.account, one.id),
                    "name": one.name,
                    "email": one.email,
                    "linked": [_where(*other) for other in one.linked],
                    "kept_only": one.kept_only,
                }
                for one in self.candidates
            ],
            "problems": list(self.problems),
            "walked": self.walked,
        }


def tidied(text: str) -> str:
    """What somebody typed, as it is looked for."""
    return " ".join(text.split())[:LONGEST]


def find(wiring: Wiring, text: str, *, personal: bool) -> Answer:
    """Ask every account that is connected."""
    directory = Directory.load(wiring)
    asked = sorted(directory.accounts.values(), key=lambda one: (one.platform, one.name))
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        answers = list(pool.map(lambda account: _ask(wiring, directory, account, text), asked))
    found = [
        (account, one) for account, (search, _) in zip(asked, answers, strict=True) for one in search.found
    ]
    kept = _kept(wiring, text, {(account.id, one.id) for account, one in found})
    with wiring.database.reading() as session:
        names = names_of(session)
        known = [known_of(session, names, account, one.id) for account, one in found]
    return Answer(
        tuple(
            Candidate(
                account,
                one.id,
                one.name if personal or one.name == one.id else masked(one.name) or "",
                one.email if personal else masked(one.email) or "",
                _linked(link),
            )
            for (account, one), link in zip(found, known, strict=True)
        )
        + tuple(Candidate(account, text, "", "", kept_only=True) for account in kept),
        tuple(problem for _, problem in answers if problem),
        max((search.walked for search, _ in answers), default=0),
    )


def _where(account: Account, contact: str) -> dict[str, str]:
    return {"platform": str(account.platform), "account": account.name, "id": contact}


def _ask(
    wiring: Wiring, directory: Directory, account: Account, text: str
) -> tuple[contact_search.Search, str]:
    nobody, where = contact_search.Search(()), f"{account.platform.title} account {account.name}"
    held = not_asked(directory, account)
    if held:
        return nobody, held
    try:
        return contact_search.look_for(wiring, account, text), ""
    except PlatformError as error:
        return nobody, f"{where}: {platform_problem(error, AGAIN)}"
    except CoordinationUnavailable:
        return nobody, f"{where} was not asked: the store of the call budgets does not answer. {AGAIN}"


def _kept(wiring: Wiring, text: str, found: set[tuple[int, str]]) -> list[Account]:
    """The accounts under which something is kept about an id that their platform did not find."""
    if not is_id(text):
        return []
    known = look_up(wiring.database, (None, text), limit=1).accounts
    return [account for account in known if (account.id, text) not in found]


def _linked(known: Known) -> tuple[tuple[Account, str], ...]:
    hubspot = known.account.platform is Platform.HUBSPOT
    return tuple(
        (mainstay, link.mainstay_id) if hubspot else (portal, link.hubspot_id)
        for portal, mainstay, link in known.links
    )
