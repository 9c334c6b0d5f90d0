"""Sync now, with the preview first: what one integration would do with the contact, then the button."""

from typing import Any

from flask import abort, flash, redirect, render_template, url_for

from console import starting
from console.access import Right
from console.activities import word_of
from console.contact_argument import NotTied, on_source
from console.contacts import reading
from console.contacts.reading import AGAIN
from console.masking import masked_preview
from console.timelines import EMPTY, in_short
from console.web.pages.contact import AT, Open, open_contact, shown
from console.web.site import Console, Site, may, signed_in
from console.web.words import platform_problem
from consumers import single
from consumers.single import Synced
from core.coordination.port import CoordinationUnavailable
from core.domain.codes import HELP
from core.domain.instances import Instance
from core.platforms.errors import PlatformError
from core.queue.port import QueueUnavailable

SYNC = f"{AT}/sync/<int:instance_id>"
_AWAY = "The store of the call budgets does not answer."


def register(site: Site) -> None:
    """Looking is for everybody (masked), syncing by hand for those who configure."""
    site.route(SYNC, contact_sync, Right.VIEW)
    site.route(f"{SYNC}/now", contact_sync_now, Right.CONFIGURE, ("POST",))


def contact_sync(console: Console, platform: str, account_id: int, contact_id: str, instance_id: int) -> Any:
    """What a sync would do. Nothing is written."""
    opened = open_contact(console, platform, account_id, contact_id)
    instance = _instance(opened, instance_id)
    told, source, problem = None, "", ""
    try:
        source = _source(console, opened, instance)
        told = single.preview(console.wiring, instance, source)
    except NotTied as untied:
        problem = f"{str(untied)[:1].upper()}{str(untied)[1:]}."
    except PlatformError as error:
        problem = platform_problem(error, AGAIN)
    except CoordinationUnavailable:
        problem = f"{_AWAY} {AGAIN}"
    own, ties = reading.unread(opened.known, opened.ties)
    return render_template(
        "contact_sync.html",
        **shown(console, opened, own, ties),
        told=told if told is None or may(Right.PERSONAL) else masked_preview(told),
        source=source,
        instance=instance,
        problem=problem,
        labels=labels_of(instance),
        help={str(code): told for code, told in HELP.items()},
    )


def contact_sync_now(
    console: Console, platform: str, account_id: int, contact_id: str, instance_id: int
) -> Any:
    """Do it, and say on the contact's page how it ended."""
    opened = open_contact(console, platform, account_id, contact_id)
    instance = _instance(opened, instance_id)
    try:
        done = starting.sync(console.wiring, instance, _source(console, opened, instance), signed_in().email)
        flash(*_ended(instance, done))
    except NotTied as untied:
        flash(f"Not synced: {untied}.", "error")
    except PlatformError as error:
        flash(f"Not synced. {platform_problem(error, 'Try again in a moment.')}", "error")
    except CoordinationUnavailable:
        flash(f"Not synced. {_AWAY} Try again in a moment.", "error")
    except QueueUnavailable:
        flash(
            "The queue does not answer: what was done stands below, what follows from it may be late.",
            "error",
        )
    return redirect(url_for("contact", **opened.variables), 303)


def _instance(opened: Open, instance_id: int) -> Instance:
    """The instance, of this contact's account; else 404."""
    instance = opened.directory.instances.get(instance_id)
    mine = opened.known.account.id
    if instance is None or instance_id not in opened.directory.live:
        abort(404)
    if mine not in (instance.hubspot.id, instance.mainstay.id):
        abort(404)
    return instance


def _source(console: Console, opened: Open, instance: Instance) -> str:
    known = opened.known
    return on_source(console.wiring, instance, (known.account.platform, known.whom.contact))


def labels_of(instance: Instance) -> dict[str, str]:
    """The target's fields and the filters', as people read them."""
    target = instance.target.platform
    labels = {row.side(target).name: row.side(target).label for row in instance.mapping.rows}
    labels |= {one.field.name: one.field.label for one in instance.mapping.filters}
    return labels | {"id": "Mainstay ID", "crm_id": "CRM ID"}


def _ended(instance: Instance, done: Synced) -> tuple[str, str]:
    """How it ended, in words, and whether that is good."""
    if done.outcome == "waiting":
        return f"Not synced by {instance.name}: {done.why}. Nothing is queued; try again.", "error"
    what = in_short({"outcome": done.outcome, **EMPTY, **done.story})
    code = f" ({done.code})" if done.code else ""
    told = f"Synced by {instance.name}: {word_of(done.outcome).lower()}{code}{': ' + what if what else ''}."
    return told, "error" if done.outcome in ("error", "dead") else "message"
