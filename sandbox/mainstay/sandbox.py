"""The Mainstay server: its routes, its authentication and limit, its signed events, its state."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from sandbox.control import CommonControl
from sandbox.limits import RollingLimit
from sandbox.mainstay import api
from sandbox.mainstay.contacts import now_us
from sandbox.mainstay.control import MainstayControl
from sandbox.mainstay.fields import CustomField
from sandbox.mainstay.organisation import Contact, Organisation, World
from sandbox.mainstay.page import page_routes
from sandbox.mainstay.settings import MainstaySettings
from sandbox.mainstay.signature import signed_headers
from sandbox.messages import JsonObject, Refusal, Request, Response, json_response
from sandbox.people import make_people
from sandbox.platform import Call, Route, SimulatedPlatform, route

DEFAULT_SECRET = "whsec_c2FuZGJveC1zZWNyZXQtb2YtMzItYnl0ZXMtbG9uZyEh"  # noqa: S105 (for tests only)
DEFAULT_ORGANISATIONS = {"river": ["sandbox-token"]}
DETAILS = {
    401: "Invalid token.",
    403: "You do not have permission to perform this action.",
    404: "Not found.",
    429: "Request was throttled.",
}


class MainstaySandbox(SimulatedPlatform[Organisation]):
    """Mainstay in miniature. ``organisations`` maps ids to tokens, ``webhook_secrets`` ids to secrets."""

    name = "Mainstay"
    settings: MainstaySettings

    def __init__(
        self,
        organisations: dict[str, list[str]] | None = None,
        webhook_secrets: dict[str, list[str]] | None = None,
        *,
        people: int = 0,
        people_from: int = 0,
        seed: int = 1,
        state_file: Path | None = None,
        **switches: Any,
    ) -> None:
        settings = MainstaySettings()
        if problems := settings.update(switches):
            raise ValueError("; ".join(problems))
        super().__init__(settings, state_file, seed)
        self._organisations = organisations or DEFAULT_ORGANISATIONS
        self._secrets = webhook_secrets or {}
        self._people = (people, people_from, seed)
        self._limit = RollingLimit()
        self.world = World(settings, self.deliveries.publish, seed)
        self.build()
        self.api_routes = self._routes()
        self.control_routes = [*CommonControl(self).routes(), *MainstayControl(self.world).routes()]
        self.page_routes = page_routes(self, self.world)

    def build(self) -> None:
        self.world.organisations.clear()
        self._limit.clear()
        for org_id, tokens in self._organisations.items():
            secrets = self._secrets.get(org_id, [DEFAULT_SECRET])
            self._populate(self.world.add(org_id, list(tokens), list(secrets)))

    def _populate(self, organisation: Organisation) -> None:
        count, start, seed = self._people
        at_us = now_us() - 30 * 86_400_000_000
        for number, person in enumerate(make_people(count, seed, start)):
            moment = at_us + number * 60_000_000
            contact = Contact(organisation.new_id(), moment, moment)
            contact.values = {
                "first_name": person.first_name,
                "last_name": person.last_name,
                "phone": person.phone,
                "email": person.email,
                "channel": "twilio",
            }
            contact.custom = {
                "Program": person.program,
                "Application Status": person.application_status,
                "Birth Date": person.birth_date,
            }
            organisation.put(contact)

    def _routes(self) -> list[Route[Organisation]]:
        world = self.world

        def on(
            method: str, path: str, operation: str, handler: Callable[..., Response]
        ) -> Route[Organisation]:
            return route(method, path, operation, partial(handler, world))

        key = "/contacts/(?P<key>[^/]+)/"
        return [
            on("GET", "/auth_valid/?", "account", api.auth_valid),
            on("GET", "/default_fields/", "fields", api.default_fields),
            on("GET", "/custom_fields/", "fields", api.custom_fields),
            on("GET", "/custom_values/", "fields", api.custom_values),
            on("GET", "/contacts/", "list", api.list_contacts),
            on("POST", "/contacts/", "create", api.create),
            on("POST", "/contacts/bulk/", "bulk", api.bulk),
            on("GET", key, "read", api.read),
            on("PATCH", key, "update", api.update),
            on("PUT", key, "update", api.update),
        ]

    def account_key(self, account: Organisation) -> str:
        return account.id

    def identify(self, call: Call[Organisation]) -> Organisation | None:
        scheme, _, token = call.request.headers.get("authorization", "").partition(" ")
        if scheme != self.settings.auth_scheme:
            return None
        call.app = "token"
        found = (o for o in self.world.organisations.values() if token.strip() in o.tokens)
        return next(found, None)

    def refuse(self, call: Call[Organisation], needs_account: bool) -> None:
        if call.known_account is None:
            given = call.request.headers.get("authorization")
            detail = DETAILS[401] if given else "Authentication credentials were not provided."
            challenge = (("WWW-Authenticate", self.settings.auth_scheme),)
            raise Refusal(json_response(401, {"detail": detail}, challenge))
        settings = self.settings
        if settings.limits and self._limit.take(call.known_account.id, settings.limit_per_s, 1.0) is None:
            raise Refusal(self.error_response(429, call))

    def error_response(self, status: int, call: Call[Organisation]) -> Response:
        if status >= 500:
            return Response(status, b"<h1>Server Error (%d)</h1>" % status, "text/html; charset=utf-8")
        detail = DETAILS.get(status, "Bad request.")
        if status != 429:
            return json_response(status, {"detail": detail})
        detail += " Expected available in 1 second."
        return json_response(429, {"detail": detail}, (("Retry-After", "1"),))

    def missing_route(self, request: Request) -> Response:
        """A missing slash is redirected as the framework does, which costs a POST its body."""
        with_slash = Request(request.method, request.path + "/")
        if not request.path.endswith("/") and self._find(self.api_routes, with_slash):
            query = f"?{request.query_text}" if request.query_text else ""
            return Response(301, headers=(("Location", f"{request.path}/{query}"),))
        known = any(each.pattern.fullmatch(request.path) for each in self.api_routes)
        if known:
            return json_response(405, {"detail": f'Method "{request.method}" not allowed.'})
        return json_response(404, {"detail": DETAILS[404]})

    def envelope(
        self, account: str, events: list[JsonObject], attempt: int, sign_url: str
    ) -> tuple[bytes, dict[str, str]]:
        """One message has one id over all its attempts; Standard Webhooks asks for that."""
        body_object: object = events[0] if self.settings.single_object else events
        body = json.dumps(body_object, ensure_ascii=False, separators=(",", ":")).encode()
        organisation = self.world.organisations.get(account)
        secrets = organisation.webhook_secrets if organisation else [DEFAULT_SECRET]
        message_id = f"msg_{events[0].get('id', account)}"
        return body, signed_headers(secrets, message_id, int(time.time()), body)

    def export_state(self) -> JsonObject:
        organisations = {
            each.id: {
                "tokens": each.tokens,
                "webhook_secrets": each.webhook_secrets,
                "custom_fields": [asdict(field) for field in each.custom_fields.values()],
                "contacts": [asdict(contact) for contact in each.contacts.values()],
            }
            for each in self.world.organisations.values()
        }
        return {"organisations": organisations}

    def import_state(self, state: JsonObject) -> None:
        """Contacts and fields come from the file; configured tokens and secrets of this start stay valid."""
        for org_id, saved in state["organisations"].items():
            organisation = self.world.add(org_id, saved["tokens"], [])
            organisation.webhook_secrets = organisation.webhook_secrets or saved["webhook_secrets"]
            # Other ids than at the first start: the generator begins anew, the contacts do not.
            organisation.random.seed(f"{org_id}/{len(saved['contacts'])}/{now_us()}")
            organisation.contacts.clear()
            organisation.taken.clear()
            organisation.custom_fields = {
                f["name"]: CustomField(f["name"], f["type"], tuple(f["options"]))
                for f in saved["custom_fields"]
            }
            for each in saved["contacts"]:
                organisation.put(Contact(**each))
