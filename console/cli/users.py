"""``crosswalk users``: who may sign in to the console."""

from typing import Any

import click
from sqlalchemy.exc import IntegrityError

from console.access import Role
from console.cli.actor import actor
from console.cli.failing import Failed
from console.cli.output import print_json, print_table, say
from console.cli.start import Start, start
from console.times import rfc3339, short
from core.store import audit
from core.store import users as store
from core.store.users import User

_LINK_MS = 3 * 24 * 3600 * 1000
_ROLES = click.Choice([str(role) for role in Role])


@click.group()
def users() -> None:
    """The console's users: list, add, disable."""


@users.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
@start
def list_(start: Start, as_json: bool) -> None:
    """All users and their roles."""
    with start.wiring().database.reading() as session:
        known = store.every(session)
    if as_json:
        print_json([_told(one) for one in known])
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
    if "@" not in email:
        raise click.UsageError(f"{email!r} is no email address")
    wiring = start.wiring()
    now_ms = wiring.clock()
    try:
        with wiring.database.transaction() as session:
            user = store.by_email(session, email)
            if user is None:
                user = store.add(session, email=email, role=role, name=name, now_ms=now_ms)
                audit.record(session, now_ms, actor(), "user.added", user.email, [f"role {role}"])
            elif user.role != role:
                raise Failed(f"{user.email} is a user already, with the role {user.role}")
            elif user.disabled_at_ms is not None:
                store.enable(session, user.id)
                audit.record(session, now_ms, actor(), "user.enabled", user.email)
            token = store.make_link(session, user.id, "password", now_ms + _LINK_MS)
            audit.record(session, now_ms, actor(), "user.link", user.email)
    except IntegrityError:
        raise Failed(f"{email} was added by somebody else at this moment") from None
    origin = wiring.settings.console_url or wiring.settings.public_url or ""
    say(f"{user.email} ({Role(user.role).title}) sets a password with this link, once, within three days:")
    click.echo(f"{origin}/sign-in/link/{token}")


@users.command()
@click.argument("email")
@start
def disable(start: Start, email: str) -> None:
    """End a user's sessions at once; they can't sign in any more."""
    wiring = start.wiring()
    with wiring.database.transaction() as session:
        user = store.by_email(session, email)
        if user is None:
            raise Failed(f"there is no user {email!r}; see `crosswalk users list`")
        if user.disabled_at_ms is None:
            store.change(session, user.id, disabled_at_ms=wiring.clock())
            audit.record(session, wiring.clock(), actor(), "user.disabled", user.email)
    say(f"{user.email} is disabled.")


def _told(user: User) -> dict[str, Any]:
    return {
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "created_at": rfc3339(user.created_at_ms),
        "disabled_at": rfc3339(user.disabled_at_ms) if user.disabled_at_ms else None,
    }
