"""What if: one contact, or the last real events, by an integration's mapping in use or by one's own draft.

Nothing is written. What is typed to find somebody travels in a form's body and stands in no address.
"""

from dataclasses import dataclass
from typing import Any

from flask import abort, redirect, render_template, request, url_for

from console import contact_search, what_if
from console.access import Right
from console.contact_argument import NotTied, on_source, parse
from console.contact_search import Search
from console.masking import masked, masked_preview
from console.web import filtering, row_checks
from console.web.drafting import form_of
from console.web.pages.contact_sync import labels_of
from console.web.pages.wizard import Open, open_draft
from console.web.pages.wizard_mapping import fields_of_both
from console.web.pages.wizard_preview import instance_of
from console.web.site import Console, Site, may, signed_in
from console.web.words import platform_problem
from console.what_if import CHOICES, Cost
from consumers import single
from core.coordination.port import CoordinationUnavailable
from core.domain.codes import HELP
from core.domain.fields import Direction
from core.domain.instances import Instance
from core.platforms.errors import PlatformError
from core.store import drafts, instances

AGAIN = "Try again in a moment."
_AWAY = f"The store of the call budgets does not answer. {AGAIN}"


def register(site: Site) -> None:
    """For everybody who is signed in; values are masked by role, drafts are one's own."""
    site.route("/what-if", what_if_page, Right.VIEW, ("GET", "POST"), endpoint="what_if")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The mapping that is tried: ``live`` is the instance in use (None for one that is not saved yet),
    ``tried`` what a sync would go by. ``value``: the address's. ``problem``: why it can't be tried."""

    value: str
    name: str
    live: Instance | None = None
    tried: Instance | None = None
    draft: Open | None = None
    problem: str = ""

    @property
    def direction(self) -> Direction | None:
        """Known as soon as there is something to try."""
        return self.tried.direction if self.tried is not None else None


def what_if_page(console: Console) -> Any:
    """The choice of a mapping; then a contact, or the last events, beside it."""
    chosen = _chosen(console)
    shown: dict[str, Any] = {"search": None, "text": "", "problem": ""}
    if chosen is not None and chosen.tried is not None:
        if request.method == "POST":
            found = _look_for(console, chosen, chosen.tried)
            if not isinstance(found, dict):
                return found
            shown |= found
        else:
            shown |= _one(console, chosen, chosen.tried)
            shown |= _many(console, chosen)
    return render_template(
        "what_if.html",
        chosen=chosen,
        mappings=_mappings(console),
        costs=_costs(console, chosen),
        help={str(code): told for code, told in HELP.items()},
        personal=may(Right.PERSONAL),
        labels=labels_of(chosen.tried) if chosen is not None and chosen.tried is not None else {},
        **shown,
    )


def _mappings(console: Console) -> list[tuple[str, str]]:
    """(value, words): every integration's own, then one's drafts."""
    with console.wiring.database.reading() as session:
        live = instances.all_instances(session)
        mine = drafts.of_user(session, signed_in().id) if may(Right.CONFIGURE) else []
    told = [(f"live:{one.id}", f"{one.name}: the mapping in use") for one in live]
    for draft in mine:
        form = form_of(draft.document)
        told.append((f"draft:{draft.id}", f"{form.name or 'Without a name yet'}: my draft {draft.id}"))
    return told


def _chosen(console: Console) -> Chosen | None:
    """The mapping of the address; ``of`` is an instance's id, for links. 404 for another's draft."""
    value = request.args.get("mapping", "") or (f"live:{request.args['of']}" if "of" in request.args else "")
    if not value:
        return None
    kind, _, number = value.partition(":")
    if kind not in ("live", "draft") or not (number.isascii() and number.isdecimal() and len(number) < 19):
        abort(404)
    if kind == "draft":
        if not may(Right.CONFIGURE):
            abort(404)
        return _of_draft(console, value, int(number))
    with console.wiring.database.reading() as session:
        found = next((one for one in instances.all_instances(session) if one.id == int(number)), None)
    if found is None:
        abort(404)
    return Chosen(value, found.name, found, found)


def _of_draft(console: Console, value: str, draft_id: int) -> Chosen:
    draft = open_draft(console, draft_id)
    draft.form.tidy()
    name, tried = draft.form.name or "The draft", None
    if draft.hubspot is not None and draft.mainstay is not None:
        hubspot, mainstay = fields_of_both(console, draft)
        tried = instance_of(draft, row_checks.check(draft.form, mainstay, hubspot))
    problem = "" if tried is not None else "The draft is not complete yet, so there is nothing to try."
    live = draft.current
    if live is not None and tried is not None and live.source != tried.source:
        live = None  # other contacts: nothing of theirs came in yet
    return Chosen(value, name, live, tried, draft, problem)


def _look_for(console: Console, chosen: Chosen, tried: Instance) -> Any:
    """Whom a text fits: one contact leads to its preview."""
    text = " ".join(request.form.get("find", "").split())[:200]
    try:
        search = contact_search.look_for(console.wiring, tried.source, text)
    except PlatformError as error:
        return {"text": text, "problem": platform_problem(error, AGAIN)}
    except CoordinationUnavailable:
        return {"text": text, "problem": _AWAY}
    if len(search.found) == 1:
        contact = f"{tried.source.platform}:{search.found[0].id}"
        return redirect(url_for("what_if", mapping=chosen.value, contact=contact), 303)
    return {"text": text, "search": search if may(Right.PERSONAL) else _masked(search)}


def _masked(search: Search) -> Search:
    found = tuple(
        contact_search.Found(one.id, masked(one.name) or "", masked(one.email) or "") for one in search.found
    )
    return Search(found, search.walked)


def _one(console: Console, chosen: Chosen, tried: Instance) -> dict[str, Any]:
    """A contact by the mapping that is tried; beside a draft, what the mapping in use would do."""
    given = request.args.get("contact", "").strip()[:80]
    if not given:
        return {}
    try:
        platform, bare = parse(given)
        if not filtering.is_id(bare):
            raise ValueError(given)
        contact = on_source(console.wiring, tried, (platform, bare))
        told = single.preview_many(console.wiring, tried, [contact], background=True)[0]
        now = None
        if chosen.draft is not None and chosen.live is not None:
            now = single.preview_many(console.wiring, chosen.live, [contact], background=True)[0]
    except NotTied as untied:
        return {"problem": f"{str(untied)[:1].upper()}{str(untied)[1:]}."}
    except ValueError:
        return {"problem": "Name a contact by its id, such as hubspot:4711 or mainstay:5f0c."}
    except PlatformError as error:
        return {"problem": platform_problem(error, AGAIN)}
    except CoordinationUnavailable:
        return {"problem": _AWAY}
    shown = told if may(Right.PERSONAL) else masked_preview(told)
    return {"told": shown, "now": now, "contact": contact}


def _many(console: Console, chosen: Chosen) -> dict[str, Any]:
    """The last events, planned again."""
    count, skip = request.args.get("last", 0, int), max(0, request.args.get("skip", 0, int))
    if count not in CHOICES or chosen.live is None:
        return {}
    events, rows = what_if.last_events(console.wiring, chosen.live, count)
    tried = chosen.tried if chosen.draft is not None else None
    shown: dict[str, Any] = {"last": count, "events": events, "contacts": len(rows), "skip": skip}
    try:
        diff = what_if.compare(console.wiring, chosen.live, tried, rows[skip:])
    except PlatformError as error:
        return shown | {"many_problem": platform_problem(error, AGAIN)}
    except CoordinationUnavailable:
        return shown | {"many_problem": _AWAY}
    return shown | {"diff": diff, "next_skip": skip + diff.looked_at if diff.left else 0}


def _costs(console: Console, chosen: Chosen | None) -> list[tuple[int, Cost]]:
    """Per choice of events, what looking takes at most."""
    if chosen is None or chosen.direction is None:
        return []
    mappings = 2 if chosen.draft is not None else 1
    return [(one, what_if.cost(console.wiring, chosen.direction, one, mappings)) for one in CHOICES]
