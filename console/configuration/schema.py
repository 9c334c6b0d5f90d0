"""The form of a configuration file (contract §3), checked by marshmallow; unknown keys are refused."""

import unicodedata
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from core.domain.fields import Direction, FieldType, WhenEmpty
from core.platforms.mainstay.catalogue import field_type
from core.settings import webhook_secret

_EMPTY: dict[str, Any] = {"required": "is missing", "null": "is empty", "invalid": "must be a text"}
TYPES = ", ".join(one for one in FieldType)


class _Text(fields.String):
    """A text that is not blank."""

    def __init__(self, **more: Any) -> None:
        super().__init__(error_messages={**_EMPTY, "blank": "is empty"}, **more)

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> str:
        text = str(super()._deserialize(value, *args, **more)).strip()
        if not text:
            raise self.make_error("blank")
        return text


class _Part(Schema):
    class Meta:
        unknown = RAISE


def _list(inner: type[Schema]) -> fields.List[Any]:
    messages: dict[str, Any] = {"invalid": "must be a list", "null": "is empty; leave it out instead"}
    nested = fields.Nested(inner, error_messages={"type": "must be a group", "null": "is empty"})
    return fields.List(nested, load_default=list, error_messages=messages)


def _texts(what: str) -> fields.Dict:
    messages: dict[str, Any] = {"invalid": f"must be {what}", "null": "is empty; leave it out instead"}
    return fields.Dict(keys=_Text(), values=_Text(), error_messages=messages)


def _check_secrets(text: str) -> None:
    """One webhook secret, or ``new,old`` while it is being changed."""
    for secret in text.split(","):
        try:
            webhook_secret(secret.strip())
        except ValueError as error:
            raise ValidationError(str(error)) from None


def _check_types(types: dict[str, str]) -> None:
    for name, kind in types.items():
        if field_type(kind) is None:
            raise ValidationError({name: [f"is no type; the types are {TYPES}"]})


def _check_digits(text: str) -> None:
    if not text.isascii() or not text.isdigit():
        raise ValidationError("must be a number, as HubSpot shows it in the account menu")


def _check_one_line(text: str) -> None:
    if any(unicodedata.category(sign) == "Cc" for sign in text):
        raise ValidationError("holds a line break or another control character")


_NAME = [validate.Length(max=180, error="is longer than 180 characters"), _check_one_line]


class HubSpotAccount(_Part):
    """One portal."""

    name = _Text(required=True, validate=_NAME)
    portal_id = _Text(required=True, validate=_check_digits)
    access_token = _Text()


class MainstayAccount(_Part):
    """One organisation."""

    name = _Text(required=True, validate=_NAME)
    org_id = _Text(required=True)
    api_token = _Text()
    webhook_secret = _Text(allow_none=True, validate=_check_secrets)
    field_types = fields.Dict(
        keys=_Text(),
        values=_Text(),
        validate=_check_types,
        error_messages={"invalid": "must be field names and types", "null": "is empty; write {} for none"},
    )


class Accounts(_Part):
    """Both platforms' accounts."""

    hubspot = _list(HubSpotAccount)
    mainstay = _list(MainstayAccount)


class MappingRow(_Part):
    """A Mainstay field and a HubSpot property."""

    mainstay = _Text(required=True)
    hubspot = _Text(required=True)
    when_empty = _Text(
        load_default="keep", validate=validate.OneOf([*WhenEmpty], error="must be keep or clear")
    )
    options = _texts("pairs of a Mainstay option and a HubSpot option")


class FilterRow(_Part):
    """A field of the source and the values that let a contact pass."""

    field = _Text(required=True)
    values = fields.List(
        _Text(),
        required=True,
        validate=validate.Length(min=1, error="needs at least one value"),
        error_messages={**_EMPTY, "null": "needs at least one value", "invalid": "must be a list of values"},
    )


class Instance(_Part):
    """An integration instance."""

    name = _Text(required=True, validate=_NAME)
    description = fields.String(load_default="", allow_none=True, error_messages=_EMPTY)
    direction = _Text(
        required=True, validate=validate.OneOf([*Direction], error="must be incoming or outgoing")
    )
    hubspot = _Text(required=True)
    mainstay = _Text(required=True)
    enabled = fields.Boolean(error_messages={"invalid": "must be true or false", "null": "is empty"})
    mappings = _list(MappingRow)
    filters = _list(FilterRow)


class File(_Part):
    """The whole file."""

    accounts = fields.Nested(Accounts, error_messages={"type": "must be a group", "null": "is empty"})
    instances = _list(Instance)
