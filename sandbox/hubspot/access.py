"""Who may call: tokens, scopes and budgets of HubSpot.

Source: https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines (facts §5, §6).
"""

from sandbox.hubspot.errors import error, missing_scopes, too_many
from sandbox.hubspot.portal import Portal, Token, World
from sandbox.limits import RollingLimit
from sandbox.messages import Refusal, Request, Response
from sandbox.platform import Call

BURST_S, DAY_S = 10.0, 86_400.0
READ, WRITE = "crm.objects.contacts.read", "crm.objects.contacts.write"
SCOPES = {"properties": "crm.schemas.contacts.read", "property_create": "crm.schemas.contacts.write"}
READS = ("read", "list", "batch_read", "search")
NO_SCOPE = ("account", "oauth")


def scope_of(operation: str) -> str:
    return SCOPES.get(operation, READ if operation in READS else WRITE)


class Gate:
    """Lets a call in, or raises ``Refusal`` with 401, 403 or 429."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._settings = world.settings
        self._limits = RollingLimit()

    def reset(self) -> None:
        self._limits.clear()

    def grant(self, request: Request) -> Token | None:
        """The valid token that the call carries."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        grant = self._world.tokens.get(token.strip()) if scheme.lower() == "bearer" else None
        return None if grant is None or grant.expired else grant

    def check(self, call: Call[Portal]) -> None:
        grant = self.grant(call.request)
        if grant is None or call.known_account is None:
            raise Refusal(error(401))
        if self._settings.limits:
            self._take_budget(call, grant)
        scope = scope_of(call.operation)
        if call.operation not in NO_SCOPE and scope not in grant.scopes:
            raise Refusal(missing_scopes([scope]))

    def spoiled(self, status: int, call: Call[Portal]) -> Response:
        """The usual answer of a status, for faults."""
        if status == 429:
            return too_many("SECONDLY" if call.operation == "search" else "TEN_SECONDLY_ROLLING", None)
        return missing_scopes([scope_of(call.operation)]) if status == 403 else error(status)

    def _take_budget(self, call: Call[Portal], grant: Token) -> None:
        """Search has a limit of its own, without headers; the daily one counts everything (facts §5)."""
        settings, portal_id = self._settings, grant.portal_id
        daily_left = self._take(f"{portal_id}/day", settings.limit_daily, DAY_S, "DAILY")
        if call.operation == "search":
            self._take(f"{portal_id}/search", settings.limit_search_per_s, 1.0, "SECONDLY")
            return
        most = settings.limit_burst_oauth if grant.kind == "oauth" else settings.limit_burst_static
        left = self._take(f"{portal_id}/{grant.kind}", most, BURST_S, "TEN_SECONDLY_ROLLING")
        call.answer_headers = (
            ("X-HubSpot-RateLimit-Max", str(most)),
            ("X-HubSpot-RateLimit-Remaining", str(left)),
            ("X-HubSpot-RateLimit-Interval-Milliseconds", "10000"),
        )
        if grant.kind == "static":
            call.answer_headers += (
                ("X-HubSpot-RateLimit-Daily", str(settings.limit_daily)),
                ("X-HubSpot-RateLimit-Daily-Remaining", str(daily_left)),
            )

    def _take(self, key: str, limit: int, interval_s: float, policy: str) -> int:
        left = self._limits.take(key, limit, interval_s)
        if left is None:
            wait_s = max(1, round(self._limits.wait_s(key, interval_s)))
            raise Refusal(too_many(policy, wait_s if self._settings.retry_after_on_429 else None))
        return left
