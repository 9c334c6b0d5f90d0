"""Problems as people meet them: one per cause, with who acts, the next step, and what can be done about it.

Used by the console, the API and the command line alike.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from console.dead_letters import USED_UP
from console.times import rfc3339
from consumers import single
from consumers.jobs import retrying
from consumers.single import Synced
from core.domain.codes import HELP, Code, Help, Who
from core.domain.fields import Platform
from core.domain.instances import Account, Instance
from core.store import accounts, audit, instances, problems
from core.store.counts import Count
from core.store.jobs import Job
from core.store.problems import Group, Key, State

if TYPE_CHECKING:
    from core.wiring import Wiring

FIRST = 5  # contacts that are tried before all
FIRST_PATIENCE_S = 20.0
WAITS = "Nothing to do: its changes wait, and go on by themselves when the platform answers."
_CONNECTION = frozenset({Code.AUTHENTICATION_FAILED, Code.PERMISSION_MISSING})
_MAPPING = frozenset({Code.MISSING_FIELD, Code.READ_ONLY_FIELD, Code.UNKNOWN_OPTION, Code.INVALID_VALUE})


class Acts(StrEnum):
    """Who acts on a problem now, in a table's words."""

    YOU = "Needs you"
    PLATFORM = "Needs a HubSpot or Mainstay admin"
    ITSELF = "Retrying itself"
    OPERATOR = "For operators"


class Button(StrEnum):
    """What helps, beside trying again."""

    RECONNECT = "reconnect"
    MAPPING = "mapping"
    DEAD_LETTERS = "dead-letters"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One cause. ``instance`` None = the account's business; ``account`` is the held one."""

    group: Group
    help: Help
    acts: Acts
    button: Button
    instance: Instance | None
    account: Account | None

    @property
    def key(self) -> Key:
        """What it is known by."""
        return self.group.key

    @property
    def where(self) -> str:
        """The instance's name, else the account's."""
        if self.account is not None:
            return f"{self.account.platform.title} account {self.account.name}"
        return self.instance.name if self.instance else "The account"

    @property
    def can_retry(self) -> bool:
        """Whether its contacts can be tried again from here: through an instance that is on. What was given
        up is replayed from the dead letters, so that none of them stays behind."""
        given_up = self.button is Button.DEAD_LETTERS
        return (
            bool(self.group.contacts) and not given_up and self.instance is not None and self.instance.enabled
        )

    @property
    def next_step(self) -> str:
        """``next_step`` of its entries."""
        return next_step(self.key.code, self.key.account_id)

    @property
    def state(self) -> str:
        """open, acknowledged or snoozed."""
        return self.group.state.state if self.group.state else "open"

    def to_json(self) -> dict[str, Any]:
        """The shape of the API and of ``crosswalk problems --json``."""
        said = self.group.state
        return {
            "instance": self.instance.name if self.instance else None,
            "account": self.account.name if self.account else None,
            "direction": self.group.direction,
            "code": self.key.code,
            "title": self.help.title,
            "contacts": self.group.contacts.number,
            "more": self.group.contacts.more,
            "first_seen": rfc3339(self.group.first_ms),
            "last_seen": rfc3339(self.group.last_ms),
            "who": str(self.acts),
            "next_step": self.next_step,
            "state": self.state,
            "by": said.who if said else None,
            "until": rfc3339(said.until_ms) if said and said.until_ms else None,
            "until_contacts": said.until_contacts if said else None,
            "note": (said.note or None) if said else None,
        }


def every(wiring: "Wiring") -> list[Problem]:
    """All that is open, what needs somebody first, then the newest first."""
    with wiring.database.reading() as session:
        found, known = problems.groups(session, wiring.clock()), _known(session)
        return sorted((_told(one, known) for one in found if _lives(one, known)), key=_order)


def one(wiring: "Wiring", key: Key) -> Problem | None:
    """A single problem, None where nothing of it is open."""
    with wiring.database.reading() as session:
        found = problems.group(session, key, wiring.clock())
        known = _known(session)
        return _told(found, known) if found and _lives(found, known) else None


def affected(session: Session, found: Sequence[Problem]) -> Count:
    """How many contacts the problems affect together."""
    return problems.affected(session, [one.key for one in found])


def named(wiring: "Wiring", code: str, instance: str = "", account: str = "") -> list[Problem]:
    """The open problems of a code, of an instance or an account where one is named."""
    return [
        found
        for found in every(wiring)
        if found.key.code == code
        and (not instance or (found.instance is not None and found.instance.name == instance))
        and (not account or (found.account is not None and found.account.name == account))
    ]


def trend(wiring: "Wiring", key: Key) -> list[int]:
    """New entries per hour, the last 24 hours."""
    with wiring.database.reading() as session:
        return problems.trend(session, key, wiring.clock())


def try_first(wiring: "Wiring", problem: Problem, who: str) -> dict[str, Synced]:
    """Sync the contacts that wait longest, a handful, at once: contact (``platform:ID``) → how it ended."""
    assert problem.instance is not None
    with wiring.database.reading() as session:
        chosen = problems.contacts_of(session, problem.key, limit=FIRST)
    ids = {affected.contact.partition(":")[2]: affected.contact for affected in chosen}
    done = single.sync_some(wiring, problem.instance, list(ids), FIRST_PATIENCE_S)
    with wiring.database.transaction() as session:
        ends = Counter(told.code or told.outcome for told in done.values())
        details = [f"{number} ended as {end}" for end, number in ends.items()]
        audit.record(session, wiring.clock(), who, "problem.tried", _name(problem.key), details)
    return {ids[one]: told for one, told in done.items()}


def retry_all(wiring: "Wiring", problem: Problem, who: str) -> Job:
    """Try every contact of a problem again, as a job at the consumers' pace."""
    job = retrying.begin(wiring, problem.key, who)
    with wiring.database.transaction() as session:
        told = [f"job {job.id}", f"{problem.group.contacts} contacts"]
        audit.record(session, wiring.clock(), who, "problem.retried", _name(problem.key), told)
    return job


def acknowledge(wiring: "Wiring", key: Key, who: str, note: str = "") -> None:
    """Somebody looks after it."""
    _say(wiring, key, State(problems.ACKNOWLEDGED, who, wiring.clock(), note))


def snooze(
    wiring: "Wiring", key: Key, who: str, *, until_ms: int, until_contacts: int | None = None, note: str = ""
) -> None:
    """Leave it alone until a time, or until more contacts than that are affected."""
    said = State(problems.SNOOZED, who, wiring.clock(), note, until_ms, until_contacts)
    _say(wiring, key, said)


def reopen(wiring: "Wiring", key: Key, who: str) -> None:
    """Nobody looks after it any more, nobody leaves it alone."""
    with wiring.database.transaction() as session:
        problems.reopen(session, key)
        audit.record(session, wiring.clock(), who, "problem.reopened", _name(key))


def _say(wiring: "Wiring", key: Key, state: State) -> None:
    details = [
        *([f"until {rfc3339(state.until_ms)}"] if state.until_ms else []),
        *([f"or until more than {state.until_contacts} contacts"] if state.until_contacts else []),
        *([state.note] if state.note else []),
    ]
    with wiring.database.transaction() as session:
        problems.say(session, key, state)
        audit.record(session, state.at_ms, state.who, f"problem.{state.state}", _name(key), details)


def _name(key: Key) -> str:
    return f"{key.code} of {'account ' if key.account_id else 'instance '}{key.account_id or key.instance_id}"


@dataclass(frozen=True, slots=True)
class _Known:
    instances: Mapping[int, Instance]
    accounts: Mapping[int, Account]


def _known(session: Session) -> _Known:
    return _Known(
        {one.id: one for one in instances.all_instances(session)},
        {one.id: one for one in accounts.all_accounts(session)},
    )


def _lives(group: Group, known: _Known) -> bool:
    """A deleted instance's entries stay in the log; nobody has to act on them any more."""
    return not group.key.instance_id or group.key.instance_id in known.instances or group.key.account_id != 0


def _told(group: Group, known: _Known) -> Problem:
    key = group.key
    acts, button = _acts(Code(key.code), held=key.account_id != 0)
    return Problem(
        group,
        HELP[Code(key.code)],
        acts,
        button,
        known.instances.get(key.instance_id),
        known.accounts.get(key.account_id),
    )


def _acts(code: Code, *, held: bool) -> tuple[Acts, Button]:
    if code in _CONNECTION:
        return Acts.YOU, Button.RECONNECT
    if held:
        return Acts.ITSELF, Button.NONE
    if code.retryable or HELP[code].who is Who.OPERATOR:  # in the log only once their tries are used up
        return Acts.OPERATOR, Button.DEAD_LETTERS
    if code in _MAPPING:
        return Acts.YOU, Button.MAPPING
    return Acts.PLATFORM, Button.NONE


def _order(problem: Problem) -> tuple[bool, int, int]:
    ranks = {Acts.YOU: 0, Acts.PLATFORM: 1, Acts.OPERATOR: 2, Acts.ITSELF: 3}
    return (problem.state != "open", ranks[problem.acts], -problem.group.last_ms)


def next_step(code: str, account_id: int = 0) -> str:
    """What to do about an open entry. Mostly the code's own; but what is tried again by itself stands in the
    log only once its tries are used up, or while an account is held."""
    if Code(code).retryable:
        return WAITS if account_id else USED_UP
    return HELP[Code(code)].next_step


def reconnects(problem: Problem) -> Account | None:
    """The account that a new token mends: the held one, else the one that the code speaks of."""
    if problem.account is not None or problem.instance is None:
        return problem.account
    return (
        problem.instance.target
        if problem.instance.target.platform is Platform.HUBSPOT
        else problem.instance.source
    )
