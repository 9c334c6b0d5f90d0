"""/status: queues, instances, platforms, processes."""

from typing import Any

from flask_smorest import Blueprint

from console import statuses
from console.access import Right
from console.api import schemas
from console.api.tokens import needs
from console.web.site import Console

AT = "/status"


def blueprint(console: Console) -> Blueprint:
    """The route."""
    part = Blueprint("api_status", __name__, description="How things stand.")

    @part.route("", methods=["GET"])
    @needs(Right.VIEW)
    @part.response(200, schemas.Status)
    def read_status() -> Any:
        """``idle`` means that nothing is queued, waiting for a retry, or in flight."""
        return statuses.look(console.wiring)

    return part
