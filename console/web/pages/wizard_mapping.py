"""The wizard's third step: which Mainstay fields match which HubSpot fields, and for whom."""

from typing import Any

from flask import flash, redirect, request, url_for

from console.access import Right
from console.web import (
    catalogue,
    filter_counting,
    mapping_form,
    mapping_view,
    pinning,
    row_checks,
    sample_values,
)
from console.web.catalogue import Fields
from console.web.drafting import WHEN_EMPTY, Form
from console.web.errors import FormErrors
from console.web.filter_counting import Counted
from console.web.pages.wizard import Open, keep, leaving, left, open_draft, step_page
from console.web.sample_values import Pinned
from console.web.site import Console, Site
from console.web.words import platform_problem
from core.domain.fields import Direction, FieldType, Platform
from core.platforms.errors import PlatformError

COUNT_S = 5.0  # where no script goes on step by step


def register(site: Site) -> None:
    """For those who configure."""
    site.route("/wizard/<int:draft_id>/mapping", wizard_mapping, Right.CONFIGURE, ("GET", "POST"))


def wizard_mapping(console: Console, draft_id: int) -> Any:
    """Step 3."""
    draft, errors = open_draft(console, draft_id), FormErrors()
    if draft.hubspot is None or draft.mainstay is None:
        flash("Choose the accounts first: the fields come from them.")
        return redirect(url_for("wizard_authentication", draft_id=draft_id), 303)
    do, focus = request.form.get("do", ""), ""
    if do == "check" and request.form.get("find", "").strip():
        do = "find"  # Enter in the search box presses the form's first button
    if request.method == "POST":
        mapping_form.take_over(draft.form, request.form)
        focus = mapping_form.press(draft.form, do)
        keep(console, draft)
        if leaving():
            return left(draft)
    choice = pinning.press(console, draft, do)
    focus = "pinned" if do in ("find", "pin", "unpin") else "count" if do == "count" else focus
    hubspot, mainstay = fields_of_both(console, draft, refresh=do == "refresh")
    source = hubspot if draft.form.direction is Direction.INCOMING else mainstay
    if do == "suggest":
        focus = _suggest(draft.form, mainstay, hubspot)
        keep(console, draft)
    if do == "next":
        draft.form.tidy()
        keep(console, draft)
        checked = row_checks.check(draft.form, mainstay, hubspot)
        mapping_view.collect(errors, checked, draft.form)
        if not errors:
            return redirect(url_for("wizard_preview", draft_id=draft_id), 303)
    else:
        checked = mapping_view.checked_as_shown(draft.form, mainstay, hubspot)
    pinned = _pinned(console, draft, mainstay, hubspot)
    samples = pinned.samples if pinned else {}
    return step_page(
        "wizard_mapping.html",
        draft,
        errors,
        rows=[
            mapping_view.row_view(draft.form, n, mainstay, hubspot, checked, samples.get(n))
            for n in range(len(draft.form.rows))
        ],
        filters=[
            mapping_view.filter_view(draft.form, n, source, checked) for n in range(len(draft.form.filters))
        ],
        pinned=pinned,
        choice=choice,
        counted=_counted(console, draft, source) if do == "count" else None,
        hubspot=hubspot,
        mainstay=mainstay,
        source=source,
        required=row_checks.REQUIRED,
        when_empty=WHEN_EMPTY,
        types=[*FieldType],
        focus=focus,
        unusable=lambda platform, one: row_checks.unusable(draft.form.direction, Platform(platform), one),
        unmapped=mapping_view.unmapped(draft.form, mainstay, hubspot),
    )


def fields_of_both(console: Console, draft: Open, *, refresh: bool = False) -> tuple[Fields, Fields]:
    """HubSpot's and Mainstay's fields, the draft's own types put on."""
    assert draft.hubspot is not None and draft.mainstay is not None
    return (
        catalogue.fields_of(console.wiring, draft.hubspot, refresh=refresh),
        catalogue.fields_of(console.wiring, draft.mainstay, draft.form.field_types, refresh=refresh),
    )


def _suggest(form: Form, mainstay: Fields, hubspot: Fields) -> str:
    found = row_checks.suggestions(form, mainstay, hubspot)
    form.rows = [row for row in form.rows if not row.blank]
    form.rows += found
    if not found:
        flash("No further fields match by name and type.")
        return "add-row"
    flash(f"{len(found)} rows are suggested below. Look at each, and remove what does not belong.")
    return f"row-{len(form.rows) - len(found)}-mainstay"


def _pinned(console: Console, draft: Open, mainstay: Fields, hubspot: Fields) -> Pinned | None:
    if not draft.form.pinned or draft.source is None:
        return None
    rows = mapping_view.complete_rows(draft.form, mainstay, hubspot)
    return sample_values.look(console.wiring, draft.form.direction, draft.source, draft.form.pinned, rows)


def _counted(console: Console, draft: Open, source: Fields) -> Counted | str:
    """The count without a script: as far as it comes in a few seconds, or why there is none."""
    wanted = mapping_view.complete_filters(draft.form, source)
    if not wanted:
        return "Choose a field and its values first."
    try:
        return filter_counting.count(console.wiring, source.account, wanted, step_s=COUNT_S)
    except PlatformError as error:
        return platform_problem(error)
