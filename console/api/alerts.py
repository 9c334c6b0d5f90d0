"""/alerts: what is open, the rules, and whom to tell."""

from typing import Any

from flask import g
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from console import alerting
from console.access import Right
from console.api.filters import query
from console.api.problems import NoSuchThing
from console.api.tokens import needs
from console.web.site import Console
from core.domain.alerts import LARGEST_THRESHOLD, Rule, Setting
from core.notifying.problems import NotSent
from core.store import alert_settings, alerts
from core.store.alert_settings import EMAIL, WEBHOOK

AT = "/alerts"
_RULES = [str(rule) for rule in Rule]


class AlertQuery(Schema):
    """Which alerts."""

    open = fields.Boolean(load_default=False, metadata={"description": "Only those that are open."})
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 500))


class Alert(Schema):
    """Something somebody should look at."""

    id = fields.Integer()
    rule = fields.String(validate=validate.OneOf(_RULES))
    state = fields.String(validate=validate.OneOf(["open", "resolved"]))
    title = fields.String()
    text = fields.String()
    url = fields.String()
    opened_at = fields.String()
    resolved_at = fields.String(allow_none=True)


class AlertRule(Schema):
    """A rule as it is set; ``threshold`` counts ``unit``."""

    rule = fields.String(dump_only=True)
    title = fields.String(dump_only=True)
    explained = fields.String(dump_only=True)
    enabled = fields.Boolean(required=True)
    threshold = fields.Integer(required=True, strict=True, validate=validate.Range(1, LARGEST_THRESHOLD))
    unit = fields.String(dump_only=True)


class Destination(Schema):
    """Whom to tell. ``secret`` stands in the answer to POST only."""

    id = fields.Integer(dump_only=True)
    kind = fields.String(required=True, validate=validate.OneOf([EMAIL, WEBHOOK]))
    address = fields.String(required=True, validate=validate.Length(1, 500))
    enabled = fields.Boolean(dump_only=True)
    rules = fields.List(fields.String(), dump_only=True, metadata={"description": "Empty = all."})
    last_sent_at = fields.String(dump_only=True, allow_none=True)
    problem = fields.String(dump_only=True, allow_none=True)
    secret = fields.String(dump_only=True)


class DestinationChange(Schema):
    """What is to change; the rest stays."""

    enabled = fields.Boolean()
    rules = fields.List(fields.String(validate=validate.OneOf(_RULES)))


class TestTaken(Schema):
    """Whether a test was taken, and why not."""

    taken = fields.Boolean()
    problem = fields.String(allow_none=True)


def blueprint(console: Console) -> Blueprint:
    """The routes."""
    part = Blueprint("api_alerts", __name__, description="What somebody should look at.")
    _reading(part, console)
    _setting(part, console)
    _telling(part, console)
    return part


def _reading(part: Blueprint, console: Console) -> None:
    wiring = console.wiring

    @part.route("", methods=["GET"])
    @needs(Right.VIEW)
    @query(part, AlertQuery)
    @part.response(200, Alert(many=True))
    def list_alerts(given: dict[str, Any]) -> Any:
        """Open ones first, then the newest."""
        with wiring.database.reading() as session:
            found = alerts.recent(session, open_only=given["open"], limit=given["limit"])
        return [alerting.alert_document(one, console.origin) for one in found]

    @part.route("/rules", methods=["GET"])
    @needs(Right.VIEW)
    @part.response(200, AlertRule(many=True))
    def list_rules() -> Any:
        """Every rule as it is set."""
        with wiring.database.reading() as session:
            return [alerting.rule_document(one) for one in alert_settings.settings(session).values()]

    @part.route("/destinations", methods=["GET"])
    @needs(Right.OPERATE)
    @part.response(200, Destination(many=True))
    def list_destinations() -> Any:
        """Whom to tell; no secrets."""
        with wiring.database.reading() as session:
            return [alerting.destination_document(one) for one in alert_settings.destinations(session)]


def _setting(part: Blueprint, console: Console) -> None:
    wiring = console.wiring

    @part.route("/rules/<name>", methods=["PUT"])
    @needs(Right.OPERATE)
    @part.arguments(AlertRule)
    @part.response(200, AlertRule)
    def set_rule(given: dict[str, Any], name: str) -> Any:
        """Switch a rule, and say from how many on it tells."""
        rule = alerting.rule_of(name)
        if rule is None:
            raise NoSuchThing(f"there is no rule {name}")
        wanted = Setting(rule, given["enabled"], given["threshold"])
        alerting.set_rules(wiring, g.caller, [wanted])
        return alerting.rule_document(wanted)


def _telling(part: Blueprint, console: Console) -> None:
    wiring = console.wiring

    @part.route("/destinations", methods=["POST"])
    @needs(Right.OPERATE)
    @part.arguments(Destination)
    @part.response(201, Destination)
    def add_destination(given: dict[str, Any]) -> Any:
        """A new one. A webhook's ``secret`` is told this one time."""
        made = alerting.add(wiring, g.caller, given["kind"], given["address"])
        more = {"secret": made.secret} if made.secret else {}
        return alerting.destination_document(made.destination) | more

    @part.route("/destinations/<int:destination_id>", methods=["PATCH"])
    @needs(Right.OPERATE)
    @part.arguments(DestinationChange)
    @part.response(200, Destination)
    def change_destination(given: dict[str, Any], destination_id: int) -> Any:
        """Switch it on or off, or choose its rules."""
        changed = alerting.change(wiring, g.caller, destination_id, **given)
        if changed is None:
            raise _unknown(destination_id)
        return alerting.destination_document(changed)

    @part.route("/destinations/<int:destination_id>", methods=["DELETE"])
    @needs(Right.OPERATE)
    @part.response(204)
    def remove_destination(destination_id: int) -> None:
        """It is told nothing any more."""
        if alerting.remove(wiring, g.caller, destination_id) is None:
            raise _unknown(destination_id)

    @part.route("/destinations/<int:destination_id>/test", methods=["POST"])
    @needs(Right.OPERATE)
    @part.response(200, TestTaken)
    def test_destination(destination_id: int) -> Any:
        """Send a test now."""
        try:
            if alerting.try_out(wiring, g.caller, destination_id) is None:
                raise _unknown(destination_id)
        except NotSent as problem:
            return {"taken": False, "problem": str(problem)}
        return {"taken": True, "problem": None}


def _unknown(destination_id: int) -> NoSuchThing:
    return NoSuchThing(f"there is no destination {destination_id}")
