"""/health: how the deployment is doing, over a stretch of time."""

from typing import Any

from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from console.access import Right
from console.api.filters import query
from console.api.tokens import needs
from console.health.document import document
from console.health.ranges import RANGES, range_of
from console.health.report import Health
from console.web.site import Console

AT = "/health"


class HealthQuery(Schema):
    """Which stretch of time."""

    over = fields.String(load_default="1h", validate=validate.OneOf([one.name for one in RANGES]))


class HealthReport(Schema):
    """Delays, outcomes, queues, budgets, components, changes. Durations are seconds."""

    at = fields.String()
    over = fields.String()
    directions = fields.List(fields.Dict())
    queues = fields.List(fields.Dict())
    retry = fields.Integer(allow_none=True)
    dead = fields.Integer()
    accounts = fields.List(fields.Dict())
    refused = fields.Dict(keys=fields.String(), values=fields.Integer())
    components = fields.List(fields.Dict())
    marks = fields.List(fields.Dict())


def blueprint(console: Console) -> Blueprint:
    """The route."""
    part = Blueprint("api_health", __name__, description="How the deployment is doing.")
    health = Health(console.wiring)

    @part.route("", methods=["GET"])
    @needs(Right.VIEW)
    @query(part, HealthQuery)
    @part.response(200, HealthReport)
    def read_health(given: dict[str, Any]) -> Any:
        """Null where something is not known, or nothing happened."""
        return document(health.report(range_of(given["over"])))

    return part
