"""/dead: messages that were given up: list, replay, discard."""

from typing import Any

from flask import g
from flask_smorest import Blueprint, abort

from console import dead_letters as letters
from console.access import Right
from console.api import filters, schemas
from console.api.filters import query
from console.api.problems import NoSuchThing
from console.api.times import moment_or_none
from console.api.tokens import needs
from console.web.site import Console
from consumers.jobs import replaying
from consumers.jobs.replay_plan import plan
from core.store import dead_letters
from core.store.dead_letters import Search

AT = "/dead"


def blueprint(console: Console) -> Blueprint:
    """The routes."""
    part = Blueprint("api_dead_letters", __name__, description="Dead letters.")

    @part.route("", methods=["GET"])
    @needs(Right.VIEW)
    @query(part, schemas.DeadQuery)
    @part.response(200, schemas.DeadLetter(many=True))
    def list_dead(given: dict[str, Any]) -> Any:
        """The dead letters, oldest first."""
        with console.wiring.database.reading() as session:
            return [letters.document(one) for one in dead_letters.search(session, _search(console, given))]

    @part.route("/<int:letter_id>", methods=["GET"])
    @needs(Right.VIEW)
    @part.response(200, schemas.DeadLetterShown)
    def show_dead(letter_id: int) -> Any:
        """One dead letter: what failed, why, and what to do."""
        with console.wiring.database.reading() as session:
            found = dead_letters.get(session, letter_id)
        if found is None:
            raise NoSuchThing(f"there is no dead letter {letter_id}")
        return letters.shown(found)

    @part.route("/replay", methods=["POST"])
    @needs(Right.OPERATE)
    @part.arguments(schemas.DeadReplay)
    @part.response(200, schemas.Replayed)
    def replay_dead(given: dict[str, Any]) -> Any:
        """Queue dead letters again; answers when all are queued. Each brings its contact's current state."""
        wanted = _narrowed(console, given)
        told = plan(console.wiring, wanted)
        if given["dry_run"]:
            return letters.replay_document(told, None)
        if given["paced"]:
            job = letters.replay_paced(console.wiring, wanted, g.caller).id
            return letters.replay_document(told, replaying.Replayed(job=job))
        done = replaying.replay(console.wiring, wanted, g.caller)
        letters.note_replay(console.wiring, done.queued, done.job, g.caller)
        return letters.replay_document(told, done)

    @part.route("/discard", methods=["POST"])
    @needs(Right.OPERATE)
    @part.arguments(schemas.DeadDiscard)
    @part.response(200, schemas.Discarded)
    def discard_dead(given: dict[str, Any]) -> Any:
        """Give dead letters up for good; they stay as rows."""
        wanted = _narrowed(console, given)
        found, done = _count(console, wanted), 0
        if not given["dry_run"]:
            done = letters.discard(console.wiring, wanted, g.caller, given["reason"].strip())
        return letters.discard_document(found, done, dry_run=given["dry_run"])

    return part


def _search(console: Console, given: dict[str, Any]) -> Search:
    return Search(
        instance=filters.instance_name(console, given["instance"]),
        code=given["code"],
        direction=given["direction"],
        ids=given.get("ids") or (),
        since_ms=moment_or_none(given["since"], console.now_ms()),
        limit=given["limit"],
    )


def _narrowed(console: Console, given: dict[str, Any]) -> Search:
    """A search that was meant: without any narrowing, ``everything`` has to say so."""
    narrowing = ("instance", "code", "direction", "since", "limit", "ids", "everything")
    if not any(given[one] for one in narrowing):
        abort(422, messages={"everything": ["nothing narrows this: say everything: true if you mean all"]})
    return _search(console, given)


def _count(console: Console, wanted: Search) -> int:
    with console.wiring.database.reading() as session:
        letters, _ = dead_letters.total(session, wanted)
    return min(letters, wanted.limit or letters)
