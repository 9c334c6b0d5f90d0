"""Every metric there is: name, meaning, labels. deploy/metrics.md is made from here (`make reference`).

Only core/telemetry.py uses these: the rest of the house calls its ``record_*``. Names end in their unit,
counters in ``_total`` (prometheus_client adds it). A label's values are few and known beforehand: routes,
codes, words of ours, names of accounts; never anything of a contact. Each metric has a label: one without
would open its file when it is imported.
"""

from prometheus_client import Counter, Gauge, Histogram

_QUICK_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0)
_CALL_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_AGE_S = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)

REQUESTS = Counter("crosswalk_requests", "HTTP requests answered", ["endpoint", "status"])
REQUEST_S = Histogram("crosswalk_request_seconds", "Time to an answer", ["endpoint"], buckets=_QUICK_S)
EVENTS = Counter(
    "crosswalk_events",
    "Webhook events of authentic requests; a request that was refused or postponed counts as one",
    ["platform", "verdict", "reason"],
)
PUBLISHED = Counter("crosswalk_messages_published", "Messages that the queue confirmed", ["lane"])
PUBLISH_S = Histogram(
    "crosswalk_publish_seconds",
    "Until the queue had confirmed all messages of a request, or had not",
    ["result"],
    buckets=_QUICK_S,
)
OUTCOMES = Counter(
    "crosswalk_outcomes", "Messages that came to their end, by how", ["direction", "outcome", "code"]
)
CALLS = Counter("crosswalk_platform_calls", "Calls to a platform", ["platform", "operation", "status"])
CALLED_S = Histogram(
    "crosswalk_platform_call_seconds", "Time of a call", ["platform", "operation"], buckets=_CALL_S
)
WRITTEN_S = Histogram(
    "crosswalk_change_to_written_seconds",
    "From the change at the source until it was written at the target; not of backfills and the like",
    ["direction"],
    buckets=_AGE_S,
)
HELD = Gauge(
    "crosswalk_held_accounts",
    "Accounts that wait for credentials or for their platform",
    ["platform", "code"],
    multiprocess_mode="livemostrecent",
)
DEPTH = Gauge(
    "crosswalk_queue_depth_messages", "Messages in a queue", ["queue"], multiprocess_mode="livemostrecent"
)
OLDEST_S = Gauge(
    "crosswalk_queue_oldest_seconds",
    "Age of a queue's oldest waiting message; on RabbitMQ since the queue was last seen empty",
    ["queue"],
    multiprocess_mode="livemostrecent",
)
NOTICES = Counter("crosswalk_alert_messages", "Messages about the console's alerts", ["kind", "result"])
BUDGET_USED = Gauge(
    "crosswalk_budget_used_calls",
    "Slots that are taken of a rate budget's running window, those reserved ahead included",
    ["platform", "account", "budget"],
    multiprocess_mode="livemostrecent",
)
BUDGET_LIMIT = Gauge(
    "crosswalk_budget_limit_calls",
    "Slots that a rate budget's window has",
    ["platform", "account", "budget"],
    multiprocess_mode="livemostrecent",
)
BUDGET_PAUSED_S = Gauge(
    "crosswalk_budget_paused_seconds",
    "How long no call of a rate budget may start, because the platform asked for a rest",
    ["platform", "account", "budget"],
    multiprocess_mode="livemostrecent",
)
SILENCE_S = Gauge(
    "crosswalk_webhook_silence_seconds",
    "Time since the last webhook event of an account that feeds an enabled instance",
    ["platform", "account"],
    multiprocess_mode="livemostrecent",
)
ACCESS_OVERDUE_S = Gauge(
    "crosswalk_access_overdue_seconds",
    "How long ago the access of an account in use ran out without being renewed; 0: it is good (OAuth only)",
    ["platform", "account"],
    multiprocess_mode="livemostrecent",
)
SWEEP_AGE_S = Gauge(
    "crosswalk_sweep_age_seconds",
    "Time since the last sweep of an enabled instance got through; 0 while its account is held",
    ["queue"],
    multiprocess_mode="livemostrecent",
)
RUNNING = Gauge(
    "crosswalk_running_processes",
    "Processes that showed themselves within a minute",
    ["role"],
    multiprocess_mode="livemostrecent",
)
NEEDED = Gauge(
    "crosswalk_needed_processes",
    "How many processes are needed at least: a receiver, a scheduler, a consumer for each direction in use",
    ["role"],
    multiprocess_mode="livemostrecent",
)
OPEN_ALERTS = Gauge(
    "crosswalk_open_alerts",
    "What the console's alert rules have found and is not over",
    ["rule"],
    multiprocess_mode="livemostrecent",
)
REACHABLE = Gauge(
    "crosswalk_reachable",
    "1 if a part answered when this page was made, 0 if not",
    ["part"],
    multiprocess_mode="livemostrecent",
)
SHARED = Gauge(
    "crosswalk_shared_known",
    "1 if all shared state could be read for this page; 0: some of it is as it was",
    ["what"],
    multiprocess_mode="livemostrecent",
)
