"""/accounts: list, connect by token, test."""

from typing import Any

from flask import g
from flask_smorest import Blueprint

from console import account_list, connections
from console.access import Right
from console.account_list import Known
from console.api import schemas
from console.api.problems import NoSuchThing
from console.api.tokens import needs
from console.times import rfc3339
from console.web.site import Console
from core.domain.fields import Platform

AT = "/accounts"


def blueprint(console: Console) -> Blueprint:
    """The routes."""
    part = Blueprint("api_accounts", __name__, description="The connected accounts.")

    @part.route("", methods=["GET"])
    @needs(Right.VIEW)
    @part.response(200, schemas.Account(many=True))
    def list_accounts() -> Any:
        """All accounts; a held one with the reason."""
        return [_told(one) for one in account_list.known(console.wiring)]

    @part.route("", methods=["POST"])
    @needs(Right.CONFIGURE)
    @part.arguments(schemas.NewAccount)
    @part.response(201, schemas.Account)
    def connect_account(given: dict[str, Any]) -> Any:
        """Connect an account by a token, or give the one that is there a new token."""
        platform, token = Platform(given["platform"]), given["token"]
        credentials: dict[str, Any] = {"api_token": token}
        if platform is Platform.HUBSPOT:
            credentials = {"access_token": token, "refresh_token": None, "expires_at_ms": None}
        owner = connections.owner_of(console.wiring, platform, token)
        made = connections.connect(console.wiring, g.caller, platform, owner, credentials, given["name"])
        return next(
            _told(one) for one in account_list.known(console.wiring) if one.account.id == made.account.id
        )

    @part.route("/<platform>/<path:name>/test", methods=["POST"])
    @needs(Right.CONFIGURE)
    @part.response(200, schemas.Tested)
    def test_account(platform: str, name: str) -> Any:
        """Call the platform once."""
        for one in account_list.known(console.wiring):
            if (str(one.account.platform), one.account.name) == (platform, name):
                return account_list.tested(console.wiring, one.account)
        raise NoSuchThing(f"there is no {platform} account {name!r}")

    return part


def _told(one: Known) -> dict[str, Any]:
    hold = one.hold
    return {
        **account_list.named(one.account),
        "instances": [instance.name for instance in one.used_by],
        "held": hold and {"code": hold.code, "detail": hold.detail, "since": rfc3339(hold.since_ms)},
    }
