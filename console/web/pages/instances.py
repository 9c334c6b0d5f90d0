"""One integration instance: its page, its switch, its deletion. Editing is the wizard's affair."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for

from console import job_views, missing_fields, overview, switching
from console.access import Right
from console.configuration.problems import Refused
from console.overview import Standing
from console.web import sampling
from console.web.errors import FormErrors
from console.web.site import Console, Site, signed_in
from core.domain.instances import Instance
from core.queue.port import QueueUnavailable
from core.store import instances, jobs

AT = "/integrations/hubspot/instances/<int:instance_id>"


def register(site: Site) -> None:
    """Looking is for everybody, changing for those who configure."""
    site.route(AT, instance, Right.VIEW)
    site.route(f"{AT}/switch", switch, Right.CONFIGURE, ("POST",))
    site.route(f"{AT}/enable", enable, Right.CONFIGURE, ("GET", "POST"))
    site.route(f"{AT}/delete", delete, Right.CONFIGURE, ("GET", "POST"))


def instance(console: Console, instance_id: int) -> Any:
    """What it carries over, for whom, and how it stands."""
    found = standing_or_404(console, instance_id)
    with console.wiring.database.reading() as session:
        versions = instances.versions(session, instance_id)
    asked_for = jobs.Search(instance_id=instance_id, without=("sweep",), limit=5)
    return render_template(
        "instance.html",
        standing=found,
        instance=found.instance,
        versions=versions,
        gone=missing_fields.missing(console.wiring, [found.instance]).get(instance_id, []),
        jobs=job_views.listed(console.wiring.database, asked_for),
    )


def switch(console: Console, instance_id: int) -> Any:
    """The toggle. Off acts at once; on asks first which contacts shall be carried over."""
    found = standing_or_404(console, instance_id).instance
    if request.form.get("to") == "on":
        return redirect(url_for("enable", instance_id=instance_id), 303)
    if switching.disable(console.wiring, found, signed_in().email):
        flash(
            f"{found.name} is off. Changes are not carried over meanwhile; waiting ones end as disabled."
            " Switching it on again offers to look for what changed."
        )
    return redirect(url_for("hubspot"), 303)


def enable(console: Console, instance_id: int) -> Any:
    """The first time: only changes from now, or existing contacts too. Later: what changed meanwhile."""
    standing = standing_or_404(console, instance_id)
    found, errors = standing.instance, FormErrors()
    if found.enabled:
        flash(f"{found.name} is on.")
        return redirect(url_for("hubspot"), 303)
    if request.method == "POST":
        if _enable(console, standing, errors):
            return redirect(url_for("hubspot"), 303)
    sample = sampling.count(console.wiring, found) if request.args.get("sample") else None
    page = render_template(
        "enable.html", standing=standing, instance=found, errors=errors, sample=sample, since=request.form
    )
    return page, 400 if errors else 200


def delete(console: Console, instance_id: int) -> Any:
    """Says what goes and what stays; where something waits, the name is to be typed."""
    standing = standing_or_404(console, instance_id)
    found, errors = standing.instance, FormErrors()
    if request.method == "POST":
        if standing.waiting and request.form.get("name", "").strip() != found.name:
            errors.add("name", f"Type the name as it is written: {found.name}")
        else:
            switching.delete(console.wiring, found, signed_in().email)
            flash(f"{found.name} is deleted. Its links and its log stay.")
            return redirect(url_for("hubspot"), 303)
    page = render_template("delete.html", standing=standing, instance=found, errors=errors)
    return page, 400 if errors else 200


def standing_or_404(console: Console, instance_id: int) -> Standing:
    """The instance with its state; 404 where there is none."""
    found = overview.standing(console.wiring, instance_id)
    if found is None:
        abort(404)
    return found


def _enable(console: Console, standing: Standing, errors: FormErrors) -> bool:
    """Do what was chosen; False with errors."""
    since, most = request.form.get("since", ""), request.form.get("max_creates", "").strip()
    if since not in ("now", "all") and not (since == "off" and standing.times.disabled_at_ms):
        errors.add("since", "Choose which contacts shall be carried over.")
    if since == "all" and most and not (most.isdecimal() and 0 < int(most) < 10_000_000):
        errors.add("max_creates", "Enter a number, such as 500, or leave it blank.")
    if errors:
        return False
    with console.wiring.database.reading() as session:
        missed_since_ms = switching.missed_since_ms(session, standing.instance.id)
    try:
        switching.enable(
            console.wiring,
            standing.instance,
            signed_in().email,
            since_ms=missed_since_ms if since == "off" else None,
            existing=since == "all",
            max_creates=int(most) if since == "all" and most else None,
        )
    except Refused as refused:
        for problem in refused.problems:
            errors.add("", problem[:1].upper() + problem[1:] + ".")
        return False
    except QueueUnavailable:
        errors.add("", "The queue does not answer, so nothing was changed. Try again in a moment.")
        return False
    flash(_enabled(standing.instance, since))
    return True


def _enabled(found: Instance, since: str) -> str:
    told = {
        "now": "Changes from now on are carried over.",
        "all": "Existing contacts are queued now, in the background; live changes go first.",
        "off": "What changed while it was off is queued now.",
    }
    return f"{found.name} is on. {told[since]}"
