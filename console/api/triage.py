"""/problems: what is open, by cause; try again, acknowledge, snooze, reopen. /home: how all stands."""

from typing import Any

from flask import g
from flask_smorest import Blueprint, abort

from console import home, problems
from console.access import Right
from console.api import seeing_schemas as schemas
from console.api.problems import NoSuchThing
from console.api.times import moment_ms
from console.api.tokens import needs
from console.problems import Problem
from console.web.site import Console

AT = ""


def blueprint(console: Console) -> Blueprint:
    """The routes."""
    part = Blueprint("api_triage", __name__, description="Problems: one per cause.")

    @part.route("/home", methods=["GET"])
    @needs(Right.VIEW)
    @part.response(200, schemas.Home)
    def read_home() -> Any:
        """One true sentence about everything, and what it is made of."""
        return home.look(console.wiring).to_json()

    @part.route("/problems", methods=["GET"])
    @needs(Right.VIEW)
    @part.response(200, schemas.ProblemGroup(many=True))
    def list_problems() -> Any:
        """Every cause with something open: contacts, first and last seen, who acts, the next step."""
        return [one.to_json() for one in problems.every(console.wiring)]

    @part.route("/problems/retry", methods=["POST"])
    @needs(Right.TRIAGE)
    @part.arguments(schemas.Retry)
    @part.response(200, schemas.Retried)
    def retry_problem(given: dict[str, Any]) -> Any:
        """Try its contacts again: all as a job, or (``first``) a handful now, telling how each ended."""
        found = _found(console, given)
        if not found.can_retry:
            abort(409, message="there is nothing to try again here: see who acts, and whether it is on")
        if given["first"]:
            done = problems.try_first(console.wiring, found, g.caller)
            tried = [
                {"contact": contact, "outcome": one.outcome, "code": one.code}
                for contact, one in done.items()
            ]
            return {"job": None, "tried": tried}
        return {"job": problems.retry_all(console.wiring, found, g.caller).id, "tried": []}

    @part.route("/problems/state", methods=["POST"])
    @needs(Right.TRIAGE)
    @part.arguments(schemas.ProblemState)
    @part.response(200, schemas.ProblemGroup)
    def say_about_problem(given: dict[str, Any]) -> Any:
        """Acknowledge it, snooze it until a time or a number of contacts, or open it again."""
        found = _found(console, given)
        if given["state"] == "acknowledged":
            problems.acknowledge(console.wiring, found.key, g.caller, given["note"])
        elif given["state"] == "open":
            problems.reopen(console.wiring, found.key, g.caller)
        else:
            until_ms = moment_ms(given["until"], console.now_ms(), end=True)
            if until_ms <= console.now_ms():
                abort(422, messages={"until": ["must be a time to come"]})
            problems.snooze(
                console.wiring,
                found.key,
                g.caller,
                until_ms=until_ms,
                until_contacts=given["until_contacts"],
                note=given["note"],
            )
        return _found(console, given).to_json()

    return part


def _found(console: Console, given: dict[str, Any]) -> Problem:
    """The problem that is meant: by code, and by instance or account where the code alone is not enough."""
    found = problems.named(console.wiring, given["code"], given["instance"], given["account"])
    if not found:
        raise NoSuchThing(f"nothing is open under {given['code']} there")
    if len(found) > 1:
        abort(422, messages={"instance": ["several instances have this problem: name one"]})
    return found[0]
