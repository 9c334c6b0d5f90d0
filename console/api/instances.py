"""/instances: list, show, versions, restore, apply, export, enable, disable, delete."""

import json
from typing import Any

from flask import g
from flask_smorest import Blueprint

from console import connections, overview, switching, versions
from console.access import Right
from console.api import schemas
from console.api.problems import NoSuchThing
from console.api.times import moment_ms
from console.api.tokens import needs
from console.configuration import applying, exporting, stored
from console.configuration.planning import plan
from console.configuration.platforms import WiredPlatforms
from console.configuration.reading import read
from console.web.site import Console
from core.domain.instances import Instance
from core.store import instances

AT = "/instances"


def find(console: Console, name: str) -> Instance:
    """The instance of that name; NoSuchThing with the names that there are."""
    with console.wiring.database.reading() as session:
        known = instances.all_instances(session)
    found = next((one for one in known if one.name == name), None)
    if found is None:
        names = ", ".join(one.name for one in known) or "none yet"
        raise NoSuchThing(f"there is no instance {name!r}; there are: {names}")
    return found


def blueprint(console: Console) -> Blueprint:
    """The routes."""
    part = Blueprint("api_instances", __name__, description="Integration instances.")
    _looking(part, console)
    _switching(part, console)
    _applying(part, console)
    return part


def _looking(part: Blueprint, console: Console) -> None:
    @part.route("", methods=["GET"])
    @needs(Right.VIEW)
    @part.response(200, schemas.Instance(many=True))
    def list_instances() -> Any:
        """All instances with their state."""
        return [overview.document(one) for one in overview.standings(console.wiring)]

    @part.route("/<path:name>", methods=["GET"])
    @needs(Right.VIEW)
    @part.response(200, schemas.Instance)
    def read_instance(name: str) -> Any:
        """One instance. One that is called like another of these paths is at its ``/show``."""
        return _shown(console, name)

    @part.route("/<path:name>/show", methods=["GET"])
    @needs(Right.VIEW)
    @part.response(200, schemas.Instance)
    def show_instance(name: str) -> Any:
        """The same, whatever the instance is called."""
        return _shown(console, name)

    @part.route("/<path:name>/versions", methods=["GET"])
    @needs(Right.VIEW)
    @part.response(200, schemas.Version(many=True))
    def list_versions(name: str) -> Any:
        """Every saved mapping, the newest first."""
        found = find(console, name)
        return [versions.document(found, one) for one in versions.every(console.wiring, found)]

    @part.route("/<path:name>/versions/<int:number>/restore", methods=["POST"])
    @needs(Right.CONFIGURE)
    @part.arguments(schemas.Restore)
    @part.response(200, schemas.Applied)
    def restore_version(given: dict[str, Any], name: str, number: int) -> Any:
        """Save an older mapping again, as a new version and through the checks of any save: 422 where a
        platform has one of its fields no more. ``dry_run``: only tell what would change."""
        made = versions.plan_restore(console.wiring, find(console, name), number)
        if not given["dry_run"]:
            connections.save(console.wiring, g.caller, made)
        return {"applied": not given["dry_run"], "changes": made.lines()}


def _switching(part: Blueprint, console: Console) -> None:
    @part.route("/<path:name>/enable", methods=["POST"])
    @needs(Right.CONFIGURE)
    @part.arguments(schemas.Enable)
    @part.response(200, schemas.Instance)
    def enable_instance(given: dict[str, Any], name: str) -> Any:
        """Carry changes over: from now on, or from ``since`` on."""
        since_ms = moment_ms(given["since"], console.now_ms()) if given["since"] else None
        switching.enable(
            console.wiring,
            find(console, name),
            g.caller,
            since_ms=since_ms,
            existing=given["existing"],
            max_creates=given["max_creates"],
        )
        return _shown(console, name)

    @part.route("/<path:name>/disable", methods=["POST"])
    @needs(Right.CONFIGURE)
    @part.response(200, schemas.Instance)
    def disable_instance(name: str) -> Any:
        """Stop at once: waiting and arriving events end as disabled."""
        switching.disable(console.wiring, find(console, name), g.caller)
        return _shown(console, name)

    @part.route("/<path:name>", methods=["DELETE"])
    @needs(Right.CONFIGURE)
    @part.response(204)
    def delete_instance(name: str) -> None:
        """Remove an instance and its mapping; links and log stay."""
        switching.delete(console.wiring, find(console, name), g.caller)


def _applying(part: Blueprint, console: Console) -> None:
    @part.route("/export", methods=["GET"])
    @needs(Right.VIEW)
    @part.response(200, content_type="application/json")
    def export_instances() -> Any:
        """All accounts and instances in the form of the configuration file, without secrets."""
        with console.wiring.database.reading() as session:
            return exporting.document(stored.take(session, console.wiring.sealer))

    @part.route("/apply", methods=["POST"])
    @needs(Right.CONFIGURE)
    @part.arguments(schemas.Apply)
    @part.response(200, schemas.Applied)
    def apply_instances(given: dict[str, Any]) -> Any:
        """Make accounts and instances match a configuration: all of it, or nothing."""
        return _apply(console, given)


def _shown(console: Console, name: str) -> dict[str, Any]:
    found = overview.standing(console.wiring, find(console, name).id)
    if found is None:
        raise NoSuchThing(f"there is no instance {name!r}")
    return overview.document(found)


def _apply(console: Console, given: dict[str, Any]) -> dict[str, Any]:
    wiring = console.wiring
    configuration = read(json.dumps(given["configuration"]), {})
    with wiring.database.reading() as session:
        now = stored.take(session, wiring.sealer)
    made = plan(configuration, now, WiredPlatforms(wiring), prune=given["prune"])
    if not given["dry_run"]:
        applying.carry_out(made, wiring.database, wiring.sealer, wiring.queue, wiring.clock, author=g.caller)
    return {"applied": not given["dry_run"], "changes": made.lines()}
