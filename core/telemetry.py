"""What the house tells about itself: one log line per fact, and the Prometheus metrics (core/metrics.py).

Called by every process: ``configure_logging`` once at its start, ``log`` and ``record_*`` anywhere outside
``core.domain``. A line has a fixed event name and keys: ids, counts, codes and field names, never a contact's
value. Another library's line is told as its unformatted text, because its arguments may quote one; an
exception as its type and places, never its text.

Metrics add up over processes where PROMETHEUS_MULTIPROC_DIR names a directory (gunicorn's workers, or all
processes of one machine); otherwise each process has its own.
"""

import json
import logging
import os
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TextIO

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Gauge,
    generate_latest,
    multiprocess,
    start_http_server,
)

from core import metrics

Key = str | int | float | bool | None | list[str] | dict[str, int]
Style = Literal["json", "plain"]

_LOGGER = logging.getLogger("crosswalk")


def log(event: str, *, level: int = logging.INFO, error: BaseException | None = None, **keys: Key) -> None:
    """One line: ``log("events.accepted", platform="hubspot", events=3)``. ``error`` adds type and places."""
    if _LOGGER.isEnabledFor(level):
        trace = (type(error), error, error.__traceback__) if error else None
        _LOGGER.log(level, event, extra={"keys": keys}, exc_info=trace)


def configure_logging(role: str, style: Style = "json", stream: TextIO | None = None) -> None:
    """Send every log line of this process to ``stream`` (stdout), as JSON or as lines for people.

    ``role`` is the process's name in the Procfile. Other libraries are heard from WARNING on.
    """
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonLines(role) if style == "json" else PlainLines(role))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    _LOGGER.setLevel(logging.INFO)


def tell_uncaught() -> None:
    """What a thread does not catch is a line like every other: Python's own traceback quotes the exception.
    Called once at a process's start."""

    def tell(thread: threading.ExceptHookArgs) -> None:
        if thread.exc_value is not None and not isinstance(thread.exc_value, SystemExit):
            name = thread.thread.name if thread.thread is not None else ""
            log("thread.failed", level=logging.ERROR, error=thread.exc_value, thread=name)

    threading.excepthook = tell


class JsonLines(logging.Formatter):
    """``{"at", "level", "role", "event", …keys}``; an exception adds ``error`` and ``trace``."""

    def __init__(self, role: str = "web") -> None:
        super().__init__()
        self.role = role

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON, whatever the keys hold."""
        line = {"at": _at(record), "level": record.levelname.lower(), "role": self.role} | _told(record)
        return json.dumps(line, default=lambda value: type(value).__name__)


class PlainLines(logging.Formatter):
    """``14:02:11 incoming outcome instance=7 …``, for a terminal."""

    def __init__(self, role: str = "web") -> None:
        super().__init__()
        self.role = role

    def format(self, record: logging.LogRecord) -> str:
        """One line for people."""
        told = _told(record)
        event = told.pop("event")
        rest = " ".join(f"{name}={value}" for name, value in told.items() if value not in ("", None))
        return f"{datetime.fromtimestamp(record.created).astimezone():%H:%M:%S} {self.role:<9} {event} {rest}"


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _told(record: logging.LogRecord) -> dict[str, object]:
    keys: dict[str, object]
    if record.name == _LOGGER.name:
        keys = {"event": record.getMessage(), **getattr(record, "keys", {})}
    else:
        keys = {"event": "library", "logger": record.name, "text": _library_text(record)}
    if record.exc_info and record.exc_info[0]:
        kind, _, trace = record.exc_info
        keys["error"] = kind.__name__
        keys["trace"] = [
            f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace, limit=-12)
        ]
    return keys


def _library_text(record: logging.LogRecord) -> str:
    """The text without its arguments, which may quote a value; gunicorn's own are about processes."""
    text = str(record.msg)
    if not record.name.startswith("gunicorn"):
        return text[:300]
    if text.startswith(("Invalid request", "Error handling request")):
        return text.partition(":")[0][:60]  # what follows quotes the request
    return record.getMessage()[:300]


# ---- metrics ---------------------------------------------------------------------------------------------

Labels = tuple[str, ...]
_labels_told: dict[Gauge, set[Labels]] = {}


def record_request(endpoint: str, status: int, seconds: float) -> None:
    """An HTTP answer. ``endpoint`` is the route's name, never the path that was asked."""
    metrics.REQUESTS.labels(endpoint, str(status)).inc()
    metrics.REQUEST_S.labels(endpoint).observe(seconds)


def record_events(platform: str, verdict: str, count: int = 1, reason: str = "") -> None:
    """``verdict``: accepted, unwanted or unreadable. ``reason`` is one of the receiver's own words."""
    if count:
        metrics.EVENTS.labels(platform, verdict, reason).inc(count)


def record_published(lanes: Mapping[str, int], seconds: float, *, confirmed: bool) -> None:
    """One publish: how many messages per lane, and how long until the queue confirmed them all or did not."""
    metrics.PUBLISH_S.labels("confirmed" if confirmed else "unconfirmed").observe(seconds)
    for lane, count in lanes.items() if confirmed else ():
        metrics.PUBLISHED.labels(lane).inc(count)


def record_outcome(direction: str, outcome: str, code: str = "", count: int = 1) -> None:
    """How contacts ended: direction (or ``account``), outcome, and the code of contract §7 or empty."""
    metrics.OUTCOMES.labels(direction, outcome, code).inc(count)


def record_call(platform: str, operation: str, status: int | str, seconds: float) -> None:
    """A call to a platform. ``operation`` is the client's word, ``status`` the HTTP status or a word."""
    metrics.CALLS.labels(platform, operation, str(status)).inc()
    metrics.CALLED_S.labels(platform, operation).observe(seconds)


def calls_made() -> dict[str, int]:
    """How many calls this process has made so far, by platform."""
    made: dict[str, int] = {}
    for metric in metrics.CALLS.collect():
        for sample in metric.samples:
            if sample.name.endswith("_total"):
                platform = sample.labels["platform"]
                made[platform] = made.get(platform, 0) + int(sample.value)
    return made


def record_written(direction: str, seconds_since_change: float) -> None:
    """A change reached the target that many seconds after the platform says it happened."""
    metrics.WRITTEN_S.labels(direction).observe(max(0.0, seconds_since_change))


def record_held(holds: Iterable[tuple[str, str]]) -> None:
    """The accounts that are held now: platform and code of each."""
    _tell(metrics.HELD, Counter(holds).items())


def record_depths(queues: Mapping[str, int], oldest_s: Mapping[str, float] | None = None) -> None:
    """How much waits where now, by queue (``incoming.7``, ``retry``, ``dead.incoming``), all at once."""
    oldest_s = oldest_s or {}
    _tell(metrics.DEPTH, (((name,), depth) for name, depth in queues.items()))
    _tell(metrics.OLDEST_S, (((name,), oldest_s.get(name, 0.0)) for name in queues))


def record_budgets(budgets: Mapping[tuple[str, str, str], tuple[int, int, float]]) -> None:
    """How much of each rate budget's window is taken now: (platform, account, ``calls`` or ``search``) →
    (used, limit, seconds of pause)."""
    for place, gauge in enumerate((metrics.BUDGET_USED, metrics.BUDGET_LIMIT, metrics.BUDGET_PAUSED_S)):
        _tell(gauge, ((labels, figures[place]) for labels, figures in budgets.items()))


def record_silences(seconds: Mapping[tuple[str, str], float]) -> None:
    """So long ago each (platform, account) sent its last webhook event."""
    _tell(metrics.SILENCE_S, seconds.items())


def record_access(overdue_s: Mapping[tuple[str, str], float]) -> None:
    """So long ago each (platform, account)'s access ran out, 0 if it is good."""
    _tell(metrics.ACCESS_OVERDUE_S, overdue_s.items())


def record_sweeps(age_s: Mapping[str, float]) -> None:
    """So long ago the last sweep of each instance's queue got through."""
    _tell(metrics.SWEEP_AGE_S, (((queue,), seconds) for queue, seconds in age_s.items()))


def record_processes(running: Mapping[str, int], needed: Iterable[str]) -> None:
    """How many processes of each role run now, and which roles are needed."""
    needed = set(needed)
    roles = set(running) | needed
    _tell(metrics.RUNNING, (((role,), running.get(role, 0)) for role in roles))
    _tell(metrics.NEEDED, (((role,), 1) for role in needed))


def record_open_alerts(rules: Mapping[str, int]) -> None:
    """How many alerts of each of the console's rules are open."""
    _tell(metrics.OPEN_ALERTS, (((rule,), count) for rule, count in rules.items()))


def record_reachable(part: str, answered: bool) -> None:
    """Whether the ``database``, the ``queue`` or ``redis`` answered just now."""
    metrics.REACHABLE.labels(part).set(int(answered))


def _tell(gauge: Gauge, values: Iterable[tuple[Labels, float]]) -> None:
    """All of a gauge at once. Labels can't be taken back over processes: what vanished is told as 0."""
    before, now = _labels_told.get(gauge, set()), dict(values)
    for labels in before - set(now):
        gauge.labels(*labels).set(0)
    for labels, value in now.items():
        gauge.labels(*labels).set(value)
    _labels_told[gauge] = before | set(now)


def record_notice(kind: str, result: str) -> None:
    """A message about alerts: ``email`` or ``webhook``; sent, failed (it is tried again) or given-up."""
    metrics.NOTICES.labels(kind, result).inc()


def record_shared_known(known: bool) -> None:
    """Whether what all processes share could be read just now."""
    metrics.SHARED.labels("gauges").set(int(known))


def metrics_page() -> tuple[bytes, str]:
    """The metrics in Prometheus' text form, and their content type, of all processes of a directory."""
    directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR")  # noqa: TID251 - prometheus_client's own switch
    if not directory:
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    forget_dead_processes(Path(directory), live_only=True)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=directory)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST


def serve_metrics(port: int, host: str = "127.0.0.1") -> None:
    """Serve ``/metrics`` from a thread of this process, for those that speak no HTTP otherwise.

    OSError where the port is taken. Under PROMETHEUS_MULTIPROC_DIR it is the page of all its processes.
    """
    directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR")  # noqa: TID251 - prometheus_client's own switch
    registry = REGISTRY
    if directory:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry, path=directory)  # type: ignore[no-untyped-call]
    start_http_server(port, addr=host, registry=registry)


def forget_dead_processes(directory: Path, *, live_only: bool) -> None:
    """Remove what ended processes left behind: only gauges of the moment, or (at a start) everything."""
    for path in directory.glob("gauge_live*_*.db" if live_only else "*.db"):
        pid = path.stem.rpartition("_")[2]
        if not pid.isdigit() or int(pid) == os.getpid() or _alive(int(pid)):
            continue
        path.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
