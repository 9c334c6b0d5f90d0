"""Contacts of an organisation: how they are shown, found, checked and changed (facts §2, §5)."""

import time
from collections.abc import Mapping

from sandbox.mainstay.fields import READ_ONLY, WRITABLE, BadValue, checked_custom, checked_default
from sandbox.mainstay.organisation import DEFAULT_FLAGS, UNIQUE, Contact, Organisation, World, iso_us
from sandbox.mainstay.settings import MainstaySettings
from sandbox.messages import JsonObject, Refusal, json_response

NOT_FOUND: JsonObject = {"detail": "Not found."}


class FieldErrors(Exception):
    """What is wrong with each field, as the framework tells it. ``status`` is 400, or 409 for a taken key."""

    def __init__(self, errors: JsonObject, status: int = 400) -> None:
        super().__init__(str(errors))
        self.errors = errors
        self.status = status

    def as_refusal(self) -> Refusal:
        return Refusal(json_response(self.status, self.errors))


def now_us() -> int:
    return time.time_ns() // 1000


def shown(contact: Contact, settings: MainstaySettings) -> JsonObject:
    """A contact as the API returns it; ``admithub_id`` is the deprecated name of ``id``."""
    body: JsonObject = {"id": contact.id, "admithub_id": contact.id}
    body |= {name: contact.values.get(name) for name in WRITABLE}
    body |= contact.flags
    if settings.show_record_url:
        body["conversation_record_url"] = f"{settings.app_url}/contacts/{contact.id}"
    if settings.show_previous_phone:
        body["previous_phone"] = contact.previous_phone
    body["created"] = iso_us(contact.created_us)
    body[settings.modified_name] = iso_us(contact.modified_us)
    body["custom"] = dict(contact.custom)
    return body


def find(organisation: Organisation, key: str, order: list[str]) -> Contact | None:
    """By Mainstay ID, CRM ID or phone: digits can mean either, the first that fits wins (facts §6.1)."""
    for meaning in order:
        found = organisation.contacts.get(key) if meaning == "id" else organisation.owner(meaning, key)
        if found is not None:
            return found
    return None


class ContactDesk:
    """Changes contacts of one organisation, and tells the subscriber."""

    def __init__(self, world: World, organisation: Organisation) -> None:
        self._world = world
        self._settings = world.settings
        self._organisation = organisation

    def create(self, given: Mapping[str, object], by_api: bool = True, at_us: int | None = None) -> Contact:
        """Raises ``FieldErrors``."""
        required = self._settings.required_on_create if by_api else []
        missing = {
            name: ["This field is required." if name not in given else "This field may not be blank."]
            for name in required
            if given.get(name) in (None, "")
        }
        values, custom, flags = self._checked(given, None, by_api, missing)
        at_us = at_us or now_us()
        contact = Contact(self._organisation.new_id(), at_us, at_us)
        contact.flags |= flags
        self._store(contact, values, custom)
        self._tell("created", contact, by_api)
        return contact

    def update(
        self, contact: Contact, given: Mapping[str, object], by_api: bool = True, at_us: int | None = None
    ) -> Contact:
        """Raises ``FieldErrors``."""
        values, custom, flags = self._checked(given, contact, by_api, {})
        changed = (
            any(contact.values.get(name) != value for name, value in values.items())
            or any(contact.custom.get(name) != value for name, value in custom.items())
            or any(contact.flags.get(name) != value for name, value in flags.items())
        )
        if changed or self._settings.equal_write_counts:
            archived_now = bool(flags.get("archived")) and not contact.flags["archived"]
            contact.flags |= flags
            contact.modified_us = at_us or now_us()
            self._store(contact, values, custom)
            self._tell("archived" if archived_now else "updated", contact, by_api)
        return contact

    def _checked(
        self, given: Mapping[str, object], contact: Contact | None, by_api: bool, errors: JsonObject
    ) -> tuple[dict[str, str | None], dict[str, object], dict[str, object]]:
        values: dict[str, str | None] = {}
        flags: dict[str, object] = {}
        for name, value in given.items():
            try:
                if name == "crm_id" and by_api and self._settings.crm_id_writes == "refuse":
                    raise BadValue("This field is read-only.")
                if name in WRITABLE and name not in errors:
                    if not self._is_left_out(value):
                        values[name] = self._value(name, value)
                elif name in DEFAULT_FLAGS and not by_api:
                    flags[name] = value
                elif name in READ_ONLY and self._settings.read_only_fields == "refuse":
                    raise BadValue("This field is read-only.")
            except BadValue as problem:
                errors[name] = [str(problem)]
        custom = self._custom(given.get("custom"), errors)
        if errors:
            raise FieldErrors(errors)
        self._refuse_taken(values, contact)
        return values, custom, flags

    def _is_left_out(self, value: object) -> bool:
        if value is None and self._settings.null_means == "refuse":
            raise BadValue("This field may not be null.")
        return value is None and self._settings.null_means == "ignore"

    def _value(self, name: str, value: object) -> str | None:
        if value is None:
            return None
        text = checked_default(name, value)
        if text is not None and self._settings.rewrite_trim:
            text = text.strip()
        if text is not None and name == "email" and self._settings.rewrite_lowercase_email:
            text = text.lower()
        return text

    def _custom(self, given: object, errors: JsonObject) -> dict[str, object]:
        if given is None:
            return {}
        if not isinstance(given, dict):
            errors["custom"] = ["Expected a dictionary of items."]
            return {}
        values: dict[str, object] = {}
        problems: JsonObject = {}
        for name, value in given.items():
            definition = self._organisation.custom_fields.get(name)
            try:
                if definition is None:
                    if self._settings.unknown_custom_fields == "refuse":
                        raise BadValue("There is no such custom field.")
                elif not self._is_left_out(value):
                    values[name] = None if value is None else checked_custom(definition, value)
            except BadValue as problem:
                problems[name] = [str(problem)]
        if problems:
            errors["custom"] = problems
        return values

    def _refuse_taken(self, values: Mapping[str, str | None], contact: Contact | None) -> None:
        taken: JsonObject = {}
        for name in UNIQUE:
            value = values.get(name)
            owner = self._organisation.owner(name, value) if value else None
            if owner is not None and owner is not contact:
                taken[name] = [f"Contact with this {name} already exists."]
        if taken:
            raise FieldErrors(taken, self._settings.duplicate_status)

    def _store(
        self, contact: Contact, values: Mapping[str, str | None], custom: Mapping[str, object]
    ) -> None:
        former = dict(contact.values)
        for name, value in values.items():
            if value is None:
                contact.values.pop(name, None)
            else:
                contact.values[name] = value
        for label, custom_value in custom.items():
            if custom_value is None:
                contact.custom.pop(label, None)
            else:
                contact.custom[label] = custom_value
        if former.get("phone") and former["phone"] != contact.values.get("phone"):
            contact.previous_phone = former["phone"]
        self._organisation.put(contact, former)

    def _tell(self, what: str, contact: Contact, by_api: bool) -> None:
        if by_api and not self._settings.api_writes_fire:
            return
        event: JsonObject = {
            "id": f"evt_{self._organisation.random.randrange(16**16):016x}",
            "type": f"contact.{what}",
            "org_id": self._organisation.id,
            "occurred_at": iso_us(contact.modified_us),
            "contact": shown(contact, self._settings),
        }
        self._world.publish(self._organisation.id, [event])
