"""``crosswalk users``: who may sign in to the console."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from console import people
from console.access import Role
from console.cli.actor import actor
from console.cli.failing import Failed
from console.cli.output import print_json, print_table, say
from console.cli.start import Start, start
from console.times import short
from core.store import users as store
from core.store.users import User

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_ROLES = click.Choice([str(role) for role in Role])


@click.group()
def users() -> None:
    """The console's users: list, add, role, disable, enable."""


@users.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
@start
def list_(start: Start, as_json: bool) -> None:
    """All users and their roles."""
    with start.wiring().database.reading() as session:
        known = store.every(session)
    if as_json:
        print_json([people.document(one) for one in known])
        return
    print_table(
        ("Email", "Name", "Role", "Added", "State"),
        (
            (
                one.email,
                one.name,
                Role(one.role).title,
                short(one.created_at_ms),
                "disabled" if one.disabled_at_ms else "",
            )
            for one in known
        ),
        "There are no users yet. `crosswalk users add EMAIL --role owner` makes the first.",
    )


@users.command()
@click.argument("email")
@click.option("--role", type=_ROLES, default=str(Role.VIEWER), show_default=True, help="What they may do.")
@click.option("--name", default="", help="How the console calls them.")
@start
def add(start: Start, email: str, role: str, name: str) -> None:
    """Add a user, or give one who is there a new link; the link sets a password and works once.

    One who was disabled may sign in again.
    """
    if not people.is_email(email):
        raise click.UsageError(f"{email!r} is no email address")
    wiring = start.wiring()
    now_ms = wiring.clock()
    with wiring.database.transaction() as session, _refusing():
        user = store.by_email(session, email)
        if user is None:
            user = people.add(session, actor(), now_ms, email=email, role=Role(role), name=name)
        elif user.role != role:
            raise Failed(f"{user.email} is a user already, with the role {user.role}")
        else:
            people.enable(session, actor(), now_ms, user)
        token = people.link(session, actor(), now_ms, user)
    origin = wiring.settings.console_url or wiring.settings.public_url or ""
    say(f"{user.email} ({Role(user.role).title}) sets a password with this link, once, within three days:")
    click.echo(f"{origin}/sign-in/link/{token}")


@users.command()
@click.argument("email")
@click.argument("role", type=_ROLES)
@start
def role(start: Start, email: str, role: str) -> None:
    """Give a user another role; their sessions end. The last owner stays one."""
    wiring = start.wiring()
    with wiring.database.transaction() as session, _refusing():
        user = _named(session, email)
        people.set_role(session, actor(), wiring.clock(), user, Role(role))
    say(f"{user.email} is {Role(role).title} now.")


@users.command()
@click.argument("email")
@start
def disable(start: Start, email: str) -> None:
    """End a user's sessions at once; they can't sign in any more. The last owner stays."""
    wiring = start.wiring()
    with wiring.database.transaction() as session, _refusing():
        user = _named(session, email)
        people.disable(session, actor(), wiring.clock(), user)
    say(f"{user.email} is disabled.")


@users.command()
@click.argument("email")
@start
def enable(start: Start, email: str) -> None:
    """A disabled user may sign in again."""
    wiring = start.wiring()
    with wiring.database.transaction() as session:
        user = _named(session, email)
        people.enable(session, actor(), wiring.clock(), user)
    say(f"{user.email} may sign in again.")


def _named(session: "Session", email: str) -> User:
    user = store.by_email(session, email)
    if user is None:
        raise Failed(f"there is no user {email!r}; see `crosswalk users list`")
    return user


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except people.CannotChange as refused:
        raise Failed(str(refused)) from None
