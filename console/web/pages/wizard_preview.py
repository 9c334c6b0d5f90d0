"""The wizard's last step: a real contact before and after, a count over a sample, what changes, Finish."""

from dataclasses import replace
from typing import Any

from flask import flash, redirect, request, url_for

from console import connections
from console.access import Right
from console.configuration.differences import mapping_details
from console.configuration.entries import InstanceEntry
from console.configuration.problems import Refused
from console.web import pinning, row_checks, sampling
from console.web.catalogue import Fields
from console.web.errors import FormErrors
from console.web.pages.wizard import Open, keep, leaving, left, open_draft, step_page
from console.web.pages.wizard_mapping import fields_of_both
from console.web.pinning import Choice
from console.web.row_checks import Checked
from console.web.site import Console, Site, signed_in
from console.web.words import platform_problem
from consumers import single
from core.domain.codes import HELP, Code
from core.domain.fields import Direction
from core.domain.instances import Instance
from core.platforms.errors import PlatformError
from core.queue.port import QueueUnavailable
from core.store import drafts


def register(site: Site) -> None:
    """For those who configure."""
    site.route("/wizard/<int:draft_id>/preview", wizard_preview, Right.CONFIGURE, ("GET", "POST"))


def wizard_preview(console: Console, draft_id: int) -> Any:
    """Step 4. ``contact`` shows one contact (without it the pinned one), ``sample`` counts over many."""
    draft, errors = open_draft(console, draft_id), FormErrors()
    if request.method == "POST" and leaving():
        return left(draft)
    if not draft.form.name:
        return redirect(url_for("wizard_details", draft_id=draft_id), 303)
    if draft.hubspot is None or draft.mainstay is None:
        return redirect(url_for("wizard_authentication", draft_id=draft_id), 303)
    draft.form.tidy()
    keep(console, draft)
    hubspot, mainstay = fields_of_both(console, draft)
    checked = row_checks.check(draft.form, mainstay, hubspot)
    do = request.form.get("do", "")
    if do in ("find", "pin", "unpin"):
        choice = pinning.press(console, draft, do)
        if draft.form.pinned and (do == "pin" or len(choice.found) == 1):
            return redirect(url_for("wizard_preview", draft_id=draft_id, contact=draft.form.pinned), 303)
    else:
        if request.method == "POST" and (saved := _finish(console, draft, errors)) is not None:
            return saved
        choice = Choice()
    contact = request.args.get("contact", "").strip()[:200] or draft.form.pinned
    if not choice.asked and not contact:
        choice = replace(pinning.look_for(console, draft, ""), asked=False)
    would_be = instance_of(draft, checked)
    shown: dict[str, Any] = {"told": None, "sample": None, "problem": "", "contact": ""}
    if would_be is not None:
        shown |= _look(console, would_be, "" if choice.asked else contact, choice)
    return step_page(
        "wizard_preview.html",
        draft,
        errors,
        checked=checked,
        would_be=would_be,
        changes=_changes(draft, checked),
        stale=_stale(draft),
        choice=choice,
        labels=_labels(draft, hubspot, mainstay),
        help={str(code): told for code, told in HELP.items()},
        codes=Code,
        problem_at=fields_problem(hubspot.problem, mainstay.problem),
        **shown,
    )


def _labels(draft: Open, hubspot: Fields, mainstay: Fields) -> dict[str, str]:
    """Field names as people read them; where both sides know one, the target's word."""
    sides = (hubspot, mainstay) if draft.form.direction is Direction.INCOMING else (mainstay, hubspot)
    labels = {one.name: one.label for fields in sides for one in fields.by_name.values()}
    return labels | {"id": "Mainstay ID", "crm_id": "CRM ID"}


def fields_problem(*problems: str) -> str:
    """Why the fields may be old, or empty."""
    return " ".join(one for one in problems if one)


def instance_of(draft: Open, checked: Checked) -> Instance | None:
    """The instance as it would be, under an id that nothing is stored of."""
    if checked.mapping is None or draft.hubspot is None or draft.mainstay is None:
        return None
    return Instance(
        id=0,
        name=draft.form.name,
        direction=draft.form.direction,
        hubspot=draft.hubspot,
        mainstay=draft.mainstay,
        mapping=checked.mapping,
        enabled=False,
    )


def _look(console: Console, would_be: Instance, contact: str, choice: Choice) -> dict[str, Any]:
    """The contact as a sync would treat it, and the sample. A platform that is away is told on the page."""
    shown: dict[str, Any] = {"contact": contact}
    try:
        if contact:
            shown["told"] = single.preview(console.wiring, would_be, contact)
        if request.args.get("sample"):
            shown["sample"] = sampling.count(console.wiring, would_be)
    except PlatformError as error:
        shown["problem"] = platform_problem(error)
    return shown | ({"problem": choice.problem} if choice.problem else {})


def _changes(draft: Open, checked: Checked) -> list[str]:
    """What Finish changes about the stored instance."""
    if draft.current is None or checked.mapping is None:
        return []
    details = []
    if draft.form.name != draft.current.name:
        details.append(f"name: {draft.current.name} → {draft.form.name}")
    if draft.form.description != draft.current.description:
        details.append("description")
    return details + mapping_details(draft.current.mapping, checked.mapping)


def _stale(draft: Open) -> bool:
    """Somebody saved another version since this draft was begun."""
    return draft.current is not None and draft.current.mapping_version != draft.form.base_version


def _finish(console: Console, draft: Open, errors: FormErrors) -> Any:
    """Save through the same checks and the same transaction as a configuration file."""
    if _stale(draft) and request.form.get("overwrite") != "yes":
        errors.add(
            "overwrite", "Somebody saved another version meanwhile. Tick the box to save yours over it."
        )
        return None
    assert draft.hubspot is not None and draft.mainstay is not None
    entry = InstanceEntry(
        name=draft.form.name,
        direction=draft.form.direction,
        hubspot=draft.hubspot.name,
        mainstay=draft.mainstay.name,
        rows=draft.form.raw_rows,
        filters=draft.form.raw_filters,
        description=draft.form.description,
        enabled=None,
        place="this instance",
    )
    try:
        saved = _save(console, draft, entry)
    except Refused as refused:
        for problem in refused.problems:
            errors.add("", problem[:1].upper() + problem[1:])
        return None
    except QueueUnavailable:
        errors.add("", "The queue does not answer, so nothing was saved. Your draft is kept; try again.")
        return None
    with console.wiring.database.transaction() as session:
        drafts.discard(session, draft.id)
    if draft.current is None:
        flash(f"{saved.name} is saved. It is off until you switch it on.")
        return redirect(url_for("enable", instance_id=saved.id), 303)
    flash(f"{saved.name} is saved: version {saved.mapping_version}.")
    return redirect(url_for("instance", instance_id=saved.id), 303)


def _save(console: Console, draft: Open, entry: InstanceEntry) -> Instance:
    """Through the checks of a file; where only the name differs, without asking the platforms."""
    who, current, form = signed_in().email, draft.current, draft.form
    if current is not None and form.maps_as(current):
        return connections.describe_instance(
            console.wiring, who, current, name=form.name, description=form.description
        )
    made = connections.plan_instance(console.wiring, entry, current, form.field_types)
    return connections.save(console.wiring, who, made)
