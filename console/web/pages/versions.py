"""Every saved mapping of an instance: who, when, what changed; compare any two, restore one."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for

from console.access import Right
from console.configuration.differences import mapping_details
from console.web.pages.instances import AT, standing_or_404
from console.web.pages.wizard import new_draft
from console.web.site import Console, Site
from core.store import instances
from core.store.instances import Version


def register(site: Site) -> None:
    """Looking is for everybody, restoring for those who configure."""
    site.route(f"{AT}/versions", versions, Right.VIEW)
    site.route(f"{AT}/versions/<int:number>/restore", restore, Right.CONFIGURE, ("POST",))


def versions(console: Console, instance_id: int) -> Any:
    """The list; ``from`` and ``to`` compare two."""
    standing = standing_or_404(console, instance_id)
    known = _versions(console, instance_id)
    by_number = {one.number: one for one in known}
    older, newer = request.args.get("from", 0, int), request.args.get("to", 0, int)
    compared = None
    if older in by_number and newer in by_number:
        compared = mapping_details(by_number[older].mapping, by_number[newer].mapping)
    steps = {
        one.number: mapping_details(by_number[one.number - 1].mapping, one.mapping)
        for one in known
        if one.number - 1 in by_number
    }
    return render_template(
        "versions.html",
        standing=standing,
        instance=standing.instance,
        versions=known,
        steps=steps,
        compared=compared,
        older=older,
        newer=newer,
    )


def restore(console: Console, instance_id: int, number: int) -> Any:
    """Opens the wizard's last step with the old mapping: it is checked and shown before it is saved."""
    standing = standing_or_404(console, instance_id)
    found = next((one for one in _versions(console, instance_id) if one.number == number), None)
    if found is None:
        abort(404)
    draft_id = new_draft(console, standing.instance, found.mapping)
    flash(f"This is version {number}. Nothing is changed until you press Finish.")
    return redirect(url_for("wizard_preview", draft_id=draft_id), 303)


def _versions(console: Console, instance_id: int) -> list[Version]:
    with console.wiring.database.reading() as session:
        return instances.versions(session, instance_id)
