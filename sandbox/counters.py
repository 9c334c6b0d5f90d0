"""What was called, how often, and by which call a contact was written."""

import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass, field

from sandbox.messages import JsonObject

LOG_LENGTH = 20_000


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One API call. ``written`` maps a contact's id to the fields it set, equal values included."""

    number: int
    at_ms: int
    account: str
    operation: str
    method: str
    path: str
    status: int
    contact_ids: list[str]
    written: dict[str, list[str]]
    fault: str | None
    app: str


@dataclass(slots=True)
class AccountCounters:
    """Counts of one portal or organisation."""

    calls: Counter[str] = field(default_factory=Counter)
    contacts: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> JsonObject:
        return {
            "calls": dict(self.calls),
            "contacts": dict(self.contacts),
            "statuses": dict(self.statuses),
            "rate_limited": self.statuses["429"],
            "total_calls": self.calls.total(),
            "total_writes": self.writes.total(),
            "writes_per_contact": dict(self.writes),
        }


class CallRecord:
    """The counters per account and the bounded log of calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self.reset()

    def reset(self) -> None:
        """Forgets counts and log; call numbers go on, so that ``since`` stays valid."""
        with self._lock:
            self._accounts: dict[str, AccountCounters] = {}
            self._log: deque[LoggedCall] = deque(maxlen=LOG_LENGTH)

    def add(self, call: LoggedCall) -> None:
        with self._lock:
            counters = self._accounts.setdefault(call.account, AccountCounters())
            counters.calls[call.operation] += 1
            counters.contacts[call.operation] += len(call.contact_ids)
            counters.statuses[str(call.status) if call.status else "none"] += 1
            counters.writes.update(call.written.keys())
            self._log.append(call)

    def next_number(self) -> int:
        with self._lock:
            self._number += 1
            return self._number

    def counters(self) -> JsonObject:
        with self._lock:
            total = AccountCounters()
            for counters in self._accounts.values():
                total.calls.update(counters.calls)
                total.contacts.update(counters.contacts)
                total.statuses.update(counters.statuses)
                total.writes.update(counters.writes)
            accounts = {key: counters.as_json() for key, counters in self._accounts.items()}
        return {"total": total.as_json(), "accounts": accounts}

    def since(self, number: int) -> JsonObject:
        """Calls after ``number`` (0 = all that the log still holds), oldest first."""
        with self._lock:
            return {
                "last": self._number,
                "calls": [asdict(c) for c in self._log if c.number > number],
            }
