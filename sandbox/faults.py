"""Faults on demand: rules that spoil chosen calls.

A rule says which calls it meets (method, path, text in path or body), how many to let through first
(``after``), how many to spoil (``times``, ``None`` = until it is removed), and how. ``apply-then-…`` carries
the call out first: the answer is lost, not the write.
"""

import itertools
import re
import threading
from dataclasses import asdict, dataclass, field, fields, replace

from sandbox.messages import JsonObject, Request, Response

GARBAGE = b"<html><body><h1>It works!</h1></body></html>"
ENDINGS = ("timeout", "reset", "garbage", "truncate", "slow", "empty")
_AFTER = "apply-then-"


@dataclass(slots=True)
class FaultRule:
    """One rule. ``delay_s`` is how long "slow" delays and how long "timeout" keeps silent."""

    kind: str
    method: str | None = None
    path: str | None = None
    contains: str | None = None
    account: str | None = None
    times: int | None = None
    after: int = 0
    retry_after_s: float | None = None
    delay_s: float | None = None
    origin: str = "control"
    id: int = 0
    met: int = 0
    spoiled: int = 0
    pattern: re.Pattern[str] | None = field(default=None, repr=False)

    @property
    def applies_first(self) -> bool:
        return self.kind.startswith(_AFTER) or self.kind in ("slow", "truncate")

    @property
    def effect(self) -> str:
        return self.kind.removeprefix(_AFTER)

    def problem(self) -> str | None:
        if self.effect in ENDINGS or re.fullmatch(r"[45]\d\d", self.effect):
            return None
        return f"unknown kind {self.kind!r}"

    def meets(self, request: Request, account: str) -> bool:
        if self.method and self.method.upper() != request.method:
            return False
        if self.account and self.account != account:
            return False
        if self.pattern:
            if not self.pattern.search(request.path):
                return False
        elif request.path.startswith("/oauth/"):
            return False  # a rule for the API leaves the token endpoint alone unless its path says so
        return not self.contains or (
            self.contains in request.path
            or self.contains in request.query_text
            or self.contains.encode() in request.body
        )

    def as_json(self) -> JsonObject:
        shown = asdict(replace(self, pattern=None))
        del shown["pattern"]
        return shown


class FaultBoard:
    """The rules in force, the oldest first; the first one that meets a call spoils it."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, wanted: JsonObject) -> FaultRule:
        """Adds a rule. Raises ``ValueError`` for an unknown kind, key or a bad pattern."""
        known = {f.name for f in fields(FaultRule)} - {"id", "met", "spoiled", "pattern"}
        if unknown := set(wanted) - known:
            raise ValueError(f"unknown keys {sorted(unknown)}, known are {sorted(known)}")
        rule = FaultRule(**{**wanted, "kind": str(wanted.get("kind", ""))})
        if problem := rule.problem():
            raise ValueError(problem)
        try:
            rule.pattern = re.compile(rule.path) if rule.path else None
        except re.error as error:
            raise ValueError(f"bad path pattern: {error}") from error
        with self._lock:
            rule.id = next(self._ids)
            self._rules.append(rule)
        return rule

    def remove(self, rule_id: int | None = None, origin: str | None = None) -> int:
        with self._lock:
            kept = [
                r
                for r in self._rules
                if (rule_id is not None and r.id != rule_id) or (origin and r.origin != origin)
            ]
            removed = len(self._rules) - len(kept)
            self._rules = kept
        return removed

    def rules(self) -> list[FaultRule]:
        return list(self._rules)

    def spoiler_of(self, request: Request, account: str) -> FaultRule | None:
        """The rule that spoils this call; counts it as met."""
        with self._lock:
            for rule in self._rules:
                if rule.times is not None and rule.spoiled >= rule.times:
                    continue
                if not rule.meets(request, account):
                    continue
                rule.met += 1
                if rule.met > rule.after:
                    rule.spoiled += 1
                    return rule
        return None


def spoil(rule: FaultRule, answer: Response, hang_s: float) -> Response:
    """What the caller sees: ``answer`` is the real answer, or the platform's error of that status."""
    effects: dict[str, Response] = {
        "timeout": replace(answer, ending="hang", wait_s=rule.delay_s or hang_s),
        "reset": replace(answer, ending="reset"),
        "garbage": Response(200, GARBAGE, "text/html"),
        "empty": Response(204, b""),
        "truncate": replace(answer, body=answer.body[: len(answer.body) // 2]),
        "slow": replace(answer, wait_s=2.0 if rule.delay_s is None else rule.delay_s),
    }
    if rule.effect in effects:
        return effects[rule.effect]
    if rule.retry_after_s is None:
        return answer
    kept = tuple(header for header in answer.headers if header[0] != "Retry-After")
    return replace(answer, headers=(*kept, ("Retry-After", f"{rule.retry_after_s:g}")))
