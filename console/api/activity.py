"""/activity: what became of every change, excluded and unchanged ones too."""

from typing import Any

from flask_smorest import Blueprint

from console import timelines
from console.access import Right
from console.activities import outcomes_of
from console.api import filters
from console.api import seeing_schemas as schemas
from console.api.filters import query
from console.api.times import moment_or_none
from console.api.tokens import needs
from console.web.site import Console
from core.store import activity, instances

AT = "/activity"


def blueprint(console: Console) -> Blueprint:
    """The routes."""
    part = Blueprint("api_activity", __name__, description="All activity.")

    @part.route("", methods=["GET"])
    @needs(Right.VIEW)
    @query(part, schemas.ActivityQuery)
    @part.response(200, schemas.ActivityPage)
    def read_activity(given: dict[str, Any]) -> Any:
        """Outcomes, newest first; ``older`` is the next page's ``before``, null at the end."""
        now_ms = console.now_ms()
        wanted = activity.Search(
            since_ms=moment_or_none(given["since"], now_ms),
            until_ms=moment_or_none(given["until"], now_ms, end=True),
            instance=filters.instance_name(console, given["instance"]),
            direction=given["direction"],
            outcomes=outcomes_of(given["state"]),
            code=given["code"],
            contact=filters.contact_id(given["contact"]),
            job_id=given["job"],
            before_id=given["before"],
        )
        with console.wiring.database.reading() as session:
            names = {one.id: one.name for one in instances.all_instances(session, deleted=True)}
            rows, older_id = activity.page(session, wanted, given["limit"])
        entries = [{"id": row.id, **timelines.entry_document(row, names)} for row in rows]
        return {"entries": entries, "older": older_id or None}

    return part
