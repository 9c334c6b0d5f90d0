"""/users: list, add, role, link, disable, enable. Users go by number: no address holds an email."""

from collections.abc import Callable
from typing import Any

from flask import g, url_for
from flask_smorest import Blueprint
from sqlalchemy.orm import Session

from console import people
from console.access import Right, Role
from console.api import owning_schemas as schemas
from console.api.problems import NoSuchThing
from console.api.times import refused
from console.api.tokens import needs
from console.web.site import Console
from core.store import users
from core.store.users import User

AT = "/users"


def blueprint(console: Console) -> Blueprint:
    """The routes."""
    part = Blueprint("api_users", __name__, description="The console's users.")
    _inviting(part, console)
    _changing(part, console)
    return part


def _inviting(part: Blueprint, console: Console) -> None:
    @part.route("", methods=["GET"])
    @needs(Right.OWN)
    @part.response(200, schemas.User(many=True))
    def list_users() -> Any:
        """All users, disabled ones too."""
        with console.wiring.database.reading() as session:
            return [people.document(one) for one in users.every(session)]

    @part.route("", methods=["POST"])
    @needs(Right.OWN)
    @part.arguments(schemas.NewUser)
    @part.response(201, schemas.Invited)
    def add_user(given: dict[str, Any]) -> Any:
        """Add a user; the answer's ``link`` sets the first password. 409 where the email is a user's."""
        email, now_ms = given["email"].strip(), console.now_ms()
        if not people.is_email(email):
            raise refused("email", "is no email address")
        with console.wiring.database.transaction() as session:
            made = people.add(
                session, g.caller, now_ms, email=email, role=Role(given["role"]), name=given["name"]
            )
            token = people.link(session, g.caller, now_ms, made, noted=False)
        return {**people.document(made), "link": _address(console, token)}

    @part.route("/<int:user_id>/link", methods=["POST"])
    @needs(Right.OWN)
    @part.response(200, schemas.Invited)
    def link_user(user_id: int) -> Any:
        """A new link that sets a password; an older one ends."""
        with console.wiring.database.transaction() as session:
            found = _found(session, user_id)
            token = people.link(session, g.caller, console.now_ms(), found)
        return {**people.document(found), "link": _address(console, token)}


def _changing(part: Blueprint, console: Console) -> None:
    @part.route("/<int:user_id>/role", methods=["POST"])
    @needs(Right.OWN)
    @part.arguments(schemas.NewRole)
    @part.response(200, schemas.User)
    def set_role(given: dict[str, Any], user_id: int) -> Any:
        """Another role; their sessions end. 409 for the last owner."""
        role = Role(given["role"])
        return _changed(
            console,
            user_id,
            lambda session, user: people.set_role(session, g.caller, console.now_ms(), user, role),
        )

    @part.route("/<int:user_id>/disable", methods=["POST"])
    @needs(Right.OWN)
    @part.response(200, schemas.User)
    def disable_user(user_id: int) -> Any:
        """End their sessions at once; they can't sign in any more. 409 for the last owner."""
        return _changed(
            console, user_id, lambda session, user: people.disable(session, g.caller, console.now_ms(), user)
        )

    @part.route("/<int:user_id>/enable", methods=["POST"])
    @needs(Right.OWN)
    @part.response(200, schemas.User)
    def enable_user(user_id: int) -> Any:
        """They may sign in again."""
        return _changed(
            console, user_id, lambda session, user: people.enable(session, g.caller, console.now_ms(), user)
        )


def _changed(console: Console, user_id: int, change: Callable[[Session, User], None]) -> dict[str, Any]:
    with console.wiring.database.transaction() as session:
        change(session, _found(session, user_id))
        return people.document(_found(session, user_id))


def _found(session: Session, user_id: int) -> User:
    found = users.by_id(session, user_id)
    if found is None:
        raise NoSuchThing(f"there is no user {user_id}")
    return found


def _address(console: Console, token: str) -> str:
    return f"{console.origin}{url_for('sign_in_link', token=token)}"
