"""The configuration wizard: how it begins, its first step, and what all its steps share.

Each step has an address of its own, keeps the draft at every press of a button, and can be left at any time.
"""

import itertools
from dataclasses import dataclass
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for

from console.access import Right
from console.web.drafting import Form, form_of, form_of_instance
from console.web.errors import FormErrors
from console.web.pages.instances import AT, standing_or_404
from console.web.site import Console, Site, signed_in
from core.domain.fields import Direction
from core.domain.fields import Mapping as FieldMapping
from core.domain.instances import Account, Instance
from core.store import accounts, drafts, instances

STEPS = (
    ("wizard_details", "Instance Details"),
    ("wizard_authentication", "Authentication"),
    ("wizard_mapping", "Data Mapping"),
    ("wizard_preview", "Preview & Finish"),
)
LONGEST_NAME = 180
LONGEST_DESCRIPTION = 2_000


@dataclass(slots=True)
class Open:
    """An open draft: the form, and the stored instance where one is being edited."""

    id: int
    form: Form
    current: Instance | None
    hubspot: Account | None
    mainstay: Account | None

    @property
    def source(self) -> Account | None:
        """The account that is read, once chosen."""
        return self.hubspot if self.form.direction is Direction.INCOMING else self.mainstay


def register(site: Site) -> None:
    """For those who configure."""
    site.route("/integrations/hubspot/new", add_new, Right.CONFIGURE, ("POST",))
    site.route(f"{AT}/edit", edit, Right.CONFIGURE, ("POST",))
    site.route(f"{AT}/duplicate", duplicate, Right.CONFIGURE, ("POST",))
    site.route("/wizard/<int:draft_id>", wizard, Right.CONFIGURE)
    site.route("/wizard/<int:draft_id>/details", wizard_details, Right.CONFIGURE, ("GET", "POST"))
    site.route("/wizard/<int:draft_id>/discard", wizard_discard, Right.CONFIGURE, ("POST",))


def add_new(console: Console) -> Any:
    """The green Add New."""
    direction = request.form.get("direction", "")
    if direction not in list(Direction):
        abort(400)
    with console.wiring.database.transaction() as session:
        form = Form(Direction(direction))
        form.hubspot_id, form.mainstay_id = _only_accounts(accounts.all_accounts(session))
        draft = drafts.start(session, signed_in().id, 0, form.document(), console.now_ms())
    return redirect(url_for("wizard_details", draft_id=draft.id), 303)


def edit(console: Console, instance_id: int) -> Any:
    """The pencil: goes on with the draft of this instance where there is one."""
    found = standing_or_404(console, instance_id).instance
    with console.wiring.database.reading() as session:
        mine = drafts.of_user(session, signed_in().id)
    kept = next((one for one in mine if one.instance_id == instance_id), None)
    if kept is not None:
        flash("You had begun to edit this instance. Your draft goes on; discard it to begin anew.")
        return redirect(url_for("wizard_details", draft_id=kept.id), 303)
    return redirect(url_for("wizard_details", draft_id=new_draft(console, found)), 303)


def duplicate(console: Console, instance_id: int) -> Any:
    """A new instance like this one, which stays as it is: another name, and accounts that may be chosen."""
    found = standing_or_404(console, instance_id).instance
    form = form_of_instance(found)
    form.base_version = 0
    with console.wiring.database.transaction() as session:
        form.name = _free_name({one.name for one in instances.all_instances(session)}, found.name)
        draft = drafts.start(session, signed_in().id, 0, form.document(), console.now_ms())
    flash(f"This is a copy of {found.name}. Nothing is saved until you press Finish in the last step.")
    return redirect(url_for("wizard_details", draft_id=draft.id), 303)


def wizard(console: Console, draft_id: int) -> Any:
    """The draft's first step that lacks something."""
    draft = open_draft(console, draft_id)
    step = "wizard_mapping"
    if not draft.form.name:
        step = "wizard_details"
    elif draft.hubspot is None or draft.mainstay is None:
        step = "wizard_authentication"
    return redirect(url_for(step, draft_id=draft_id), 303)


def wizard_details(console: Console, draft_id: int) -> Any:
    """Step 1: a display name and a description, for internal use only."""
    draft, errors = open_draft(console, draft_id), FormErrors()
    if request.method == "POST":
        draft.form.name = _plain(request.form.get("name", ""))
        draft.form.description = _plain(request.form.get("description", ""))
        keep(console, draft)
        if leaving():
            return left(draft)
        _check_name(console, draft, errors)
        if not errors:
            return redirect(url_for("wizard_authentication", draft_id=draft_id), 303)
    return step_page("wizard_details.html", draft, errors)


def wizard_discard(console: Console, draft_id: int) -> Any:
    """Forget the draft; the instance, if there is one, stays as it is."""
    draft = open_draft(console, draft_id)
    with console.wiring.database.transaction() as session:
        drafts.discard(session, draft_id)
    flash(f"The draft {draft.form.name or 'without a name'} is discarded. Nothing else was changed.")
    return redirect(url_for("hubspot"), 303)


def new_draft(console: Console, found: Instance, mapping: FieldMapping | None = None) -> int:
    """A fresh draft of a stored instance (in place of an older one), with another mapping if one is given."""
    user = signed_in()
    with console.wiring.database.transaction() as session:
        for one in drafts.of_user(session, user.id):
            if one.instance_id == found.id:
                drafts.discard(session, one.id)
        form = form_of_instance(found, mapping)
        return drafts.start(session, user.id, found.id, form.document(), console.now_ms()).id


def open_draft(console: Console, draft_id: int) -> Open:
    """The signed-in user's draft; 404 where there is none, or where its instance was deleted."""
    with console.wiring.database.reading() as session:
        draft = drafts.get(session, draft_id, signed_in().id)
        if draft is None:
            abort(404)
        known = {one.id: one for one in accounts.all_accounts(session)}
        current = None
        if draft.instance_id:
            current = next(
                (one for one in instances.all_instances(session) if one.id == draft.instance_id), None
            )
            if current is None:
                abort(404)
    form = form_of(draft.document)
    return Open(draft.id, form, current, known.get(form.hubspot_id), known.get(form.mainstay_id))


def keep(console: Console, draft: Open) -> None:
    """Store the draft as it is now."""
    with console.wiring.database.transaction() as session:
        drafts.save(session, draft.id, draft.form.document(), console.now_ms())


def leaving() -> bool:
    """Whether Save & exit was pressed."""
    return request.form.get("do") == "exit"


def left(draft: Open) -> Any:
    """Where Save & exit leads."""
    flash(f"Your draft {draft.form.name or ''} is kept. Go on with it from this page.".replace("  ", " "))
    return redirect(url_for("hubspot"), 303)


def step_page(template: str, draft: Open, errors: FormErrors, **more: Any) -> Any:
    """A step's page; 400 where the form had errors."""
    page = render_template(
        template,
        draft=draft,
        form=draft.form,
        steps=STEPS,
        step=request.endpoint,
        errors=errors,
        **more,
    )
    return page, 400 if errors and request.method == "POST" else 200


def _check_name(console: Console, draft: Open, errors: FormErrors) -> None:
    name = draft.form.name
    errors.require("name", name, "Enter a display name. It appears in the list of instances.")
    if len(name) > LONGEST_NAME:
        errors.add("name", f"Use at most {LONGEST_NAME} characters.")
    if len(draft.form.description) > LONGEST_DESCRIPTION:
        errors.add("description", f"Use at most {LONGEST_DESCRIPTION:,} characters.")
    with console.wiring.database.reading() as session:
        taken = instances.by_name(session, name)
    if taken is not None and (draft.current is None or taken.id != draft.current.id):
        errors.add("name", "Another instance has this name already.")


def _plain(text: str) -> str:
    """Without the control characters that no list shows and no database takes; lines stay."""
    return "".join(one for one in text if one.isprintable() or one == "\n").strip()


def _free_name(taken: set[str], name: str) -> str:
    """A copy's name: the first of "… (copy)", "… (copy 2)" and so on that nobody has."""
    begin = name[: LONGEST_NAME - 20]
    names = (f"{begin} (copy{f' {n}' if n > 1 else ''})" for n in itertools.count(1))
    return next(one for one in names if one not in taken)


def _only_accounts(known: list[Account]) -> tuple[int, int]:
    """The accounts that need no choice, because there is just one of them."""
    portals = [one.id for one in known if one.platform == "hubspot"]
    organisations = [one.id for one in known if one.platform == "mainstay"]
    return (
        portals[0] if len(portals) == 1 else 0,
        organisations[0] if len(organisations) == 1 else 0,
    )
