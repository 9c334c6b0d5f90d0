"""Problems: one row per cause; each with its contacts, Try 5 first, Retry all, acknowledge and snooze."""

from typing import Any

from flask import abort, current_app, flash, redirect, render_template, request, url_for

from console import job_views
from console import problems as console_problems
from console.access import Right
from console.job_views import JobView
from console.problems import Button, Problem
from console.times import time_ms, zone_of
from console.web import outward
from console.web.errors import FormErrors
from console.web.site import Console, Site, signed_in
from consumers.jobs import retrying
from consumers.single import Synced
from core.queue.port import QueueUnavailable
from core.store import counts, jobs, sync_log_search
from core.store import problems as store
from core.store.problems import Key
from core.store.sync_log import Search

AT = "/problems/<int:instance_id>/<int:account_id>/<code>"
SHOWN = 25  # contacts of a problem on one page
SNOOZES = {"1h": "for an hour", "4h": "for four hours", "1d": "for a day", "7d": "for a week"}
_HOURS_MS = {"1h": 1, "4h": 4, "1d": 24, "7d": 168}
_DAY_MS = 24 * store.HOUR_MS


def register(site: Site) -> None:
    """Looking is for everybody, trying again for those who triage."""
    site.route("/problems", problems, Right.VIEW)
    site.route(AT, problem, Right.VIEW)
    site.route(f"{AT}/try", try_first, Right.TRIAGE, ("POST",))
    site.route(f"{AT}/retry", retry_all, Right.TRIAGE, ("POST",))
    site.route(f"{AT}/state", change_state, Right.TRIAGE, ("POST",))


def problems(console: Console) -> Any:
    """Every cause with something open: first what needs somebody, then what is looked after or left alone."""
    found = console_problems.every(console.wiring)
    with console.wiring.database.reading() as session:
        contacts = console_problems.affected(session, [one for one in found if one.state == "open"])
        resolved = store.resolved_lately(session, console.now_ms() - _DAY_MS)
        trends = {one.key: store.trend(session, one.key, console.now_ms()) for one in found}
    return render_template(
        "problems.html",
        open_=[one for one in found if one.state == "open"],
        said=[one for one in found if one.state != "open"],
        contacts=contacts,
        resolved=resolved,
        trends=trends,
        leads=leads,
    )


def problem(console: Console, instance_id: int, account_id: int, code: str) -> Any:
    """One cause and its contacts."""
    key = Key(instance_id, account_id, code)
    found = console_problems.one(console.wiring, key)
    if found is None:
        return _over(key)
    return _page(console, found, FormErrors())


def try_first(console: Console, instance_id: int, account_id: int, code: str) -> Any:
    """Sync a handful of its contacts now, and say how each one ended."""
    key = Key(instance_id, account_id, code)
    found = console_problems.one(console.wiring, key)
    if found is None:
        return _over(key)
    if not found.can_retry:
        flash("Its integration is off: switch it on, then try again.", "error")
        return redirect(url_for("problem", **_variables(key)), 303)
    try:
        done = console_problems.try_first(console.wiring, found, signed_in().email)
    except QueueUnavailable:
        flash("The queue does not answer. Try again in a moment.", "error")
        return redirect(url_for("problem", **_variables(key)), 303)
    return _page(console, console_problems.one(console.wiring, key) or found, FormErrors(), done)


def retry_all(console: Console, instance_id: int, account_id: int, code: str) -> Any:
    """Try all of its contacts again, as a job."""
    key = Key(instance_id, account_id, code)
    found = console_problems.one(console.wiring, key)
    if found is None:
        return _over(key)
    if not found.can_retry:
        flash("Its integration is off: switch it on, then try again.", "error")
        return redirect(url_for("problem", **_variables(key)), 303)
    job = console_problems.retry_all(console.wiring, found, signed_in().email)
    flash("All of them are tried again, at the platforms' pace. Who gets through leaves the list.")
    if "job" in current_app.view_functions:
        return redirect(url_for("job", job_id=job.id), 303)
    return redirect(url_for("problem", **_variables(key)), 303)


def change_state(console: Console, instance_id: int, account_id: int, code: str) -> Any:
    """Acknowledge, snooze or reopen."""
    key, do, errors = Key(instance_id, account_id, code), request.form.get("do", ""), FormErrors()
    found = console_problems.one(console.wiring, key)
    if found is None:
        return _over(key)
    who, note = signed_in().email, request.form.get("note", "").strip()
    if do == "acknowledge":
        console_problems.acknowledge(console.wiring, key, who, note)
        flash("Acknowledged: it no longer counts as open. It reopens by itself when it comes back.")
    elif do == "reopen":
        console_problems.reopen(console.wiring, key, who)
        flash("It is open again.")
    elif do == "snooze":
        until_ms, most = _until_ms(console, errors), _most(errors)
        if errors:
            return _page(console, found, errors)
        console_problems.snooze(console.wiring, key, who, until_ms=until_ms, until_contacts=most, note=note)
        flash("Snoozed. It reopens by itself when its time is over or when it has grown.")
    else:
        abort(400)
    return redirect(url_for("problems"), 303)


def leads(problem: Problem) -> tuple[str, str] | None:
    """Where the problem's own button leads, and what it says; None where there is none."""
    account = console_problems.reconnects(problem)
    if problem.button is Button.RECONNECT and account is not None:
        return url_for("account", account_id=account.id), f"Reconnect {account.name}"
    if problem.button is Button.MAPPING and problem.instance is not None:
        return url_for("instance", instance_id=problem.instance.id), "Open the mapping"
    if problem.button is Button.DEAD_LETTERS and "dead_letters" in current_app.view_functions:
        name = problem.instance.name if problem.instance else None
        return url_for("dead_letters", code=problem.key.code, instance=name), "Open the dead letters"
    return None


def _page(
    console: Console, found: Problem, errors: FormErrors, tried: dict[str, Synced] | None = None
) -> Any:
    key = found.key
    wanted = Search(cause=(key.instance_id, key.account_id, key.code), open_only=True)
    with console.wiring.database.reading() as session:
        entries = sync_log_search.page(session, wanted, SHOWN).entries
        trend = store.trend(session, key, console.now_ms())
        places = outward.places(session, console.wiring.settings)
    body = render_template(
        "problem.html",
        one=found,
        entries=[
            (entry, places.of(entry.instance_id, entry.hubspot_id, entry.mainstay_id, entry.url))
            for entry in entries
        ],
        trend=trend,
        tried=[
            (contact, outward.page_of(contact, found.instance.source if found.instance else None), told)
            for contact, told in (tried or {}).items()
        ],
        first=min(console_problems.FIRST, found.group.contacts.number),
        errors=errors,
        given=request.form,
        leads=leads,
        snoozes=SNOOZES,
        variables=_variables(key),
        running=_running(console, key),
        bound=counts.BOUND,
    )
    return body, 400 if errors else 200


def _running(console: Console, key: Key) -> JobView | None:
    """The retry that is at work on it."""
    wanted = jobs.Search(kind=retrying.KIND, instance_id=key.instance_id, limit=5)
    found = job_views.listed(console.wiring.database, wanted)
    return next(
        (one for one in found if one.job.state in jobs.OPEN and one.job.options["code"] == key.code), None
    )


def _over(key: Key) -> Any:
    """Nothing of it is open (any more): say so instead of a 404, since this is what everybody hopes for."""
    flash(f"Nothing is open under {key.code} there any more.")
    return redirect(url_for("problems"), 303)


def _variables(key: Key) -> dict[str, Any]:
    return {"instance_id": key.instance_id, "account_id": key.account_id, "code": key.code}


def _until_ms(console: Console, errors: FormErrors) -> int:
    chosen, now_ms = request.form.get("until", ""), console.now_ms()
    if chosen in _HOURS_MS and not request.form.get("at"):  # whoever types a time means it
        return now_ms + _HOURS_MS[chosen] * store.HOUR_MS
    try:
        at_ms = time_ms(request.form.get("at", ""), now_ms, zone=zone_of(signed_in().time_zone))
    except ValueError:
        at_ms = 0
    if at_ms <= now_ms:
        errors.add("at", "Enter a time to come.")
    return at_ms


def _most(errors: FormErrors) -> int | None:
    text = request.form.get("until_contacts", "").strip()
    if text and not (text.isdecimal() and 0 < int(text) <= counts.BOUND):
        errors.add("until_contacts", f"Enter a number up to {counts.BOUND:,}, or leave it blank.")
        return None
    return int(text) if text else None
