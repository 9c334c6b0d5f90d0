"""What narrows a list, in a query: as strict as the command line's options, so that a typing error never
looks like "nothing found"."""

from collections.abc import Callable
from typing import Any

from flask import Response, request
from flask_smorest import Blueprint
from marshmallow import Schema

from console.api.problems import problem
from console.api.times import refused
from console.contact_argument import Named, parse
from console.web.site import Console
from core.domain.instances import Instance
from core.store import accounts, instances

View = Callable[..., Any]


def query(part: Blueprint, schema: type[Schema]) -> Callable[[View], View]:
    """Hands the query's parameters to a view; ``refusal`` then knows them."""
    names = tuple(schema().fields)

    def mark(view: View) -> View:
        read: View = part.arguments(schema, location="query")(view)
        read.query = names  # type: ignore[attr-defined]
        return read

    return mark


def refusal(view: View) -> Response | None:
    """422 where the present request has a parameter that the view does not know, else None. Left alone, a
    mistyped one would widen what it was to narrow, and ``?dry_run=true`` of a body's member would do it."""
    known = getattr(view, "query", ())
    unknown = [name for name in request.args if name not in known]
    if not unknown:
        return None
    there = f"there are: {', '.join(known)}" if known else "this call takes none"
    named = ", ".join(repr(name) for name in unknown)
    errors = {"query": {name: ["Unknown parameter."] for name in unknown}}
    return problem(422, f"unknown in the query: {named}; {there}", errors=errors)


def instance(console: Console, name: str) -> Instance | None:
    """The instance of that name; also a deleted one, "NAME (deleted ID)": its records stay. None for no name,
    422 where there is none."""
    if not name:
        return None
    with console.wiring.database.reading() as session:
        known = instances.all_instances(session, deleted=True)
    found = next((one for one in known if one.name == name), None)
    if found is None:
        raise refused("instance", f"there is no instance {name!r}")
    return found


def instance_name(console: Console, name: str) -> str:
    """The name, or empty; 422 as ``instance``."""
    instance(console, name)
    return name


def account_name(console: Console, name: str) -> str:
    """The name of an account, or empty; 422 where there is none."""
    if name:
        with console.wiring.database.reading() as session:
            known = {one.name for one in accounts.all_accounts(session)}
        if name not in known:
            raise refused("account", f"there is no account {name!r}")
    return name


def contact_id(text: str) -> str:
    """``hubspot:ID``, ``mainstay:ID`` or a bare ID as a search takes it, or empty. 422."""
    return ":".join(part for part in contact(text) if part) if text else ""


def contact(text: str) -> Named:
    """As ``parse``; 422 where it can't be read."""
    try:
        return parse(text)
    except ValueError as error:
        raise refused("contact", str(error)) from None
