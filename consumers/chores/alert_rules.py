"""The rules of the alerts: each looks at one thing and returns what it finds. They read, and change nothing.

Titles and texts name instances, accounts, codes and counts; never a contact's value.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.domain.alerts import Finding, Rule
from core.domain.codes import HELP, Code
from core.domain.instances import Account, Instance
from core.domain.messages import Address, Lane
from core.domain.refusals import POSTPONED
from core.gauges import Waiting
from core.signs_of_life import signs
from core.store import accounts, dead_letters, problems, tallies
from core.store.accounts import Hold
from core.store.sealing import Sealer
from core.store.tallies import Kind

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
REFUSED_WITHIN_MS = 15 * MINUTE_MS
LEAST_EXPECTED = 10  # busy minutes of the same hours before, for silence to mean something


@dataclass(frozen=True, slots=True)
class Scene:
    """What the rules look at, as it is at one moment. ``waiting`` None = the queue does not answer;
    ``gone_ms``: since when no consumer of a direction runs, for those that have none."""

    session: Session
    sealer: Sealer
    now_ms: int
    instances: Mapping[int, Instance]
    accounts: Mapping[int, Account]
    holds: Mapping[int, Hold]
    waiting: Waiting | None
    gone_ms: Mapping[str, int]

    def held(self, instance: Instance) -> bool:
        """Whether one of its accounts is held."""
        return instance.hubspot.id in self.holds or instance.mainstay.id in self.holds


Look = Callable[[Scene, int], list[Finding]]


def new_causes(scene: Scene, contacts: int) -> list[Finding]:
    """Causes of the Sync Log with at least so many contacts. What is about an account is a hold's affair."""
    found = []
    for one in problems.groups(scene.session, scene.now_ms):
        if one.key.account_id or one.contacts.number < contacts:
            continue
        instance = scene.instances.get(one.key.instance_id)
        name = instance.name if instance else "a deleted integration"
        code, more = one.key.code, "+" if one.contacts.more else ""
        title = HELP[Code(code)].title if code in list(Code) else code
        plural = "contact" if one.contacts.number == 1 and not more else "contacts"
        step = _given_up(code) or _next_step(code)
        found.append(
            Finding(
                Rule.NEW_CAUSE,
                f"{one.key.instance_id}:{code}",
                f"{title} ({name})",
                f"{one.contacts.number}{more} {plural} of {name} with {code}. {step}",
                f"/help/errors/{code}",
            )
        )
    return found


def holds(scene: Scene, minutes: int) -> list[Finding]:
    """Accounts that are held for so long."""
    return [
        Finding(
            Rule.HELD,
            str(one.account.id),
            f"{one.account.platform.title} account {one.account.name} is held",
            f"{one.code}: {_next_step(one.code)} Its changes wait, none is lost.",
            f"/accounts/{one.account.id}",
        )
        for one in scene.holds.values()
        if scene.now_ms - one.since_ms >= minutes * MINUTE_MS
    ]


def dead(scene: Scene, letters: int) -> list[Finding]:
    """At least so many dead letters of a lane."""
    return [
        Finding(
            Rule.DEAD,
            lane,
            f"Dead letters ({lane})",
            f"{count} wait. Mend the cause, then replay or discard them: `crosswalk dead list`.",
            "/dead-letters",
        )
        for lane, count in sorted(dead_letters.count(scene.session).items())
        if count >= letters
    ]


def backlog(scene: Scene, minutes: int) -> list[Finding]:
    """Enabled instances, not held, whose oldest change waits for so long."""
    found = []
    for one in scene.instances.values():
        address = Address(Lane(one.direction), one.id)
        age_s = scene.waiting.oldest_s.get(address, 0.0) if scene.waiting else 0.0
        if scene.waiting is None or not one.enabled or scene.held(one) or age_s < minutes * 60:
            continue
        found.append(
            Finding(
                Rule.BACKLOG,
                str(one.id),
                f"{one.name} is behind",
                f"{scene.waiting.depths.queues.get(address, 0)} changes wait, the oldest for"
                f" {age_s / 60:.0f} minutes. Do its consumers run, is the rate budget spent?",
                "/health",
            )
        )
    return found


def silence(scene: Scene, hours: int) -> list[Finding]:
    """Accounts that feed an enabled instance and are silent for so long, though they usually are not."""
    sources = {one.source.id for one in scene.instances.values() if one.enabled and not scene.held(one)}
    found = []
    for account_id, sign in signs(scene.session, sources, scene.now_ms).items():
        account = scene.accounts.get(account_id)
        if account is None or not sign.silent(hours * 3600, LEAST_EXPECTED):
            continue
        usual = f"usually one every {sign.usual_s / 60:.0f} min" if sign.usual_s else "usually there are some"
        found.append(
            Finding(
                Rule.SILENCE,
                str(account_id),
                f"No webhook from {account.platform.title} ({account.name})",
                f"None for {sign.gap_s / 3600:.1f} hours; at these hours {usual}. The sweep finds the changes"
                " meanwhile, later. Check the webhook's settings and whether the receiver is reached.",
                f"/accounts/{account_id}",
            )
        )
    return found


def expiring(scene: Scene, minutes: int) -> list[Finding]:
    """OAuth accounts in use whose token ran out so long ago and was not renewed."""
    used = {a for one in scene.instances.values() if one.enabled for a in (one.hubspot.id, one.mainstay.id)}
    found = []
    for account_id in sorted(used - set(scene.holds)):
        overdue_s = accounts.overdue_s(scene.session, scene.sealer, account_id, scene.now_ms)
        # The sweep uses every account each quarter of an hour; a token is renewed when it is used.
        if overdue_s is None or overdue_s < (15 + minutes) * 60:
            continue
        account = scene.accounts[account_id]
        found.append(
            Finding(
                Rule.EXPIRING,
                str(account_id),
                f"The connection to {account.name} could not be renewed",
                "Its access ran out and no new one was had. Reconnect the account before it is held.",
                f"/accounts/{account_id}",
            )
        )
    return found


def refused(scene: Scene, requests: int) -> list[Finding]:
    """At least so many refused webhook requests of a platform within a quarter of an hour. What was only put
    off (503) is none of them: the platform sends it again."""
    recent = tallies.counts(scene.session, scene.now_ms - REFUSED_WITHIN_MS, scene.now_ms + MINUTE_MS)
    told: Counter[str] = Counter()
    for one in recent:
        if one.kind is Kind.REFUSED and one.word.partition(" ")[2] not in POSTPONED:
            told[one.word] += one.count
    found = []
    for platform in sorted({word.partition(" ")[0] for word in told}):
        mine = {
            word.partition(" ")[2]: count for word, count in told.items() if word.startswith(f"{platform} ")
        }
        if sum(mine.values()) >= requests:
            reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(mine.items()))
            found.append(
                Finding(
                    Rule.REFUSED,
                    platform,
                    f"Webhooks of {platform.title()} are refused",
                    f"In the last 15 minutes: {reasons}. Wrong or stale signatures mean another secret,"
                    " another public URL, or a clock that is wrong.",
                    "/health",
                )
            )
    return found


def missing(scene: Scene, minutes: int) -> list[Finding]:
    """Directions with an enabled instance that have had no consumer for so long."""
    needed = {str(one.direction) for one in scene.instances.values() if one.enabled}
    return [
        Finding(
            Rule.MISSING,
            role,
            f"No {role} consumer runs",
            f"Nobody carries {role} changes over; they wait. Start `crosswalk consume {role}`.",
            "/health",
        )
        for role in sorted(needed & scene.gone_ms.keys())
        if scene.now_ms - scene.gone_ms[role] >= minutes * MINUTE_MS
    ]


LOOKS: Mapping[Rule, Look] = {
    Rule.NEW_CAUSE: new_causes,
    Rule.HELD: holds,
    Rule.DEAD: dead,
    Rule.BACKLOG: backlog,
    Rule.SILENCE: silence,
    Rule.EXPIRING: expiring,
    Rule.REFUSED: refused,
    Rule.MISSING: missing,
}


def _given_up(code: str) -> str:
    """What is tried again by itself is a contact's problem only once that is over."""
    over = code in list(Code) and Code(code).retryable
    return "All tries are used up: replay the dead letters once the platform answers." if over else ""


def _next_step(code: str) -> str:
    return HELP[Code(code)].next_step if code in list(Code) else ""
