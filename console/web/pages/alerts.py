"""Alerts: what is open, the rules, and whom to tell. All who are signed in look, operators change."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for

from console import alerting
from console.access import Right
from console.web.errors import FormErrors
from console.web.site import Console, Site, may, signed_in
from core.domain.alerts import RULES, Rule, Setting
from core.notifying.problems import NotSent
from core.store import alert_settings, alerts
from core.store.alert_settings import EMAIL

SHOWN = 50


def register(site: Site) -> None:
    """Looking and changing are routes of their own."""
    site.route("/alerts", show_alerts, Right.VIEW, endpoint="alerts")
    site.route("/alerts/rules", set_rules, Right.OPERATE, ("POST",))
    site.route("/alerts/destinations", add_destination, Right.OPERATE, ("POST",))
    site.route("/alerts/destinations/<int:destination_id>", change_destination, Right.OPERATE, ("POST",))


def show_alerts(console: Console) -> Any:
    """The page."""
    return _page(console, FormErrors())


def set_rules(console: Console) -> Any:
    """Every rule, in one form."""
    errors, wanted = FormErrors(), []
    for rule in Rule:
        try:
            threshold = alerting.threshold(request.form.get(f"{rule}-threshold", ""))
        except alerting.Wrong as wrong:
            errors.add(f"{rule}-threshold", f"{RULES[rule].title}: {wrong}")
            continue
        wanted.append(Setting(rule, f"{rule}-on" in request.form, threshold))
    if errors:
        return _page(console, errors), 400
    changed = alerting.set_rules(console.wiring, signed_in().email, wanted)
    flash(f"{len(changed)} rules were changed." if len(changed) != 1 else "One rule was changed.")
    return redirect(url_for("alerts"), 303)


def add_destination(console: Console) -> Any:
    """A new one; a webhook's secret is shown this one time."""
    errors, kind = FormErrors(), request.form.get("kind", "")
    try:
        made = alerting.add(console.wiring, signed_in().email, kind, request.form.get("address", ""))
    except alerting.Wrong as wrong:
        for where, what in wrong.problems.items():
            errors.add(where, what)
        return _page(console, errors), 400
    if not made.secret:
        flash(f"{made.destination.address} will be told. Send a test to see that it arrives.")
        return redirect(url_for("alerts"), 303)
    return _page(console, errors, made=made)


def change_destination(console: Console, destination_id: int) -> Any:
    """A test, on, off, other rules, or away with it."""
    wiring, who, do = console.wiring, signed_in().email, request.form.get("do", "")
    try:
        match do:
            case "test":
                done = alerting.try_out(wiring, who, destination_id)
                note = "The test was taken."
            case "on" | "off":
                done = alerting.change(wiring, who, destination_id, enabled=do == "on")
                note = "Alerts go there again." if do == "on" else "Nothing is sent there any more."
            case "rules":
                rules = [rule for rule in Rule if rule in request.form.getlist("rules")]
                done = alerting.change(
                    wiring, who, destination_id, rules=[] if len(rules) == len(Rule) else rules
                )
                note = "Its rules were changed." if rules else "Without a choice it hears of all rules."
            case "remove":
                done = alerting.remove(wiring, who, destination_id)
                note = "It was removed."
            case _:
                abort(400)
    except NotSent as problem:
        flash(f"The test was not taken: {problem}.", "error")
        return redirect(url_for("alerts"), 303)
    if done is None:
        abort(404)
    flash(note)
    return redirect(url_for("alerts"), 303)


def _page(console: Console, errors: FormErrors, **more: Any) -> str:
    settings = console.wiring.settings
    with console.wiring.database.reading() as session:
        found = alerts.recent(session, limit=SHOWN)
        rules = alert_settings.settings(session)
        # Addresses of colleagues are for those who look after them.
        told = alert_settings.destinations(session) if may(Right.OPERATE) else []
    return render_template(
        "alerts.html",
        open=[one for one in found if one.resolved_at_ms is None],
        resolved=[one for one in found if one.resolved_at_ms is not None],
        rules=[(rules[rule], text) for rule, text in RULES.items()],
        destinations=told,
        email_missing=not (settings.smtp_url and settings.alerts_from)
        and any(one.kind == EMAIL for one in told),
        errors=errors,
        given=request.form,
        **more,
    )
