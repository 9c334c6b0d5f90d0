"""API calls of each account against its budget, and what they will come to; webhook requests refused."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from console.health.ranges import Range
from core.domain.instances import Account
from core.domain.silence import Sign
from core.spending import Spending
from core.store.tallies import Count, Kind

WORDS = ("ok", "limited", "failed")


@dataclass(slots=True)
class CallStep:
    """One bar: calls by how they ended."""

    start_ms: int
    words: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class AccountCalls:
    """An account over a range. ``spending`` is empty where the budgets could not be read; ``sign`` is None
    for an account that feeds no enabled instance. ``messages`` ended in the range, ``waiting`` wait now."""

    account: Account
    steps: list[CallStep]
    spending: Sequence[Spending] = ()
    sign: Sign | None = None
    last_hour: int = 0
    busiest_minute: int = 0
    messages: int = 0
    waiting: int = 0

    @property
    def words(self) -> Counter[str]:
        """All steps together."""
        return sum((one.words for one in self.steps), Counter())

    @property
    def per_minute(self) -> float:
        """Calls that the budget allows in a minute, 0 where it is not known."""
        rate = next((one.rate for one in self.spending if one.budget == "calls"), None)
        return 60 * rate.limit / rate.window_s if rate else 0.0

    @property
    def busiest_share(self) -> float | None:
        """How much of the budget the busiest minute of the last hour took, 0 to 1."""
        return min(1.0, self.busiest_minute / self.per_minute) if self.per_minute else None

    @property
    def per_day(self) -> int:
        """Calls a day at the pace of the last hour."""
        return self.last_hour * 24

    @property
    def backlog_s(self) -> float | None:
        """How long what waits needs at least, were the budget all its own; None where that is not known."""
        if not self.waiting or not self.per_minute or not self.messages:
            return None
        calls = self.waiting * self.words.total() / self.messages
        return 60 * calls / self.per_minute


def account_calls(
    known: Sequence[Account],
    counted: Sequence[Count],
    recent: Sequence[Count],
    over: Range,
    now_ms: int,
    spent: Sequence[Spending],
    signs: Mapping[int, Sign],
) -> list[AccountCalls]:
    """Each account's calls. ``counted`` is by the range's steps, ``recent`` the last hour by minutes."""
    since_ms = over.since_ms(now_ms)
    starts = [since_ms + number * over.step_ms for number in range(over.steps)]
    made = {
        one.id: AccountCalls(
            account=one,
            steps=[CallStep(start_ms) for start_ms in starts],
            spending=[budget for budget in spent if budget.account.id == one.id],
            sign=signs.get(one.id),
        )
        for one in known
    }
    for count in counted:
        if count.kind is Kind.CALLS and count.account_id in made:
            steps = made[count.account_id].steps
            steps[(count.start_ms - since_ms) // over.step_ms].words[count.word] += count.count
    for account_id, by_minute in _by_minute(recent).items():
        if account_id in made:
            made[account_id].last_hour = by_minute.total()
            made[account_id].busiest_minute = max(by_minute.values(), default=0)
    return list(made.values())


def _by_minute(recent: Sequence[Count]) -> dict[int, Counter[int]]:
    found: dict[int, Counter[int]] = {}
    for one in recent:
        if one.kind is Kind.CALLS:
            found.setdefault(one.account_id, Counter())[one.start_ms] += one.count
    return found


def refused(counted: Sequence[Count]) -> Counter[str]:
    """Webhook requests that were refused, by ``platform reason``."""
    found: Counter[str] = Counter()
    for one in counted:
        if one.kind is Kind.REFUSED:
            found[one.word] += one.count
    return found
