"""HubSpot's part of the control API: contacts and portals as an outside user would change them."""

import time

from sandbox.control import body_of, refused
from sandbox.hubspot.contacts import Contact, Origin
from sandbox.hubspot.events import MIXED
from sandbox.hubspot.oauth import end_app_access
from sandbox.hubspot.outside_user import OutsideUser
from sandbox.hubspot.portal import Portal, Token, World
from sandbox.hubspot.properties import add_property
from sandbox.hubspot.records import record
from sandbox.hubspot.writes import user_origin
from sandbox.messages import JsonObject, Response, json_response
from sandbox.platform import Call, Route, route


def full(contact: Contact) -> JsonObject:
    return record(contact, tuple(contact.values), tuple(contact.history))


def _origin(body: JsonObject) -> Origin:
    """A user's edit, dated ``at_ms`` where that is given; ``source_type``/``source_id`` override the user."""
    origin = user_origin(body.get("at_ms"))
    return origin._replace(
        source_type=str(body.get("source_type", origin.source_type)),
        source_id=str(body.get("source_id", origin.source_id)),
    )


def _values(body: JsonObject) -> dict[str, object]:
    values = body.get("properties")
    if not isinstance(values, dict):
        raise refused(400, 'expected {"properties": {…}}')
    return values


class HubSpotControl:
    """Contacts, portals, tokens, properties and raw events."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._desk = OutsideUser(world)

    def routes(self) -> list[Route[Portal]]:
        return [
            route("GET", "/_sandbox/contacts", "contacts", self.list_contacts),
            route("POST", "/_sandbox/contacts", "contacts", self.add_contacts),
            route("GET", "/_sandbox/contacts/(?P<id>[^/]+)", "contacts", self.read_contact),
            route("PATCH", "/_sandbox/contacts/(?P<id>[^/]+)", "contacts", self.change_contact),
            route("DELETE", "/_sandbox/contacts/(?P<id>[^/]+)", "contacts", self.archive_contact),
            route("POST", "/_sandbox/merge", "merge", self.merge),
            route("POST", "/_sandbox/restore", "restore", self.restore),
            route("POST", "/_sandbox/privacy-delete", "privacy-delete", self.forget),
            route("GET", "/_sandbox/portals", "portals", self.list_portals),
            route("POST", "/_sandbox/portals", "portals", self.add_portal),
            route("POST", "/_sandbox/tokens/end", "tokens", self.end_tokens),
            route("POST", "/_sandbox/properties", "properties", self.create_property),
            route("PATCH", "/_sandbox/properties/(?P<name>[^/]+)", "properties", self.change_property),
            route("POST", "/_sandbox/events", "events", self.send_events),
        ]

    def _portal(self, call: Call[Portal]) -> Portal:
        wanted = call.request.first("portal") or next(iter(self._world.portals), "")
        if wanted not in self._world.portals:
            raise refused(404, f"no portal {wanted}")
        return self._world.portals[wanted]

    def list_contacts(self, call: Call[Portal]) -> Response:
        portal = self._portal(call)
        archived = call.request.first("archived") == "true"
        found = [c for c in portal.book.all.values() if (c.archived_at_ms is not None) == archived]
        email = call.request.first("email").lower()
        shown = [full(c) for c in found if not email or email in c.emails()]
        return json_response(200, {"total": len(shown), "contacts": shown})

    def add_contacts(self, call: Call[Portal]) -> Response:
        body, portal = body_of(call), self._portal(call)
        given = body.get("contacts", [body])
        made = [full(self._desk.write(portal, None, _values(each), _origin(each))) for each in given]
        return json_response(201, {"contacts": made} if "contacts" in body else made[0])

    def read_contact(self, call: Call[Portal]) -> Response:
        archived = call.request.first("archived") == "true"
        return json_response(200, full(self._desk.contact(self._portal(call), call.groups["id"], archived)))

    def change_contact(self, call: Call[Portal]) -> Response:
        body, portal = body_of(call), self._portal(call)
        contact = self._desk.contact(portal, call.groups["id"])
        return json_response(200, full(self._desk.write(portal, contact, _values(body), _origin(body))))

    def archive_contact(self, call: Call[Portal]) -> Response:
        portal = self._portal(call)
        self._desk.archive(portal, self._desk.contact(portal, call.groups["id"]), user_origin())
        return Response(204)

    def merge(self, call: Call[Portal]) -> Response:
        body, portal = body_of(call), self._portal(call)
        primary = self._desk.contact(portal, str(body.get("primary", "")))
        other = self._desk.contact(portal, str(body.get("other", "")))
        return json_response(200, full(self._desk.merge(portal, primary, other, _origin(body))))

    def restore(self, call: Call[Portal]) -> Response:
        body, portal = body_of(call), self._portal(call)
        contact = self._desk.contact(portal, str(body.get("id", "")), archived=True)
        self._desk.restore(portal, contact, _origin(body))
        return json_response(200, full(contact))

    def forget(self, call: Call[Portal]) -> Response:
        body, portal = body_of(call), self._portal(call)
        wanted = str(body.get("id", ""))
        contact = portal.book.resolve(wanted) or self._desk.contact(portal, wanted, archived=True)
        self._desk.forget(portal, contact, _origin(body))
        return Response(204)

    def list_portals(self, call: Call[Portal]) -> Response:
        shown = [
            {
                "portal": portal.id,
                "tokens": [t for t, grant in self._world.tokens.items() if grant.portal_id == portal.id],
                "contacts": len(portal.book.all),
            }
            for portal in self._world.portals.values()
        ]
        return json_response(200, {"portals": shown})

    def add_portal(self, call: Call[Portal]) -> Response:
        body = body_of(call)
        tokens = body.get("tokens") or ([body["token"]] if "token" in body else [])
        if not str(body.get("portal", "")).isdigit():
            raise refused(400, 'expected {"portal": number, "tokens": [text]}')
        portal = self._world.add_portal(str(body["portal"]), tokens, bool(body.get("unique_admithub_id")))
        for token in tokens:
            if "scopes" in body:
                self._world.tokens[token].scopes = list(body["scopes"])
        return json_response(201, {"portal": portal.id, "tokens": tokens})

    def end_tokens(self, call: Call[Portal]) -> Response:
        """Ends tokens: {"expire": true} runs all access tokens of OAuth out, {"token": …} revokes one,
        {"uninstall": portal} ends the app's access and refresh tokens."""
        body = body_of(call)
        if body.get("expire"):
            for grant in _oauth_tokens(self._world):
                grant.expires_at_s = time.time()
        if "uninstall" in body:
            end_app_access(self._world, str(body["uninstall"]))
        self._world.tokens.pop(str(body.get("token", "")), None)
        return Response(204)

    def create_property(self, call: Call[Portal]) -> Response:
        body, portal = body_of(call), self._portal(call)
        group = {"groupName": "university", "label": body.get("name")}
        return json_response(201, add_property(portal, {**group, **body}).as_json())

    def change_property(self, call: Call[Portal]) -> Response:
        body, portal = body_of(call), self._portal(call)
        definition = portal.book.catalogue.get(call.groups["name"])
        if definition is None:
            raise refused(404, f"no property {call.groups['name']}")
        for key in ("unique", "read_only", "sensitive", "archived", "hidden"):
            setattr(definition, key, bool(body.get(key, getattr(definition, key))))
        if "options" in body:
            definition.options = [(o["value"], o.get("label", o["value"])) for o in body["options"]]
        portal.book.relearn_keys()
        return json_response(200, definition.as_json())

    def send_events(self, call: Call[Portal]) -> Response:
        """Raw events, such as the settings page's Test button would send."""
        body, portal = body_of(call), self._portal(call)
        self._world.publish(
            MIXED if self._world.settings.mix_portals_in_post else portal.id, list(body["events"])
        )
        return Response(202)


def _oauth_tokens(world: World) -> list[Token]:
    return [grant for grant in world.tokens.values() if grant.kind == "oauth"]
