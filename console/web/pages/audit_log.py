"""The audit log, for owners: who changed what, newest first."""

from typing import Any

from flask import render_template, request

from console.access import Right
from console.web.site import Console, Site
from core.store import audit

PAGE = 50


def register(site: Site) -> None:
    """For owners."""
    site.route("/audit", audit_log, Right.OWN)


def audit_log(console: Console) -> Any:
    """A page of entries; ``before`` goes on with older ones."""
    before = request.args.get("before", 0, int)
    with console.wiring.database.reading() as session:
        found = audit.entries(session, before, PAGE + 1)
    older = found[PAGE - 1].id if len(found) > PAGE else 0
    return render_template("audit.html", entries=found[:PAGE], older=older, before=before)
