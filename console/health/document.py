"""Health as plain data, for the API and for `crosswalk health --json`."""

from typing import Any

from console.health.report import Report
from console.times import rfc3339


def document(report: Report) -> dict[str, Any]:
    """{"at", "over", "directions", "queues", "retry", "dead", "accounts", "refused", "components", "marks"}.

    Durations are seconds; null = not known, or nothing happened.
    """
    return {
        "at": rfc3339(report.at_ms),
        "over": report.over.name,
        "directions": [
            {
                "direction": str(one.direction),
                "delay_p50_s": one.delay_s(0.5),
                "delay_p95_s": one.delay_s(0.95),
                "outcomes": dict(one.outcomes),
                "codes": dict(one.codes),
                "repeated_tries": one.tries,
            }
            for one in report.flows
        ],
        "queues": [
            {"name": one.name, "lane": str(one.lane), "waiting": one.waiting, "oldest_s": one.oldest_s}
            for one in report.queues
        ],
        "retry": report.retry,
        "dead": report.dead,
        "accounts": [
            {
                "platform": one.account.platform.title,
                "account": one.account.name,
                "calls": dict(one.words),
                "calls_last_hour": one.last_hour,
                "calls_per_day_forecast": one.per_day,
                "backlog_forecast_s": one.backlog_s,
                "budgets": [
                    {
                        "budget": budget.budget,
                        "used": budget.used,
                        "limit": budget.rate.limit,
                        "window_s": budget.rate.window_s,
                        "paused_s": budget.paused_s,
                    }
                    for budget in one.spending
                ],
                "last_webhook": rfc3339(one.sign.last_ms) if one.sign and one.sign.last_ms else None,
                "usual_webhook_every_s": one.sign.usual_s if one.sign else None,
            }
            for one in report.calls
        ],
        "refused": dict(report.refused),
        "components": [
            {"name": one.name, "works": one.state == "good", "detail": one.detail}
            for one in report.components
        ],
        "marks": [
            {"at": rfc3339(one.at_ms), "action": one.action, "subject": one.subject, "who": one.who}
            for one in report.marks
        ],
    }
