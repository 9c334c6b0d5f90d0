"""Mainstay's part of the control API: contacts and organisations as an outside user would change them."""

import base64
from typing import Any

from sandbox.control import body_of, refused
from sandbox.mainstay.contacts import shown
from sandbox.mainstay.fields import FIELD_TYPES, CustomField
from sandbox.mainstay.organisation import Contact, Organisation, World
from sandbox.mainstay.outside_user import OutsideUser
from sandbox.messages import JsonObject, Response, json_response
from sandbox.platform import Call, Route, route


class MainstayControl:
    """Contacts, organisations, custom fields and raw events."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._desk = OutsideUser(world)

    def routes(self) -> list[Route[Organisation]]:
        return [
            route("GET", "/_sandbox/contacts", "contacts", self.list_contacts),
            route("POST", "/_sandbox/contacts", "contacts", self.add_contacts),
            route("GET", "/_sandbox/contacts/(?P<id>[^/]+)", "contacts", self.read_contact),
            route("PATCH", "/_sandbox/contacts/(?P<id>[^/]+)", "contacts", self.change_contact),
            route("DELETE", "/_sandbox/contacts/(?P<id>[^/]+)", "contacts", self.archive_contact),
            route("GET", "/_sandbox/orgs", "orgs", self.list_organisations),
            route("POST", "/_sandbox/orgs", "orgs", self.add_organisation),
            route("POST", "/_sandbox/custom-fields", "custom-fields", self.add_field),
            route("DELETE", "/_sandbox/custom-fields/(?P<name>[^/]+)", "custom-fields", self.remove_field),
            route("POST", "/_sandbox/events", "events", self.send_events),
        ]

    def _organisation(self, call: Call[Organisation]) -> Organisation:
        wanted = call.request.first("org") or next(iter(self._world.organisations), "")
        if wanted not in self._world.organisations:
            raise refused(404, f"no organisation {wanted}")
        return self._world.organisations[wanted]

    def _full(self, contact: Contact) -> JsonObject:
        return {**shown(contact, self._world.settings), "previous_phone": contact.previous_phone}

    def list_contacts(self, call: Call[Organisation]) -> Response:
        found = self._organisation(call).contacts.values()
        wanted = {name: call.request.first(name) for name in ("phone", "crm_id", "email")}
        rows = [c for c in found if all(not v or c.values.get(n) == v for n, v in wanted.items())]
        return json_response(200, {"total": len(rows), "contacts": [self._full(each) for each in rows]})

    def add_contacts(self, call: Call[Organisation]) -> Response:
        body, organisation = body_of(call), self._organisation(call)
        given = body.get("contacts", [body])
        made = [self._full(self._desk.write(organisation, None, each)) for each in given]
        return json_response(201, {"contacts": made} if "contacts" in body else made[0])

    def read_contact(self, call: Call[Organisation]) -> Response:
        return json_response(200, self._full(self._desk.contact(self._organisation(call), call.groups["id"])))

    def change_contact(self, call: Call[Organisation]) -> Response:
        organisation = self._organisation(call)
        contact = self._desk.contact(organisation, call.groups["id"])
        return json_response(200, self._full(self._desk.write(organisation, contact, body_of(call))))

    def archive_contact(self, call: Call[Organisation]) -> Response:
        """Archives, as the product does; ``?hard=true`` removes the contact without a word."""
        organisation = self._organisation(call)
        contact = self._desk.contact(organisation, call.groups["id"])
        if call.request.first("hard") == "true":
            organisation.remove(contact)
        else:
            self._desk.write(organisation, contact, {"archived": True})
        return Response(204)

    def list_organisations(self, call: Call[Organisation]) -> Response:
        rows = [
            {
                "org": each.id,
                "tokens": each.tokens,
                "webhook_secrets": each.webhook_secrets,
                "contacts": len(each.contacts),
            }
            for each in self._world.organisations.values()
        ]
        return json_response(200, {"orgs": rows})

    def add_organisation(self, call: Call[Organisation]) -> Response:
        """Adds an organisation, or changes tokens and secrets of one: the lists replace what was there."""
        body = body_of(call)
        tokens = _texts(body, "tokens") or ([str(body["token"])] if "token" in body else [])
        secrets = _texts(body, "webhook_secrets")
        if not body.get("org"):
            raise refused(400, 'expected {"org": text, "tokens": [text], "webhook_secrets": ["whsec_…"]}')
        if not all(_is_secret(each) for each in secrets):
            raise refused(400, "webhook_secrets: whsec_<base64>")
        known = self._world.organisations.get(str(body["org"]))
        if known is not None and "tokens" in body:
            known.tokens.clear()
        organisation = self._world.add(str(body["org"]), tokens, secrets)
        return json_response(
            201,
            {
                "org": organisation.id,
                "tokens": organisation.tokens,
                "webhook_secrets": organisation.webhook_secrets,
            },
        )

    def add_field(self, call: Call[Organisation]) -> Response:
        body, organisation = body_of(call), self._organisation(call)
        name, type_ = str(body.get("name", "")), str(body.get("type", "Text"))
        if not name or type_ not in FIELD_TYPES:
            raise refused(400, f'expected {{"name": text, "type": one of {FIELD_TYPES}}}')
        organisation.custom_fields[name] = CustomField(name, type_, tuple(_texts(body, "options")))
        return json_response(201, {"name": name, "type": type_})

    def remove_field(self, call: Call[Organisation]) -> Response:
        organisation = self._organisation(call)
        organisation.custom_fields.pop(call.groups["name"], None)
        for contact in organisation.contacts.values():
            contact.custom.pop(call.groups["name"], None)
        return Response(204)

    def send_events(self, call: Call[Organisation]) -> Response:
        self._world.publish(self._organisation(call).id, list(body_of(call)["events"]))
        return Response(202)


def _texts(body: JsonObject, name: str) -> list[str]:
    given: Any = body.get(name) or []
    return [str(each) for each in given]


def _is_secret(text: str) -> bool:
    try:
        return text.startswith("whsec_") and bool(base64.b64decode(text[6:], validate=True))
    except ValueError:
        return False
