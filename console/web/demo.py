"""The demo's owner: a user who signs in by a link, and never by a password."""

from console.access import Role
from core.store import users
from core.wiring import Wiring

DEMO_OWNER = "demo@crosswalk.example"
_LIFETIME_MS = 30 * 24 * 3600 * 1000


def sign_in_path(wiring: Wiring) -> str:
    """The path of a link that signs in as the demo's owner, as often as it is opened. For the demo only."""
    now_ms = wiring.clock()
    with wiring.database.transaction() as session:
        user = users.by_email(session, DEMO_OWNER)
        if user is None:
            user = users.add(session, email=DEMO_OWNER, role=Role.OWNER, name="Demo owner", now_ms=now_ms)
        return f"/sign-in/link/{users.make_link(session, user.id, 'demo', now_ms + _LIFETIME_MS)}"
