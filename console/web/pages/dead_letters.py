"""Dead letters: groups by cause, the list with its filters and download, and one letter with what was tried.

What is done about them is in ``dead_letter_actions``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from flask import Response, abort, redirect, render_template, request, stream_with_context, url_for

from console import dead_letters as letters
from console.access import Right
from console.downloads import csv_lines, json_lines
from console.web import filtering, outward
from console.web.filtering import Filters
from console.web.outward import Contact, Places
from console.web.pages.sync_log import PAGE, form_parts, in_words
from console.web.site import Console, Site, signed_in
from core.domain.codes import HELP, Code
from core.domain.fields import Platform
from core.store import dead_letters as store
from core.store import instances, jobs, outcomes, staleness
from core.store.dead_letters import DeadLetter, Search

STATES = {"": "Waiting for somebody", "replayed": "Replayed", "discarded": "Discarded", "all": "All"}


def register(site: Site) -> None:
    """Looking is for everybody."""
    site.route("/dead-letters", dead_letters, Right.VIEW, ("GET", "POST"))
    site.route("/dead-letters/download", dead_letters_download, Right.VIEW, ("POST",))
    site.route("/dead-letters/<int:dead_id>", dead_letter, Right.VIEW)


def dead_letters(console: Console) -> Any:
    """The causes, and a page of letters, newest first."""
    if request.method == "POST":
        filters = filtering.of_form(request.form, console.now_ms(), signed_in().time_zone)
        if not filters.errors:
            return redirect(url_for("dead_letters", **filters.query()), 303)
    else:
        filters = filtering.of_address(request.args, console.now_ms())
    before, wanted = request.args.get("before", 0, int), search_of(filters)
    with console.wiring.database.reading() as session:
        page = replace(wanted, before_id=before, limit=PAGE + 1, newest_first=True)
        found = store.search(session, page)
        shown = found[:PAGE]
        groups = store.groups(session, wanted)
        later = staleness.since(session, shown)
        places = outward.places(session, console.wiring.settings)
        names = [one.name for one in instances.all_instances(session)]
    body = render_template(
        "dead_letters.html",
        shown=[(one, contact_of(places, one), letters.out_of_date(later.get(one.id))) for one in shown],
        groups=groups,
        total=sum(one.letters for one in groups),
        before=before,
        older_id=shown[-1].id if len(found) > PAGE else 0,
        states=STATES,
        help=HELP,
        **form_parts(filters, names),
    )
    return body, 400 if filters.errors else 200


def dead_letters_download(console: Console) -> Any:
    """What the filters show, as a file. Noted in the audit log."""
    filters = filtering.of_address(request.form, console.now_ms())
    form = "jsonl" if request.form.get("do") == "jsonl" else "csv"
    with console.wiring.database.transaction() as session:
        console.audit(session, "dead-letters.downloaded", form, in_words(filters))

    def documents() -> Iterator[dict[str, Any]]:
        return map(letters.document, letters.every(console.wiring, search_of(filters)))

    rows = ([one[name] for name in letters.COLUMNS] for one in documents())
    lines = csv_lines(letters.COLUMNS, rows) if form == "csv" else json_lines(documents())
    name = f"dead-letters-{console.now_ms() // 1000}.{form}"
    return Response(
        stream_with_context(line.encode() for line in lines),
        content_type="text/csv; charset=utf-8" if form == "csv" else "application/jsonl",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def dead_letter(console: Console, dead_id: int) -> Any:
    """One letter: what failed, what was tried, what became of its contact since."""
    with console.wiring.database.reading() as session:
        one = store.get(session, dead_id)
        if one is None:
            abort(404)
        generations = store.generations(session, one.message_id)
        ended = outcomes.rows_of(session, [(one.message_id, one.generation)])
        later = staleness.since(session, [one]).get(one.id)
        replays = jobs.search(session, jobs.Search(kind="replay", limit=200))
        contact = contact_of(outward.places(session, console.wiring.settings), one)
        lives = one.instance_id in {each.id for each in instances.all_instances(session)}
    return render_template(
        "dead_letter.html",
        one=one,
        contact=contact,
        lives=lives,
        help=HELP[Code(one.code)],
        next_step=letters.next_step(Code(one.code)),
        queued_for=letters.queued_for(one),
        story=ended[0].story if ended else {},
        generations=generations,
        stale=letters.out_of_date(later),
        later=later,
        running=[job for job in replays if job.state in jobs.OPEN and one.id in job.options.get("ids", ())],
    )


def search_of(filters: Filters) -> Search:
    """The store's search of a page's filters. A bare contact id is looked for on both sides."""
    contact = filters.contact
    contacts = (contact,) if ":" in contact else tuple(f"{one}:{contact}" for one in Platform)
    return Search(
        instance=filters.instance,
        code=filters.code,
        direction=filters.direction,
        since_ms=filters.since_ms,
        until_ms=filters.until_ms,
        contacts=contacts if contact else (),
        state={"": "dead", "all": ""}.get(filters.state, filters.state),
    )


def contact_of(places: Places, one: DeadLetter) -> Contact:
    """Where a letter's contact leads."""
    platform, _, contact_id = one.contact.partition(":")
    given: Mapping[str, str] = {platform: contact_id}
    return places.of(one.instance_id, given.get("hubspot"), given.get("mainstay"), None)
