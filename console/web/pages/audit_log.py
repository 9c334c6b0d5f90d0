"""The audit log, for owners: who changed what, newest first; its filters and its download."""

from typing import Any

from flask import Response, redirect, render_template, request, stream_with_context, url_for

from console import audit_log as told
from console.access import Right
from console.downloads import csv_lines, json_lines
from console.web import filtering
from console.web.filtering import Filters
from console.web.pages.sync_log import form_parts, in_words
from console.web.site import Console, Site, signed_in
from core.store import audit, users
from core.store.audit import Search

PAGE = 50
LARGEST = 100_000  # rows of one download


def register(site: Site) -> None:
    """For owners."""
    site.route("/audit", audit_log, Right.OWN, ("GET", "POST"))
    site.route("/audit/download", audit_download, Right.OWN, ("POST",))


def audit_log(console: Console) -> Any:
    """A page of entries; ``before`` goes on with older ones. The form's POST leads to the address that holds
    its filters: users stand there by number, so that no email does."""
    if request.method == "POST":
        filters = filtering.of_form(request.form, console.now_ms(), signed_in().time_zone)
        if not filters.errors:
            return redirect(url_for("audit_log", **filters.query()), 303)
    else:
        filters = filtering.of_address(request.args, console.now_ms())
    before = request.args.get("before", 0, int)
    with console.wiring.database.reading() as session:
        people = users.every(session)
    wanted = _search(console, filters, before)
    with console.wiring.database.reading() as session:
        found = audit.search(session, wanted, PAGE + 1) if wanted else []
    kinds = list(told.KINDS.items())
    if filters.action and filters.action not in told.KINDS:
        kinds.append((filters.action, filters.action))
    body = render_template(
        "audit.html",
        entries=found[:PAGE],
        older=found[PAGE - 1].id if len(found) > PAGE else 0,
        before=before,
        kinds=kinds,
        people=[(str(one.id), one.email) for one in people],
        largest=LARGEST,
        **form_parts(filters, []),
    )
    return body, 400 if filters.errors else 200


def audit_download(console: Console) -> Any:
    """What the filters show, as a file: the newest hundred thousand rows at most. Noted in the log itself."""
    filters = filtering.of_address(request.form, console.now_ms())
    form = "jsonl" if request.form.get("do") == "jsonl" else "csv"
    with console.wiring.database.transaction() as session:
        console.audit(session, "audit.downloaded", form, in_words(filters))
    wanted = _search(console, filters)
    documents = told.documents(console.wiring, wanted, LARGEST) if wanted else iter(())
    lines = csv_lines(told.COLUMNS, map(told.flat, documents)) if form == "csv" else json_lines(documents)
    return Response(
        stream_with_context(line.encode() for line in lines),
        content_type="text/csv; charset=utf-8" if form == "csv" else "application/jsonl",
        headers={"Content-Disposition": f'attachment; filename="audit-{console.now_ms() // 1000}.{form}"'},
    )


def _search(console: Console, filters: Filters, before_id: int = 0) -> Search | None:
    """The store's search; None where nobody has the user's number: then nothing fits."""
    who = ""
    if filters.user:
        with console.wiring.database.reading() as session:
            who = next((one.email for one in users.every(session) if str(one.id) == filters.user), "")
        if not who:
            return None
    return Search(filters.since_ms, filters.until_ms, filters.action, who, before_id)
