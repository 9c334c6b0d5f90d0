"""How many contacts pass the filters that stand on the mapping page now, saved or not: for its script."""

from typing import Any

from flask import jsonify, request

from console.access import Right
from console.web import catalogue, filter_counting, mapping_form, mapping_view
from console.web.pages.wizard import Open, open_draft
from console.web.site import Console, Site
from console.web.words import platform_problem
from core.domain.fields import Filter
from core.platforms.errors import PlatformError


def register(site: Site) -> None:
    """For those who configure. POST, because the filters' values travel with it."""
    site.route("/wizard/<int:draft_id>/count", wizard_count, Right.CONFIGURE, ("POST",))


def wizard_count(console: Console, draft_id: int) -> Any:
    """A step of the count; ``cursor`` goes on with one that was begun. Nothing is stored."""
    draft = open_draft(console, draft_id)
    if draft.source is None:
        return jsonify(problem="No account is chosen yet."), 400
    mapping_form.take_over(draft.form, request.form)
    wanted = filters_of(console, draft)
    if not wanted:
        return jsonify(looked_at=0, passed=0, total=None, cursor="", passing=[], failing=[], filters=0)
    try:
        step = filter_counting.count(console.wiring, draft.source, wanted, request.form.get("cursor", ""))
    except PlatformError as error:
        return jsonify(problem=platform_problem(error)), 503
    return jsonify(**step.document(), filters=len(wanted))


def filters_of(console: Console, draft: Open) -> list[Filter]:
    """The draft's filters that are complete."""
    assert draft.source is not None
    fields = catalogue.fields_of(console.wiring, draft.source, draft.form.field_types)
    return mapping_view.complete_filters(draft.form, fields)
