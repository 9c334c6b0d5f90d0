"""Which of the scopes that the work needs a token lacks, by calls that read one record or write none.

HubSpot refuses with 403 MISSING_SCOPES what a token may not do. That it looks at the scopes before it looks
at an empty batch is inferred, not documented: a missing write scope may show at the first write only.
"""

from collections.abc import Sequence

from core.platforms.errors import PermissionMissing, Refused
from core.platforms.hubspot.calls import JSON, Calls
from core.platforms.throttle import Throttle


def missing(calls: Calls, throttle: Throttle) -> list[str]:
    """The names of the scopes that are missing. PlatformError where the token or HubSpot does not work."""
    tries: Sequence[tuple[str, str, str, JSON | None]] = (
        ("crm.objects.contacts.read", "GET", calls.contacts(), None),
        ("crm.schemas.contacts.read", "GET", calls.catalogue(), None),
        ("crm.objects.contacts.write", "POST", calls.contacts("/batch/update"), {"inputs": []}),
    )
    found = []
    for scope, method, path, body in tries:
        query = [("limit", "1")] if path == calls.contacts() else []
        try:
            calls.call("scopes", method, path, throttle, query=query, body=body)
        except PermissionMissing:
            found.append(scope)
        except Refused:
            pass  # let in, and refused for what it asked: nothing to update
    return found
