"""Writing contacts: check everything first, then carry it out and tell the subscribers.

The check makes a plan or an item error; a caller decides what one error means for the others of a batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.clock import now_ms
from sandbox.hubspot.contacts import Contact, Origin
from sandbox.hubspot.errors import error_body, value_errors, values_message
from sandbox.hubspot.events import EventWriter
from sandbox.hubspot.portal import Portal, World
from sandbox.hubspot.values import ValueProblem, check_values
from sandbox.messages import JsonObject, Refusal, json_response
from sandbox.platform import Call

IDENTITY = ("email", "firstname", "lastname")


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked write: ``contact`` None means create."""

    contact: Contact | None
    values: dict[str, str]
    trace_id: str | None = None


class WriteError(Exception):
    """One input cannot be written: HubSpot's status and body for it."""

    def __init__(self, status: int, body: JsonObject) -> None:
        super().__init__(body["message"])
        self.status = status
        self.body = body

    def as_refusal(self) -> Refusal:
        return Refusal(json_response(self.status, self.body))


@dataclass(slots=True)
class ContactWriter:
    """Plans and carries out writes of one portal. ``claimed`` are the unique keys that this batch takes."""

    world: World
    portal: Portal
    claimed: set[tuple[str, str]] = field(default_factory=set)

    def plan_create(
        self, given: Mapping[str, object], version: str = "", trace_id: str | None = None
    ) -> Plan:
        settings = self.world.settings
        values = self._checked(given, {})
        if settings.identity_required_on_create and not any(values.get(name) for name in IDENTITY):
            raise WriteError(400, error_body("VALIDATION_ERROR", f"At least one of {IDENTITY} is required"))
        missing = [name for name in settings.required_on_create if not values.get(name)]
        if missing and version == "2026-09":
            # Enforced from this version on (changelog, crm-api-write-validation-enforcement; facts §1.5).
            problems = [ValueProblem(n, "REQUIRED_PROPERTY_MISSING", f"{n} is required") for n in missing]
            raise _values_error(problems)
        self._claim_keys(values, None)
        return Plan(None, values, trace_id)

    def plan_update(self, contact: Contact, given: Mapping[str, object], trace_id: str | None = None) -> Plan:
        values = self._checked(given, contact.values)
        self._claim_keys(values, contact)
        return Plan(contact, values, trace_id)

    def carry_out(self, plan: Plan, origin: Origin) -> Contact:
        settings, book = self.world.settings, self.portal.book
        events = EventWriter(self.world, self.portal)
        if plan.contact is None:
            contact = book.create(plan.values, origin, settings.search_lag_s)
            events.created(contact, [name for name, value in plan.values.items() if value], origin)
            return contact
        changed = book.update(plan.contact, plan.values, origin, settings.search_lag_s)
        if settings.equal_value_fires:
            equal = [name for name in plan.values if name not in changed]
            book.touch(plan.contact, equal, origin, settings.search_lag_s)
            changed += equal
        events.changed(plan.contact, changed, origin)
        return plan.contact

    def _checked(self, given: Mapping[str, object], before: Mapping[str, str]) -> dict[str, str]:
        values, problems = check_values(self.portal.book.catalogue, given, before, self.world.settings)
        if problems:
            raise _values_error(problems)
        return values

    def _claim_keys(self, values: Mapping[str, str], contact: Contact | None) -> None:
        book = self.portal.book
        for name, value in values.items():
            if not value or name == "hs_object_id" or not book.is_key(name):
                continue
            owner = book.find(name, value)
            claim = (name, value.lower())
            if owner is not None and owner is not contact:
                raise self._key_taken(name, owner.id)
            if owner is None and claim in self.claimed:
                raise self._key_taken(name, None)
        for name, value in values.items():
            if value and book.is_key(name):
                self.claimed.add((name, value.lower()))

    def _key_taken(self, name: str, owner_id: str | None) -> WriteError:
        if name == "email":
            # Undocumented but relied upon by at least ten public code bases (facts §4.1).
            known = f" Existing ID: {owner_id}" if owner_id else " Another input has this email."
            return WriteError(409, error_body("CONFLICT", f"Contact already exists.{known}"))
        holder = f"{owner_id} already has that value." if owner_id else "Another input has that value."
        return _values_error([ValueProblem(name, "CONFLICTING_UNIQUE_VALUE", holder)])


def _values_error(problems: list[ValueProblem]) -> WriteError:
    return WriteError(400, error_body("VALIDATION_ERROR", values_message(problems), value_errors(problems)))


def api_origin(world: World, call: Call[Portal]) -> Origin:
    """An API write carries the app: seen, strong, for OAuth; unknown for static tokens (facts §2.6)."""
    settings = world.settings
    source_id = str(settings.app_id)
    if call.app == "static" and settings.static_write_source_id != "app":
        source_id = settings.static_write_source_id
    return Origin("INTEGRATION", source_id, now_ms())


def user_origin(at_ms: int | None = None) -> Origin:
    """An edit by a person on the page or through the control API."""
    return Origin("CRM_UI", "userId:75514748", at_ms if at_ms is not None else now_ms())
