"""/log: the Sync Log."""

from typing import Any

from flask_smorest import Blueprint

from console.access import Right
from console.api import filters, schemas
from console.api.filters import query
from console.api.times import moment_or_none
from console.api.tokens import needs
from console.sync_log import entry_document
from console.web.site import Console
from core.store import sync_log, sync_log_search

AT = "/log"


def blueprint(console: Console) -> Blueprint:
    """The routes."""
    part = Blueprint("api_log", __name__, description="The Sync Log.")

    @part.route("", methods=["GET"])
    @needs(Right.VIEW)
    @query(part, schemas.LogQuery)
    @part.response(200, schemas.LogEntry(many=True))
    def read_log(given: dict[str, Any]) -> Any:
        """Every problem of a contact, told once; newest first."""
        now_ms = console.now_ms()
        wanted = sync_log.Search(
            since_ms=moment_or_none(given["since"], now_ms),
            until_ms=moment_or_none(given["until"], now_ms, end=True),
            instance=filters.instance_name(console, given["instance"]),
            direction=given["direction"],
            code=given["code"],
            contact=filters.contact_id(given["contact"]),
            before_id=given["before"],
            limit=given["limit"],
        )
        with console.wiring.database.reading() as session:
            return [
                entry_document(one, console.wiring.settings)
                for one in sync_log_search.search(session, wanted)
            ]

    return part
