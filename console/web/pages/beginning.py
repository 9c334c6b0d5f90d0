"""Begin a job on an instance: a backfill, a sweep from a time on, a comparison of both sides."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for

from console import starting
from console.access import Right
from console.starting import CannotStart
from console.times import time_ms, zone_of
from console.waiting import waits_for
from console.web import sampling
from console.web.errors import FormErrors
from console.web.filtering import PRESETS
from console.web.pages.instances import AT, standing_or_404
from console.web.site import Console, Site, signed_in
from core.domain.instances import Instance
from core.store.jobs import Job


def register(site: Site) -> None:
    """For those who configure."""
    site.route(f"{AT}/begin", begin_job, Right.CONFIGURE, ("GET", "POST"))


def begin_job(console: Console, instance_id: int) -> Any:
    """Three kinds of work, each with what it does; a backfill's count comes first."""
    found, errors = standing_or_404(console, instance_id).instance, FormErrors()
    if request.method == "POST":
        job = _begun(console, found, errors)
        if job is not None:
            flash("Begun. It goes on by itself; live changes go first.")
            return redirect(url_for("job", job_id=job.id), 303)
    sample = sampling.count(console.wiring, found) if request.args.get("sample") else None
    page = render_template(
        "begin_job.html",
        instance=found,
        errors=errors,
        given=request.form,
        sample=sample,
        presets=PRESETS,
        waits=waits_for(console.wiring, [found]),
    )
    return page, 400 if errors else 200


def _begun(console: Console, found: Instance, errors: FormErrors) -> Job | None:
    """What was asked for, None with errors."""
    who, do = signed_in().email, request.form.get("do", "")
    try:
        if do == "backfill":
            limits = {name: _number(name, errors) for name in ("max_creates", "max_errors")}
            return None if errors else starting.backfill(console.wiring, found, who, **limits)
        if do == "sweep":
            since_ms = _since_ms(console, errors)
            return None if errors else starting.sweep_since(console.wiring, found, who, since_ms)
        if do == "compare":
            return starting.compare(console.wiring, found, who, fix=request.form.get("fix") == "yes")
    except CannotStart as problem:
        errors.add("", f"{str(problem).partition(' (`')[0]}.")
        return None
    abort(400)


def _number(name: str, errors: FormErrors) -> int | None:
    text = request.form.get(name, "").strip()
    if text and not (text.isascii() and text.isdecimal() and 0 < int(text) < 10_000_000):
        errors.add(name, "Enter a number, such as 500, or leave it blank.")
        return None
    return int(text) if text else None


def _since_ms(console: Console, errors: FormErrors) -> int:
    chosen, now_ms = request.form.get("since", ""), console.now_ms()
    at = request.form.get("at", "").strip()  # whoever types a time means it
    text = at or (chosen if chosen in PRESETS else "")
    try:
        at_ms = time_ms(text, now_ms, zone=zone_of(signed_in().time_zone))
    except ValueError:
        at_ms = now_ms
    if at_ms >= now_ms:
        errors.add("at", "Enter a time in the past.")
    return at_ms
