"""/audit: who changed what, when, and from where."""

from typing import Any

from flask_smorest import Blueprint

from console import audit_log
from console.access import Right
from console.api import owning_schemas as schemas
from console.api.filters import query
from console.api.times import moment_or_none, refused
from console.api.tokens import needs
from console.web.site import Console
from core.store import audit, users

AT = "/audit"


def blueprint(console: Console) -> Blueprint:
    """The routes."""
    part = Blueprint("api_audit", __name__, description="The audit log.")

    @part.route("", methods=["GET"])
    @needs(Right.OWN)
    @query(part, schemas.AuditQuery)
    @part.response(200, schemas.AuditPage)
    def read_audit(given: dict[str, Any]) -> Any:
        """Changes, newest first; ``older`` is the next page's ``before``, null at the end. ``user``: a user's
        number (``/users``), so that no email stands in an address."""
        now_ms, limit = console.now_ms(), given["limit"]
        with console.wiring.database.reading() as session:
            user = users.by_id(session, given["user"]) if given["user"] else None
            if given["user"] and user is None:
                raise refused("user", f"there is no user {given['user']}")
            wanted = audit.Search(
                moment_or_none(given["since"], now_ms),
                moment_or_none(given["until"], now_ms, end=True),
                given["action"].rstrip("."),
                user.email if user else "",
                given["before"],
            )
            found = audit.search(session, wanted, limit + 1)
        entries = [audit_log.document(one) for one in found[:limit]]
        return {"entries": entries, "older": entries[-1]["id"] if len(found) > limit else None}

    return part
