"""deploy/metrics.md: every metric (name, type, labels and meaning from core/metrics.py; units and the labels'
values from here)."""

from collections.abc import Iterable

from prometheus_client.metrics import MetricWrapperBase

from core import metrics
from core.domain.alerts import Rule
from core.domain.messages import Lane
from core.domain.outcomes import Outcome

_HEAD = """\
# Metrics

Made from the code by `make reference`; don't edit. What to watch of them: [the alert rules](prometheus/crosswalk-rules.yaml)
and [the dashboard](grafana/crosswalk.json); what to do about it: [the runbook](runbook.md#alerts).

`/metrics` of every receiver, and of consumers and schedulers with `--metrics-port`, in Prometheus' text form. Not for
the internet: the example proxies don't pass it on. No label ever holds anything of a contact, not even an id. A process
without `PROMETHEUS_MULTIPROC_DIR` also tells the Python client's own: `python_…`, `process_…`, and when a counter began,
`…_created`.
"""

_STATE = """\
## The state that all processes share

Told by every receiver whenever it is asked, and by every scheduler each five seconds: each tells of the whole
deployment. So take one of them, never their sum: `max by (queue) (crosswalk_queue_depth_messages)`. What no longer
exists is told as 0. Where something could not be read (`crosswalk_shared_known`, `crosswalk_reachable`) the rest is as
it was.
"""

_WORK = """\
## The work done

Each process counts its own, from 0 at its start: take rates and add them up,
`sum by (outcome, code) (rate(crosswalk_outcomes_total[5m]))`. Processes of one machine that share a
`PROMETHEUS_MULTIPROC_DIR` are one target. A histogram has `…_bucket` (with `le`, seconds), `…_sum` and `…_count`.
"""

# Metric → unit, in no order. A test holds it against the metrics that there are.
UNITS = {
    "crosswalk_requests_total": "requests",
    "crosswalk_request_seconds": "seconds",
    "crosswalk_events_total": "events; requests where refused or postponed",
    "crosswalk_messages_published_total": "messages",
    "crosswalk_publish_seconds": "seconds",
    "crosswalk_outcomes_total": "messages",
    "crosswalk_platform_calls_total": "calls",
    "crosswalk_platform_call_seconds": "seconds",
    "crosswalk_change_to_written_seconds": "seconds",
    "crosswalk_alert_messages_total": "messages",
    "crosswalk_held_accounts": "accounts",
    "crosswalk_queue_depth_messages": "messages",
    "crosswalk_queue_oldest_seconds": "seconds",
    "crosswalk_budget_used_calls": "calls",
    "crosswalk_budget_limit_calls": "calls",
    "crosswalk_budget_paused_seconds": "seconds",
    "crosswalk_webhook_silence_seconds": "seconds",
    "crosswalk_access_overdue_seconds": "seconds",
    "crosswalk_sweep_age_seconds": "seconds",
    "crosswalk_running_processes": "processes",
    "crosswalk_needed_processes": "processes",
    "crosswalk_open_alerts": "alerts",
    "crosswalk_reachable": "0 or 1",
    "crosswalk_shared_known": "0 or 1",
}


def _words(values: Iterable[str]) -> str:
    return ", ".join(f"`{one}`" for one in values)


# Label → its values. The same test: a new label is written down here, or the build fails.
LABELS = {
    "account": "an account's name in the console and the configuration",
    "budget": "`calls`; on HubSpot also `search`, which has a limit of its own",
    "code": "a code of the [runbook](runbook.md#codes); of outcomes also empty",
    "direction": "`incoming`, `outgoing`; `account`: deletions, merges and restores of a HubSpot account",
    "endpoint": "the route, e.g. `/webhooks/hubspot`; `other` where none fits",
    "kind": "`email`, `webhook`",
    "lane": _words(Lane),
    "operation": "the call in our words, e.g. `search`",
    "outcome": _words(Outcome),
    "part": "`database`, `queue`, and `redis` where it is used",
    "platform": "`hubspot`, `mainstay`",
    "queue": "`incoming.7`, `outgoing.8` (an instance's id), `account.1` (a HubSpot account's), `retry` (waiting for"
    " another try), `dead.incoming`, `dead.outgoing`, `dead.account` (dead letters)",
    "reason": "one of the receiver's words, e.g. `other-object`; empty where accepted",
    "result": "of a publish: `confirmed`, `unconfirmed`; of a message about alerts: `sent`, `failed` (it is tried"
    " again), `given-up`",
    "role": "`web`, `console`, `incoming`, `outgoing`, `scheduler`",
    "rule": "a rule of the console's alerts: " + _words(Rule),
    "status": "the HTTP status; of calls `0`: no answer",
    "verdict": "`accepted`, `unwanted`, `unreadable`; of whole requests: `refused`, `postponed` (503)",
    "what": "`gauges`",
}


def known() -> list[MetricWrapperBase]:
    """All metrics, in the order of their file."""
    return [one for one in vars(metrics).values() if isinstance(one, MetricWrapperBase)]


def name_of(metric: MetricWrapperBase) -> str:
    """Its name as Prometheus has it; a histogram's without ``_bucket`` and its like."""
    (told,) = metric.describe()
    return f"{told.name}_total" if told.type == "counter" else str(told.name)


def labels_of(metric: MetricWrapperBase) -> tuple[str, ...]:
    """Its labels' names."""
    return tuple(metric._labelnames)  # the library has no other way to ask


def page() -> str:
    """The page, Markdown."""
    gauges = [one for one in known() if _type(one) == "gauge"]
    others = [one for one in known() if _type(one) != "gauge"]
    lines = [_HEAD, _WORK, *_table(others), "", _STATE, *_table(gauges), ""]
    lines += ["## Labels", "", "| label | values |", "|---|---|"]
    lines += [f"| `{label}` | {values} |" for label, values in sorted(LABELS.items())]
    return "\n".join([*lines, ""])


def _type(metric: MetricWrapperBase) -> str:
    (told,) = metric.describe()
    return str(told.type)


def _table(some: Iterable[MetricWrapperBase]) -> list[str]:
    lines = ["| metric | type | unit | labels | meaning |", "|---|---|---|---|---|"]
    for metric in some:
        (told,) = metric.describe()
        name, labels = name_of(metric), ", ".join(f"`{one}`" for one in labels_of(metric))
        lines.append(f"| `{name}` | {told.type} | {UNITS[name]} | {labels} | {told.documentation} |")
    return lines
