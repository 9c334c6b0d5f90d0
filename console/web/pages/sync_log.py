"""The Sync Log: the table of the help article, its filters, and Download Logs."""

from collections.abc import Iterator
from typing import Any

from flask import Response, jsonify, redirect, render_template, request, stream_with_context, url_for

from console.access import Right
from console.downloads import csv_lines, json_lines
from console.problems import next_step
from console.sync_log import COLUMNS, entry_document, flat
from console.web import filtering, outward
from console.web.filtering import Filters
from console.web.site import Console, Site, signed_in
from core.domain.codes import HELP, Code
from core.store import instances, sync_log_search
from core.store.sync_log import Search

PAGE = 50
NEWS = 100  # "more than 100 new" says enough
STATES = {"open": "Open", "": "All"}


def register(site: Site) -> None:
    """For everybody who is signed in."""
    site.route("/sync-log", sync_log, Right.VIEW, ("GET", "POST"))
    site.route("/sync-log/news", sync_log_news, Right.VIEW)
    site.route("/sync-log/download", download_logs, Right.VIEW, ("GET", "POST"))


def sync_log(console: Console) -> Any:
    """A page of the log. The form's POST leads to the address that holds its filters."""
    if request.method == "POST":
        filters = filtering.of_form(request.form, console.now_ms(), signed_in().time_zone)
        if not filters.errors:
            return redirect(url_for("sync_log", **filters.query()), 303)
    else:
        filters = filtering.of_address(request.args, console.now_ms())
    before = request.args.get("before", 0, int)
    with console.wiring.database.reading() as session:
        page = sync_log_search.page(session, search_of(filters, before_id=before), PAGE)
        newest_id = sync_log_search.newest_id(session)
        places = outward.places(session, console.wiring.settings)
        names = [one.name for one in instances.all_instances(session)]
    shown = [
        (one, places.of(one.instance_id, one.hubspot_id, one.mainstay_id, one.url)) for one in page.entries
    ]
    body = render_template(
        "sync_log.html",
        shown=shown,
        page=page,
        before=before,
        newest_id=newest_id,
        help=HELP,
        next_step=lambda one: next_step(one.code, one.account_id),
        **form_parts(filters, names),
    )
    return body, 400 if filters.errors else 200


def sync_log_news(console: Console) -> Any:
    """How many entries came since ``after``, with the same filters: asked by the page that is looked at."""
    filters = filtering.of_address(request.args, console.now_ms())
    after = request.args.get("after", 0, int)
    with console.wiring.database.reading() as session:
        found = sync_log_search.count(session, search_of(filters, after_id=max(after, 1)), NEWS)
    return jsonify({"new": found.number, "more": found.more})


def download_logs(console: Console) -> Any:
    """Download Logs: choose a time range, see how many entries that is, take them as CSV or JSON Lines."""
    do = request.form.get("do", "")
    if do in ("csv", "jsonl"):
        filters = filtering.of_address(request.form, console.now_ms())
        if not filters.errors:
            return _file(console, filters, do)
    elif request.method == "POST":
        filters = filtering.of_form(request.form, console.now_ms(), signed_in().time_zone)
        if not filters.errors:
            return redirect(url_for("download_logs", **filters.query()), 303)
    else:
        filters = filtering.of_address(request.args, console.now_ms())
    with console.wiring.database.reading() as session:
        count = sync_log_search.count(session, search_of(filters))
        names = [one.name for one in instances.all_instances(session)]
    body = render_template("download_logs.html", count=count, **form_parts(filters, names))
    return body, 400 if filters.errors else 200


def search_of(filters: Filters, *, before_id: int = 0, after_id: int = 0) -> Search:
    """The store's search of a page's filters."""
    return Search(
        since_ms=filters.since_ms,
        until_ms=filters.until_ms,
        instance=filters.instance,
        direction=filters.direction,
        code=filters.code,
        contact=filters.contact,
        text=filters.text,
        open_only=filters.state == "open",
        before_id=before_id,
        after_id=after_id,
    )


def form_parts(filters: Filters, names: list[str]) -> dict[str, Any]:
    """What the filters' form needs."""
    zone = signed_in().time_zone
    return {
        "filters": filters,
        "errors": filters.errors,
        "names": names,
        "codes": [(one, HELP[one].title) for one in Code],
        "presets": filtering.PRESETS,
        "zone": zone,
        "from_input": filtering.local_input(filters.since_ms if filters.range == "between" else None, zone),
        "to_input": filtering.local_input(filters.until_ms, zone),
    }


def in_words(filters: Filters) -> list[str]:
    """What was taken away, for the audit log; a contact's id does not stand there."""
    told = {**filters.query(), **({"contact": "one"} if filters.contact else {})}
    return [f"{name}: {value}" for name, value in told.items()] or ["everything"]


def _file(console: Console, filters: Filters, form: str) -> Response:
    """The file, written while it is read: any length takes the same memory. Noted in the audit log first."""
    told = in_words(filters)
    with console.wiring.database.transaction() as session:
        console.audit(session, "sync-log.downloaded", form, told)

    def documents() -> Iterator[dict[str, Any]]:
        with console.wiring.database.reading() as session:
            for entry in sync_log_search.search(session, search_of(filters)):
                yield entry_document(entry, console.wiring.settings)

    if form == "csv":
        lines, kind = csv_lines(COLUMNS, (flat(one) for one in documents())), "text/csv; charset=utf-8"
    else:
        lines, kind = json_lines(documents()), "application/jsonl"
    name = f"sync-log-{signed_in().id}-{console.now_ms() // 1000}.{form}"
    return Response(
        stream_with_context(_chunks(lines)),
        content_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _chunks(lines: Iterator[str]) -> Iterator[bytes]:
    """Some hundred lines at a time: a write to the network for each line would be the slowest part."""
    kept: list[str] = []
    for line in lines:
        kept.append(line)
        if len(kept) >= 500:
            yield "".join(kept).encode()
            kept.clear()
    yield "".join(kept).encode()
