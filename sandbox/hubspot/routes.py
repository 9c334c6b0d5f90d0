"""Every path of HubSpot's that the sandbox serves, and which handler answers it.

Numbered and date-based paths are the same calls (facts §1.2, §4); the version reaches the handler as a group.
"""

from collections.abc import Callable
from functools import partial

from sandbox.hubspot import batch, oauth, properties, single
from sandbox.hubspot.portal import Portal, World
from sandbox.hubspot.search import search
from sandbox.messages import Response
from sandbox.platform import Route, route

VERSIONS = r"/crm/(?:objects/(?P<version>2026-03|2026-09)|v3/objects)/(?:contacts|0-1)"
PROPERTY_VERSIONS = r"/crm/(?:v3/properties|properties/(?:2026-03|2026-09|v3))/(?:contacts|0-1)"
OAUTH_VERSIONS = r"/oauth/(?:2026-03|2026-09|v3|v1)"


def api_routes(world: World) -> list[Route[Portal]]:

    def on(method: str, path: str, operation: str, handler: Callable[..., Response]) -> Route[Portal]:
        return route(method, path, operation, partial(handler, world))

    def open_to_all(
        method: str, path: str, operation: str, handler: Callable[..., Response]
    ) -> Route[Portal]:
        return route(method, path, operation, partial(handler, world), open_to_all=True)

    key = VERSIONS + "/(?P<key>[^/]+)"
    return [
        on("POST", VERSIONS + "/batch/read", "batch_read", batch.read),
        on("POST", VERSIONS + "/batch/create", "batch_create", batch.create),
        on("POST", VERSIONS + "/batch/update", "batch_update", batch.update),
        on("POST", VERSIONS + "/batch/upsert", "batch_upsert", batch.upsert),
        on("POST", VERSIONS + "/batch/archive", "batch_archive", batch.archive),
        on("POST", VERSIONS + "/search", "search", search),
        on("POST", VERSIONS + "/merge", "merge", single.merge),
        on("POST", VERSIONS + "/gdpr-delete", "privacy_delete", single.privacy_delete),
        on("GET", VERSIONS + "/?", "list", single.list_page),
        on("POST", VERSIONS + "/?", "create", single.create),
        on("GET", key, "read", single.read),
        on("PATCH", key, "update", single.update),
        on("DELETE", key, "archive", single.archive),
        on("GET", PROPERTY_VERSIONS + "/?", "properties", properties.list_all),
        on("POST", PROPERTY_VERSIONS + "/?", "property_create", properties.create),
        on("GET", PROPERTY_VERSIONS + "/groups", "properties", properties.groups),
        on("GET", PROPERTY_VERSIONS + "/(?P<name>[^/]+)", "properties", properties.read),
        on("DELETE", PROPERTY_VERSIONS + "/(?P<name>[^/]+)", "property_create", properties.archive),
        on("GET", "/account-info/(?:v3|2026-03|2026-09)/details", "account", properties.account_details),
        open_to_all("GET", "/oauth/authorize", "oauth", oauth.authorize_page),
        open_to_all("POST", "/oauth/authorize", "oauth", oauth.decide),
        open_to_all("POST", OAUTH_VERSIONS + "/token", "oauth", oauth.token),
        open_to_all("POST", OAUTH_VERSIONS + "/token/introspect", "oauth", oauth.introspect),
        open_to_all("POST", OAUTH_VERSIONS + "/token/revoke", "oauth", oauth.revoke),
        open_to_all("GET", "/oauth/v1/access-tokens/(?P<token>[^/]+)", "oauth", oauth.old_token_details),
    ]
