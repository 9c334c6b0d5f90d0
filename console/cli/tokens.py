"""``crosswalk tokens``: the JSON API's tokens, the twin of the console's page."""

from typing import Any

import click

from console.access import Role
from console.cli.actor import actor
from console.cli.failing import Failed
from console.cli.numbers import NUMBER
from console.cli.output import print_json, print_table, say
from console.cli.start import Start, start
from console.times import rfc3339, short
from core.store import api_tokens as store
from core.store import audit
from core.store.api_tokens import LONGEST_NAME, ApiToken

JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout, messages on stderr.")
_ROLES = click.Choice([str(role) for role in Role])


@click.group()
def tokens() -> None:
    """The JSON API's tokens: list, add, revoke. They do not expire."""


@tokens.command(name="list")
@JSON
@start
def list_(start: Start, as_json: bool) -> None:
    """All tokens, the newest first, without themselves: nobody can see one again."""
    with start.wiring().database.reading() as session:
        known = store.every(session)
    if as_json:
        print_json([_told(one) for one in known])
        return
    print_table(
        ("Id", "Name", "Role", "Made (UTC)", "By", "Last use", "State"),
        (
            (
                one.id,
                one.name,
                Role(one.role).title,
                short(one.created_at_ms),
                one.author,
                short(one.used_at_ms) if one.used_at_ms else "",
                "revoked" if one.revoked_at_ms else "",
            )
            for one in known
        ),
        "There are no tokens yet. `crosswalk tokens add NAME` makes one.",
    )


@tokens.command()
@click.argument("name")
@click.option("--role", type=_ROLES, default=str(Role.VIEWER), show_default=True, help="What it may do.")
@JSON
@start
def add(start: Start, name: str, role: str, as_json: bool) -> None:
    """Make a token and print it, this one time. NAME says what it is for."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME:
        raise click.UsageError(f"NAME says what the token is for, in 1 to {LONGEST_NAME} characters")
    wiring = start.wiring()
    with wiring.database.transaction() as session:
        made, text = store.create(session, name=name, role=role, author=actor(), now_ms=wiring.clock())
        audit.record(
            session, wiring.clock(), actor(), "api-token.created", name, [f"role {Role(role).title}"]
        )
    if as_json:
        print_json(_told(made) | {"token": text})
        return
    say(f"The token {made.name} ({Role(role).title}). Copy it now, it is not shown again:")
    click.echo(text)


@tokens.command()
@click.argument("token", metavar="ID", type=NUMBER)
@JSON
@start
def revoke(start: Start, token: int, as_json: bool) -> None:
    """Whatever uses the token is refused from now on, for good. ID is that of `crosswalk tokens list`."""
    wiring = start.wiring()
    with wiring.database.transaction() as session:
        revoked = store.revoke(session, token, wiring.clock())
        if revoked is None:
            raise Failed(f"there is no token {token}; see `crosswalk tokens list`")
        audit.record(session, wiring.clock(), actor(), "api-token.revoked", revoked.name)
    if as_json:
        print_json(_told(revoked))
    else:
        say(f"The token {revoked.name} works no more.")


def _told(token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "author": token.author,
        "created_at": rfc3339(token.created_at_ms),
        "used_at": rfc3339(token.used_at_ms) if token.used_at_ms else None,
        "revoked_at": rfc3339(token.revoked_at_ms) if token.revoked_at_ms else None,
    }
