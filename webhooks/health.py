"""What operators and load balancers ask: is the process alive, can it work, what did it count."""

import logging
from collections.abc import Callable
from threading import Condition, Thread

from flask import Response, jsonify

from core.telemetry import log, metrics_page, record_shared_known

BUDGET_S = 3.0  # all checks together; each has a budget of a second of its own


def alive() -> Response:
    """200 while the process answers. Touches nothing."""
    return jsonify(status="alive")


class Metrics:
    """``tell_shared`` sets the gauges of what all processes share; it may be slow, and may fail."""

    def __init__(self, tell_shared: Callable[[], None]) -> None:
        self._tell_shared = tell_shared
        self._changed = Condition()
        self._running = False
        self._known = False

    def page(self) -> Response:
        """Prometheus' text form."""
        with self._changed:
            if not self._running:
                self._running, self._known = True, False
                Thread(target=self._run, name="metrics", daemon=True).start()
            self._changed.wait_for(lambda: not self._running, BUDGET_S)
            record_shared_known(self._known)
        page, content_type = metrics_page()
        return Response(page, content_type=content_type)

    def _run(self) -> None:
        known = False
        try:
            self._tell_shared()
            known = True
        except Exception as error:
            # The page goes without: it has to tell most where something is away.
            log("metrics.incomplete", level=logging.WARNING, why=type(error).__name__)
        with self._changed:
            self._known, self._running = known, False
            self._changed.notify_all()


def _in_public(problem: str) -> str:
    """What anybody may read: the page is passed on by the example proxies, and what a server said (behind the
    colon) may name addresses and users of one's own network. All of it stands in the log."""
    what, said, _ = problem.partition(": ")
    return f"{what}: see the log" if said else what


class Readiness:
    """Runs ``checks`` (name → problem, empty where it is ready) beside the requests, once at a time."""

    def __init__(self, checks: Callable[[], dict[str, str]]) -> None:
        self._checks = checks
        self._changed = Condition()
        self._running = False
        self._problems: dict[str, str] = {}

    def ready(self) -> tuple[Response, int]:
        """200, or 503 where a check has a problem or the checks don't end in time: one member per check."""
        with self._changed:
            if not self._running:
                self._running = True
                Thread(target=self._run, name="readiness", daemon=True).start()
            ended = self._changed.wait_for(lambda: not self._running, BUDGET_S)
            problems = self._problems if ended else {"checks": f"no answer within {BUDGET_S:.0f} seconds"}
        ready = not any(problems.values())
        checks = {name: _in_public(problem) or "ok" for name, problem in problems.items()}
        return jsonify(status="ready" if ready else "not ready", checks=checks), 200 if ready else 503

    def _run(self) -> None:
        try:
            problems = self._checks()
        except Exception as error:
            # A check that fails in its own way is a problem to show, not a dead thread.
            log("readiness.failed", level=logging.ERROR, error=error)
            problems = {"checks": f"failed ({type(error).__name__})"}
        for name, why in problems.items():
            if why:
                log("readiness.problem", level=logging.WARNING, check=name, why=why)
        with self._changed:
            self._problems, self._running = problems, False
            self._changed.notify_all()
