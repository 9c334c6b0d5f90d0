"""The HubSpot server: its portals and people, its signed deliveries."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sandbox.clock import now_ms
from sandbox.control import CommonControl
from sandbox.hubspot.access import Gate
from sandbox.hubspot.contacts import Origin
from sandbox.hubspot.control import HubSpotControl
from sandbox.hubspot.errors import error
from sandbox.hubspot.page import page_routes
from sandbox.hubspot.portal import Portal, World
from sandbox.hubspot.routes import api_routes
from sandbox.hubspot.saved_state import exported, take_over
from sandbox.hubspot.settings import HubSpotSettings
from sandbox.hubspot.signature import signed_headers
from sandbox.messages import JsonObject, Refusal, Request, Response
from sandbox.people import make_people
from sandbox.platform import Call, SimulatedPlatform

DEFAULT_PORTALS = {"62515": ["pat-na1-sandbox"]}


class HubSpotSandbox(SimulatedPlatform[Portal]):
    """HubSpot in miniature. ``portals`` maps portal ids to their static tokens."""

    name = "HubSpot"
    settings: HubSpotSettings

    def __init__(
        self,
        portals: dict[str, list[str]] | None = None,
        *,
        people: int = 0,
        people_from: int = 0,
        seed: int = 1,
        unique_admithub_id: bool = False,
        state_file: Path | None = None,
        **switches: Any,
    ) -> None:
        settings = HubSpotSettings()
        if problems := settings.update(switches):
            raise ValueError("; ".join(problems))
        super().__init__(settings, state_file, seed)
        self._portals = portals or DEFAULT_PORTALS
        self._people = (people, people_from, seed)
        self._unique_admithub_id = unique_admithub_id
        self._random = random.Random(seed)
        self.world = World(settings, self.deliveries.publish, lambda: self._random.randrange(1, 2**32))
        self._gate = Gate(self.world)
        self.build()
        self.api_routes = api_routes(self.world)
        self.control_routes = [*CommonControl(self).routes(), *HubSpotControl(self.world).routes()]
        self.page_routes = page_routes(self, self.world)

    def build(self) -> None:
        world = self.world
        for store in (world.portals, world.tokens, world.refresh_tokens, world.codes):
            store.clear()
        self._gate.reset()
        for portal_id, tokens in self._portals.items():
            portal = world.add_portal(portal_id, tokens, self._unique_admithub_id)
            self._populate(portal)

    def _populate(self, portal: Portal) -> None:
        count, start, seed = self._people
        at_ms = now_ms() - 30 * 86_400_000
        for number, person in enumerate(make_people(count, seed, start)):
            values = {
                "firstname": person.first_name,
                "lastname": person.last_name,
                "email": person.email,
                "phone": f"({person.phone[:3]}) {person.phone[3:6]}-{person.phone[6:]}",
                "city": person.city,
                "state": person.state,
                "zip": person.postal_code,
                "date_of_birth": person.birth_date,
                "lifecyclestage": "lead",
                "program": _program_value(person.program),
                "application_status": person.application_status,
            }
            portal.book.create(values, Origin("IMPORT", "", at_ms + number * 60_000), 0.0)

    def account_key(self, account: Portal) -> str:
        return account.id

    def identify(self, call: Call[Portal]) -> Portal | None:
        call.groups.setdefault("version", "")
        grant = self._gate.grant(call.request)
        if grant is None:
            return None
        call.app = grant.kind
        return self.world.portals.get(grant.portal_id)

    def refuse(self, call: Call[Portal], needs_account: bool) -> None:
        if not self.settings.numbered_paths and "/v" in call.request.path:
            raise Refusal(self.missing_route(call.request))
        if needs_account:
            self._gate.check(call)

    def error_response(self, status: int, call: Call[Portal]) -> Response:
        return self._gate.spoiled(status, call)

    def missing_route(self, request: Request) -> Response:
        return error(404, f"No route for {request.method} {request.path}")

    def envelope(
        self, account: str, events: list[JsonObject], attempt: int, sign_url: str
    ) -> tuple[bytes, dict[str, str]]:
        sent: Sequence[JsonObject] = [{**event, "attemptNumber": attempt} for event in events]
        if attempt and not self.settings.retry_keeps_event_id:
            sent = [{**event, "eventId": self.world.random_number()} for event in sent]
        body_object = sent[0] if self.settings.single_object else sent
        body = json.dumps(body_object, ensure_ascii=False, separators=(",", ":")).encode()
        settings = self.settings
        headers = signed_headers(
            settings.client_secret, sign_url, body, now_ms(), settings.legacy_signature_v1
        )
        return body, headers

    def export_state(self) -> JsonObject:
        return exported(self.world)

    def import_state(self, state: JsonObject) -> None:
        take_over(self.world, state)


def _program_value(label: str) -> str:
    return "nursing_bsn" if label == "Nursing" else label.lower().replace(" ", "_")
