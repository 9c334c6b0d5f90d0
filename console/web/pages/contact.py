"""A contact's page: both sides as they are now, what is open, and its timeline with filters and download."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Response, abort, redirect, render_template, request, stream_with_context, url_for

from console import timelines
from console.access import Right
from console.activities import COLUMNS, STATES, flat
from console.contact_links import hubspot_record, mainstay_contact
from console.contacts import reading, rows
from console.contacts.reading import Side, Tie
from console.downloads import csv_lines, json_lines
from console.masking import masked
from console.problems import next_step
from console.timelines import Known, Names
from console.web import filtering
from console.web.filtering import Filters
from console.web.pages.activity import search_of
from console.web.pages.sync_log import form_parts, in_words
from console.web.site import Console, Site, may, signed_in
from consumers.directory import Directory
from core.domain.codes import HELP
from core.domain.fields import Platform
from core.store import activity, audit, sync_log_search
from core.store.sync_log import Search

AT = "/contacts/<platform>/<int:account_id>/<contact_id>"
PAGE = 20  # entries of the timeline
DECIDING = 100  # the newest outcomes tell why each field is what it is
PROBLEMS = 20


def register(site: Site) -> None:
    """For everybody who is signed in; values are masked by role."""
    site.route(AT, contact, Right.VIEW, ("GET", "POST"))
    site.route(f"{AT}/download", contact_download, Right.VIEW, ("POST",))


@dataclass(frozen=True, slots=True)
class Open:
    """The contact that an address names, and what is stored around it."""

    known: Known
    directory: Directory
    names: Names
    ties: list[Tie]

    @property
    def variables(self) -> dict[str, Any]:
        """What its addresses are made from."""
        account = self.known.account
        return {
            "platform": str(account.platform),
            "account_id": account.id,
            "contact_id": self.known.whom.contact,
        }

    def mark(self, console: Console) -> str:
        """How the audit log names it."""
        account = self.known.account
        return audit.contact_mark(console.wiring.digest_key(), account.platform, self.known.whom.contact)


def open_contact(console: Console, platform: str, account_id: int, contact_id: str) -> Open:
    """The contact of an address; 404 where there is no such account or that can be no id."""
    directory = Directory.load(console.wiring)
    account = directory.accounts.get(account_id)
    if account is None or account.platform != platform or not filtering.is_id(contact_id):
        abort(404)
    with console.wiring.database.reading() as session:
        names = timelines.names_of(session)
        known = timelines.known_of(session, names, account, contact_id)
    return Open(known, directory, names, reading.ties_of(directory, known))


def contact(console: Console, platform: str, account_id: int, contact_id: str) -> Any:
    """The page. The filters' POST leads to the address that holds them."""
    opened = open_contact(console, platform, account_id, contact_id)
    if request.method == "POST":
        filters = filtering.of_form(request.form, console.now_ms(), signed_in().time_zone)
        if not filters.errors:
            return redirect(
                url_for("contact", **opened.variables, **filters.query(), _anchor="timeline"), 303
            )
    else:
        filters = filtering.of_address(request.args, console.now_ms())
    own, ties = reading.read_live(console.wiring, opened.directory, opened.known, opened.ties)
    body = render_template(
        "contact.html",
        **shown(console, opened, own, ties),
        **_stored(console, opened, filters),
        states=STATES,
        help=HELP,
        next_step=lambda one: next_step(one.code, one.account_id),
        **form_parts(filters, sorted(one.name for tie in ties for one in tie.instances)),
    )
    return body, 400 if filters.errors else 200


def shown(console: Console, opened: Open, own: Side, ties: list[Tie]) -> dict[str, Any]:
    """The contact's head and both sides' values, masked for those who may not see more."""
    personal = may(Right.PERSONAL)
    with console.wiring.database.reading() as session:
        newest, _ = activity.page(session, activity.Search(whom=opened.known.whom), DECIDING)
    decisions = timelines.decided(timelines.entry_of(row, opened.names) for row in newest)
    reader = rows.Reader(console.wiring.digest_key(), console.wiring.settings.phone_region, personal)
    name = own.name or next((tie.other(own.account.platform).name for tie in ties), "")
    return {
        "own": own,
        "ties": [(tie, rows.pairs(tie, reader, decisions)) for tie in ties],
        "name": name if personal else masked(name),
        "personal": personal,
        "variables": opened.variables,
        "out": lambda side: _out(console, side),
        "something": bool(newest or opened.known.links),
    }


def _out(console: Console, side: Side) -> str:
    """Where a side can be opened outside, or empty."""
    if not side.id or side.gone:
        return ""
    settings = console.wiring.settings
    if side.account.platform is Platform.HUBSPOT:
        return hubspot_record(settings, side.account.external_id, side.id)
    return mainstay_contact(settings, side.contact.url if side.contact else None, side.id) or ""


def _stored(console: Console, opened: Open, filters: Filters) -> dict[str, Any]:
    """What is open about the contact, and a page of its timeline."""
    before = request.args.get("before", 0, int)
    with console.wiring.database.reading() as session:
        wanted = search_of(filters, whom=opened.known.whom, before_id=before)
        found, older_id = activity.page(session, wanted, PAGE)
        problems = sync_log_search.page(session, Search(whom=opened.known.whom, open_only=True), PROBLEMS)
        dead = timelines.dead_of(session, opened.names, opened.known.whom)
    entries = [(row, timelines.entry_of(row, opened.names)) for row in found]
    return {
        "entries": [(row, entry, timelines.in_short(entry)) for row, entry in entries],
        "before": before,
        "older_id": older_id,
        "problems": problems.entries,
        "dead": [one for one in dead if one.state == "dead"],
        "live": {
            one.id: one for one in opened.directory.instances.values() if one.id in opened.directory.live
        },
    }


def contact_download(console: Console, platform: str, account_id: int, contact_id: str) -> Any:
    """The timeline as a file, with the page's filters. Noted in the audit log."""
    opened = open_contact(console, platform, account_id, contact_id)
    filters = filtering.of_address(request.form, console.now_ms())
    form = "jsonl" if request.form.get("do") == "jsonl" else "csv"
    with console.wiring.database.transaction() as session:
        console.audit(
            session, "contact.timeline-downloaded", opened.mark(console), [form, *in_words(filters)]
        )

    def documents() -> Iterator[dict[str, Any]]:
        before = 0
        while True:
            wanted = search_of(filters, whom=opened.known.whom, before_id=before)
            with console.wiring.database.reading() as session:
                found, before = activity.page(session, wanted, 1_000)
            yield from (timelines.entry_of(row, opened.names) for row in found)
            if not before:
                return

    table = (flat(one) for one in documents())
    lines = csv_lines(COLUMNS, table) if form == "csv" else json_lines(documents())
    return Response(
        stream_with_context(line.encode() for line in lines),
        content_type="text/csv; charset=utf-8" if form == "csv" else "application/jsonl",
        headers={"Content-Disposition": f'attachment; filename="timeline-{console.now_ms() // 1000}.{form}"'},
    )
