"""/instances/NAME/backfill, sweep and reconcile: work on many contacts."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Any

from flask import Response, g, stream_with_context
from flask_smorest import Blueprint, abort

from console import starting, what_if
from console.access import Right
from console.api import bulk_schemas as schemas
from console.api.instances import find
from console.api.problems import NoSuchThing
from console.api.times import moment_or_none
from console.api.tokens import needs
from console.configuration.reading import read
from console.web.site import Console
from consumers.jobs import reconcile
from consumers.jobs.forecast import forecast
from consumers.jobs.pages import Stopped
from core.domain.instances import Instance
from core.platforms.errors import PlatformError
from core.store import jobs

AT = "/instances"


def blueprint(console: Console) -> Blueprint:
    """The routes."""
    part = Blueprint("api_bulk", __name__, description="Work on many contacts of an instance.")
    _backfilling(part, console)
    _comparing(part, console)
    _trying(part, console)
    return part


def _backfilling(part: Blueprint, console: Console) -> None:
    wiring = console.wiring

    @part.route("/<path:name>/backfill", methods=["POST"])
    @needs(Right.CONFIGURE)
    @part.arguments(schemas.StartBackfill)
    @part.response(202, schemas.Backfill)
    def start_backfill(given: dict[str, Any], name: str) -> Any:
        """Carry all existing contacts of the source over, in the background. 409: one is at work already."""
        found = find(console, name)
        job = starting.backfill(wiring, found, g.caller, **given)
        return starting.backfill_document(wiring, found, job)

    @part.route("/<path:name>/backfill", methods=["GET"])
    @needs(Right.VIEW)
    @part.response(200, schemas.Backfill)
    def show_backfill(name: str) -> Any:
        """How the newest backfill stands. 404: there was none."""
        found = find(console, name)
        with wiring.database.reading() as session:
            job = jobs.latest(session, "backfill", found.id)
        if job is None:
            raise NoSuchThing(f"{name} has had no backfill yet")
        return starting.backfill_document(wiring, found, job)

    @part.route("/<path:name>/backfill/dry-run", methods=["POST"])
    @needs(Right.VIEW)
    @part.response(200, schemas.Forecast)
    def forecast_backfill(name: str) -> Any:
        """What a backfill would do to every contact; writes nothing. Answers when all are looked at."""
        found = find(console, name)
        return starting.forecast_document(found, forecast(wiring, found, lambda done, total: None))

    @part.route("/<path:name>/sweep", methods=["POST"])
    @needs(Right.CONFIGURE)
    @part.arguments(schemas.StartSweep)
    @part.response(200, schemas.Swept)
    def sweep_instance(given: dict[str, Any], name: str) -> Any:
        """Queue every contact that changed since the watermark, or ``since``; answers when all are queued.
        ``paced`` (with ``since``) leaves it to the scheduler: a job."""
        since_ms = moment_or_none(given["since"], console.now_ms())
        if given["paced"] and since_ms is None:
            abort(422, messages={"since": ["a paced sweep needs the time to look back to"]})
        if given["paced"] and since_ms is not None:
            return {"job": starting.sweep_since(wiring, find(console, name), g.caller, since_ms).id}
        return {"queued": starting.sweep(wiring, find(console, name), g.caller, since_ms).queued}


def _trying(part: Blueprint, console: Console) -> None:
    @part.route("/<path:name>/what-if", methods=["POST"])
    @needs(Right.VIEW)
    @part.arguments(schemas.WhatIf)
    @part.response(200, schemas.Diff)
    def what_if_of_instance(given: dict[str, Any], name: str) -> Any:
        """The last real events planned again, by a configuration's mapping beside the one in use. Writes
        nothing; behind live changes. A configuration of one's own is for those who configure: its filters
        could find out values that a viewer does not see."""
        found, draft = find(console, name), None
        if given["configuration"] is not None:
            if not g.role.may(Right.CONFIGURE):
                abort(403, message="trying a configuration needs the right to configure")
            configuration = read(json.dumps(given["configuration"]), {})
            draft = what_if.of_configuration(console.wiring, found, configuration)
        events, rows = what_if.last_events(console.wiring, found, given["last"])
        told = what_if.compare(console.wiring, found, draft, rows).to_json()
        return {"instance": found.name, "events": events, "contacts": len(rows), **told}


def _comparing(part: Blueprint, console: Console) -> None:
    @part.route("/<path:name>/reconcile", methods=["POST"])
    @needs(Right.CONFIGURE)
    @part.arguments(schemas.Reconcile)
    @part.response(200, schemas.Reconciled)
    def reconcile_instance(given: dict[str, Any], name: str) -> Any:
        """Compare both sides; ``fix`` queues what differs. The contacts come as they are found, the counts
        last; where a platform fails on the way, ``error`` stands in their place. ``paced`` leaves it to the
        scheduler: a job that counts."""
        found = find(console, name)
        if given["paced"]:
            job = starting.compare(console.wiring, found, g.caller, fix=given["fix"])
            return {"instance": found.name, "direction": str(found.direction), "job": job.id}
        if given["fix"]:
            starting.note_reconcile(console.wiring, found, g.caller)
        rows = reconcile.reconcile(console.wiring, found, fix=given["fix"], author=g.caller)
        first = list(_next(rows))  # what fails before anything was told is a problem of its own
        body = stream_with_context(_document(found, chain(first, rows)))
        return Response(body, content_type="application/json")


def _next(rows: Iterator[reconcile.Row]) -> Iterator[reconcile.Row]:
    for row in rows:
        yield row
        return


def _document(instance: Instance, rows: Iterator[reconcile.Row]) -> Iterator[str]:
    counts = Counter(dict.fromkeys((str(state) for state in reconcile.State), 0))
    head = json.dumps({"instance": instance.name, "direction": str(instance.direction)})
    yield f'{head[:-1]}, "contacts": ['
    ending: dict[str, Any] = {"counts": counts}
    try:
        for number, row in enumerate(rows):
            counts[str(row.state)] += 1
            yield ("," if number else "") + "\n" + json.dumps(starting.reconcile_document(row))
    except Stopped:
        ending = {"error": {"code": "", "detail": "somebody paused or stopped its job"}}
    except PlatformError as error:
        ending = {"error": {"code": str(error.code), "detail": str(error)}}
    yield f"\n], {json.dumps(ending)[1:]}\n"
