"""All activity: what became of every change, excluded and unchanged ones too; and its download."""

from collections.abc import Iterator
from typing import Any

from flask import Response, jsonify, redirect, render_template, request, stream_with_context, url_for

from console import timelines
from console.access import Right
from console.activities import COLUMNS, STATES, flat, outcomes_of
from console.downloads import csv_lines, json_lines
from console.web import filtering, outward
from console.web.filtering import Filters
from console.web.pages.sync_log import NEWS, PAGE, form_parts, in_words
from console.web.site import Console, Site, signed_in
from core.store import activity as store
from core.store import instances
from core.store.activity import Search
from core.store.whom import Whom

LARGEST = 100_000  # rows of one download: outcomes are many


def register(site: Site) -> None:
    """For everybody who is signed in."""
    site.route("/activity", activity, Right.VIEW, ("GET", "POST"))
    site.route("/activity/news", activity_news, Right.VIEW)
    site.route("/activity/download", activity_download, Right.VIEW, ("POST",))


def activity(console: Console) -> Any:
    """A page of outcomes, newest first."""
    if request.method == "POST":
        filters = filtering.of_form(request.form, console.now_ms(), signed_in().time_zone)
        if not filters.errors:
            return redirect(url_for("activity", **filters.query()), 303)
    else:
        filters = filtering.of_address(request.args, console.now_ms())
    before = request.args.get("before", 0, int)
    with console.wiring.database.reading() as session:
        rows, older_id = store.page(session, search_of(filters, before_id=before), PAGE)
        newest_id = store.newest_id(session)
        places = outward.places(session, console.wiring.settings)
        known = instances.all_instances(session, deleted=True)
        live = [one.name for one in instances.all_instances(session)]
    names = {one.id: one.name for one in known}
    shown = [
        (
            row,
            timelines.entry_document(row, names),
            places.of(row.instance_id, row.hubspot_id, row.mainstay_id, None),
        )
        for row in rows
    ]
    body = render_template(
        "activity.html",
        shown=[(row, entry, timelines.in_short(entry), contact) for row, entry, contact in shown],
        states=STATES,
        older_id=older_id,
        before=before,
        newest_id=newest_id,
        largest=LARGEST,
        **form_parts(filters, live),
    )
    return body, 400 if filters.errors else 200


def activity_news(console: Console) -> Any:
    """How many outcomes came since ``after``, with the same filters."""
    filters = filtering.of_address(request.args, console.now_ms())
    after = request.args.get("after", 0, int)
    with console.wiring.database.reading() as session:
        found = store.count(session, search_of(filters, after_id=max(after, 1)), NEWS)
    return jsonify({"new": found.number, "more": found.more})


def activity_download(console: Console) -> Any:
    """What the filters show, as a file: the newest hundred thousand rows at most. Noted in the audit log."""
    filters = filtering.of_address(request.form, console.now_ms())
    form = "jsonl" if request.form.get("do") == "jsonl" else "csv"
    told = in_words(filters)
    with console.wiring.database.transaction() as session:
        console.audit(session, "activity.downloaded", form, told)

    def documents() -> Iterator[dict[str, Any]]:
        before, left = 0, LARGEST
        with console.wiring.database.reading() as session:
            names = {one.id: one.name for one in instances.all_instances(session, deleted=True)}
        while left > 0:
            with console.wiring.database.reading() as session:
                rows, before = store.page(session, search_of(filters, before_id=before), min(left, 1_000))
            yield from (timelines.entry_document(row, names) for row in rows)
            left = left - len(rows) if before else 0

    rows = (flat(one) for one in documents())
    lines = csv_lines(COLUMNS, rows) if form == "csv" else json_lines(documents())
    return Response(
        stream_with_context(line.encode() for line in lines),
        content_type="text/csv; charset=utf-8" if form == "csv" else "application/jsonl",
        headers={"Content-Disposition": f'attachment; filename="activity-{console.now_ms() // 1000}.{form}"'},
    )


def search_of(filters: Filters, *, whom: Whom | None = None, before_id: int = 0, after_id: int = 0) -> Search:
    """The store's search of a page's filters. ``whom``: of this contact only."""
    return Search(
        since_ms=filters.since_ms,
        until_ms=filters.until_ms,
        instance=filters.instance,
        direction=filters.direction,
        outcomes=outcomes_of(filters.state),
        code=filters.code,
        contact=filters.contact,
        job_id=int(filters.job or 0),
        whom=whom,
        before_id=before_id,
        after_id=after_id,
    )
