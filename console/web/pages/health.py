"""Health: how long changes take, what waits, what the budgets hold, which parts work.

And /healthz, which load balancers ask: is the process alive? That touches nothing.
"""

from functools import partial
from typing import Any

from flask import jsonify, redirect, render_template, request, url_for

from console.access import Right
from console.health.flow import ORDER, Flow
from console.health.ranges import RANGES, range_of
from console.health.report import Health, Report
from console.web import charts
from console.web.charts import Chart, Line, Series
from console.web.site import Console, Site
from core.domain.fields import Platform
from core.domain.refusals import WORDS

_OUTCOMES = {
    "written": "Written",
    "unchanged": "Unchanged",
    "filtered": "Filtered out",
    "other": "Other",
    "error": "Error",
    "dead": "Dead letter",
}
_CALLS = {"ok": "Answered", "limited": "Limited (429)", "failed": "Failed"}


def register(site: Site) -> None:
    """Health for all who may look; the rest open to everybody."""
    health = Health(site.console.wiring)
    site.route("/health", partial(_page, health, "health.html"), Right.VIEW, endpoint="health")
    site.route("/health/live", partial(_page, health, "health_live.html"), Right.VIEW, endpoint="health_live")
    site.route("/healthz", healthz, None)
    site.route("/favicon.ico", favicon, None)


def _page(health: Health, template: str, console: Console) -> Any:
    """The whole page, or its part that is fetched again; ``over`` is the stretch of time."""
    report = health.report(range_of(request.args.get("over", "")))
    lines = _lines(report)
    return render_template(
        template,
        report=report,
        ranges=RANGES,
        seconds=charts.seconds,
        number=charts.number,
        share=charts.share,
        refusal=_refusal,
        outcome_charts=[_outcome_chart(one, lines) for one in report.flows],
        delay_charts=[_delay_chart(one, lines) for one in report.flows],
        call_charts=[_call_chart(one.steps, lines) for one in report.calls],
    )


def _refusal(counted: str) -> str:
    """``hubspot stale`` in words."""
    platform, _, reason = counted.partition(" ")
    return f"{Platform(platform).title}: {WORDS.get(reason, reason)}"


def _lines(report: Report) -> list[Line]:
    until_ms = report.since_ms + report.over.steps * report.over.step_ms
    return [
        charts.line(
            one.at_ms, report.since_ms, until_ms, "deploy" if one.deploy else "", f"{one.text} ({one.who})"
        )
        for one in reversed(report.marks)
    ]


def _outcome_chart(flow: Flow, lines: list[Line]) -> Chart:
    series = [Series(one, _OUTCOMES[one], [step.outcomes[one] for step in flow.steps]) for one in ORDER]
    return charts.stacked("Changes by outcome", [one.start_ms for one in flow.steps], series, lines)


def _delay_chart(flow: Flow, lines: list[Line]) -> Chart:
    return charts.behind(
        "From change to change",
        [one.start_ms for one in flow.steps],
        [one.delay_s(0.5) for one in flow.steps],
        [one.delay_s(0.95) for one in flow.steps],
        ("Half of them within", "95 % within"),
        lines,
    )


def _call_chart(steps: Any, lines: list[Line]) -> Chart:
    series = [Series(word, title, [step.words[word] for step in steps]) for word, title in _CALLS.items()]
    return charts.stacked("API calls", [one.start_ms for one in steps], series, lines)


def healthz(console: Console) -> Any:
    """200 while the process answers."""
    return jsonify(status="alive")


def favicon(console: Console) -> Any:
    """Browsers ask for it whatever the page says."""
    return redirect(url_for("static", filename="icon.svg"), 302)
