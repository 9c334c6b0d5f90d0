"""Replaying dead letters, with the plan before it, and discarding them, with a reason."""

from dataclasses import dataclass, field, replace
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict

from console import dead_letters as letters
from console.access import Right
from console.waiting import waits_for
from console.web import filtering
from console.web.errors import FormErrors
from console.web.filtering import Filters
from console.web.pages.dead_letters import search_of
from console.web.site import Console, Site, signed_in
from consumers.jobs.replay_plan import plan
from core.store import dead_letters as store
from core.store import instances
from core.store.dead_letters import Search

MOST_CHOSEN = 200  # ids that an address may carry
FIRST = 5  # letters that are tried before all
LONGEST_REASON = 500


def register(site: Site) -> None:
    """For operators."""
    site.route("/dead-letters/replay", dead_replay, Right.OPERATE, ("GET", "POST"))
    site.route("/dead-letters/discard", dead_discard, Right.OPERATE, ("GET", "POST"))


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen: by ids, by filters, or everything. ``query``: the same as an address carries it."""

    wanted: Search
    filters: Filters = field(default_factory=Filters)
    query: dict[str, Any] = field(default_factory=dict)
    everything: bool = False


def dead_replay(console: Console) -> Any:
    """The plan: contacts, calls, minutes. Then the job."""
    chosen = _chosen(console, request.values)
    if chosen is None:
        return _nothing("Choose dead letters first, by ticking them or by a filter.")
    told = plan(console.wiring, chosen.wanted)
    if not told.letters:
        return _nothing("None of these waits any more: they were replayed or discarded.")
    if request.method == "POST":
        job = letters.replay_paced(console.wiring, _bounded(console, chosen.wanted), signed_in().email)
        flash(f"{job.total:,} are replayed, at the platforms’ pace.")
        return redirect(url_for("job", job_id=job.id), 303)
    with console.wiring.database.reading() as session:
        names = {one.instance for one in told.groups}
        concerned = [one for one in instances.all_instances(session) if one.name in names]
    return render_template(
        "dead_replay.html",
        told=told,
        chosen=chosen,
        groups=told.groups,
        first=FIRST,
        waits=waits_for(console.wiring, concerned),
    )


def dead_discard(console: Console) -> Any:
    """What discarding means, and why it is done. Then it is done."""
    chosen, errors = _chosen(console, request.values), FormErrors()
    if chosen is None:
        return _nothing("Choose dead letters first, by ticking them or by a filter.")
    with console.wiring.database.reading() as session:
        chosen = replace(chosen, wanted=replace(chosen.wanted, limit=None))
        count, contacts = store.total(session, chosen.wanted)
        groups = store.groups(session, chosen.wanted)
        newest_id = store.newest_id(session)
    if not count:
        return _nothing("None of these waits any more: they were replayed or discarded.")
    reason = " ".join(request.form.get("reason", "").split())[:LONGEST_REASON]
    if request.method == "POST":
        errors.require("reason", reason, "Say why, in a few words: it stands in the contacts’ timelines.")
        if filtering.personal(reason):
            errors.add("reason", "This looks like an email or a phone number. Leave personal data out.")
        if chosen.everything and request.form.get("sure", "").strip().lower() != "everything":
            errors.add("sure", "Type the word everything.")
        if not errors:
            up_to_id = request.form.get("up_to_id", newest_id, int)
            wanted = replace(chosen.wanted, up_to_id=max(1, min(up_to_id, newest_id)))
            done = letters.discard(console.wiring, wanted, signed_in().email, reason)
            flash(f"{done:,} {'dead letter is' if done == 1 else 'dead letters are'} discarded.")
            return redirect(url_for("dead_letters", **chosen.filters.query()), 303)
    page = render_template(
        "dead_discard.html",
        count=count,
        contacts=contacts,
        groups=groups,
        chosen=chosen,
        errors=errors,
        reason=reason,
        newest_id=newest_id,
        longest=LONGEST_REASON,
    )
    return page, 400 if errors else 200


def _chosen(console: Console, given: MultiDict[str, str]) -> Chosen | None:
    """None where nothing narrows and nobody said everything."""
    ids = [int(one) for one in given.getlist("id") if one.isdecimal() and len(one) < 19][:MOST_CHOSEN]
    limit = given.get("limit", 0, int)
    bounded = {"limit": limit} if limit > 0 else {}
    if ids:
        return Chosen(Search(ids=ids, limit=bounded.get("limit")), query={"id": ids, **bounded})
    filters = filtering.of_address(given, console.now_ms())
    narrowed = replace(filters, state="")
    everything = given.get("everything") == "yes"
    if filters.errors or not (narrowed or everything):
        return None
    query = {**narrowed.query(), **bounded, **({} if narrowed else {"everything": "yes"})}
    wanted = replace(search_of(narrowed), limit=bounded.get("limit"))
    return Chosen(wanted, narrowed, query, everything=not narrowed)


def _bounded(console: Console, wanted: Search) -> Search:
    """For a job: the letters of single contacts by their ids, since a job's row names no contact."""
    if not wanted.contacts:
        return wanted
    return Search(ids=[one.id for one in letters.every(console.wiring, wanted)])


def _nothing(why: str) -> Any:
    flash(why, "error")
    return redirect(url_for("dead_letters"), 303)
