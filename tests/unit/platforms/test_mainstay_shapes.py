"""Mainstay's JSON in all its possible forms: contacts, errors, fields."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.codes import Code
from core.domain.fields import FieldType
from core.platforms.errors import (
    AuthenticationFailed,
    Conflict,
    NotFound,
    PermissionMissing,
    PlatformError,
    RateLimited,
    Refused,
    Unavailable,
    UnexpectedAnswer,
)
from core.platforms.mainstay import catalogue, errors, payloads
from core.platforms.transport import Answer

SENT = ("phone", "crm_id", "email", "first_name", "custom.Program", "custom.Birth Date")


def answer(status: int, body: Any = None) -> Answer:
    return Answer(status, {}, body if isinstance(body, str) else json.dumps(body))


def test_a_contact_is_flattened() -> None:
    told = {
        "id": "ah1",
        "first_name": "Ann",
        "custom": {"Race/Ethnicity": "x", "GPA": 3.5},
        "modified": "2026-11-23T10:00:00.123999Z",
        "conversation_record_url": "https://app.example/1",
        "new_key": [1],
    }
    contact = payloads.contact(told)
    assert contact.values == {
        "id": "ah1",
        "first_name": "Ann",
        "custom.Race/Ethnicity": "x",
        "custom.GPA": 3.5,
        "modified": told["modified"],
        "conversation_record_url": told["conversation_record_url"],
        "new_key": [1],
    }
    assert (contact.id, contact.modified_ms, contact.left_out) == ("ah1", 1_795_428_000_123, "")
    assert contact.url == "https://app.example/1"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"admithub_id": "old"}, "old"),
        ({"id": "new", "admithub_id": "old"}, "new"),
        ({"id": None, "admithub_id": "old"}, "old"),
        ({"id": 7}, "7"),
    ],
)
def test_the_id_has_two_names(told: dict[str, Any], expected: str) -> None:
    assert payloads.contact(told).id == expected
    assert payloads.flatten(told)["id"] == expected


@pytest.mark.parametrize("told", [{}, {"id": ""}, {"id": None}, {"id": " "}, [], None, "x"])
def test_nobody_is_refused(told: Any) -> None:
    with pytest.raises(ValueError):
        payloads.contact(told)


@pytest.mark.parametrize("flag", ["archived", "test_user"])
@pytest.mark.parametrize(
    ("value", "out"),
    [
        (True, True),
        ("true", True),
        ("True", True),
        (1, True),
        (False, False),
        ("False", False),
        (None, False),
        (0, False),
    ],
)
def test_who_is_left_out(flag: str, value: Any, out: bool) -> None:
    assert bool(payloads.contact({"id": "1", flag: value}).left_out) is out


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-23T10:00:00Z", 1_795_428_000_000),
        ("2026-11-23T10:00:00", 1_795_428_000_000),
        ("2026-11-23T05:00:00-05:00", 1_795_428_000_000),
        (1_795_428_000, 1_795_428_000_000),
        (1_795_428_000_000, 1_795_428_000_000),
        ("yesterday", 0),
        (None, 0),
        (True, 0),
        (float("inf"), 0),
        ([], 0),
    ],
)
@pytest.mark.parametrize("name", ["modified", "modified_at", "updated_at", "last_modified"])
def test_the_modified_time_has_four_names(name: str, value: Any, expected: int) -> None:
    assert payloads.contact({"id": "1", name: value}).modified_ms == expected


def test_only_a_web_address_is_a_link() -> None:
    assert payloads.contact({"id": "1", "conversation_record_url": "javascript:alert(1)"}).url == ""


def test_a_body_nests_custom_values_and_clears_with_an_empty_text() -> None:
    values = {"crm_id": "7", "email": None, "custom.A b": True, "custom.Date": None}
    assert payloads.body(values) == {"crm_id": "7", "email": "", "custom": {"A b": True, "Date": ""}}


@given(st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.text(max_size=5) | st.integers()))
def test_what_is_flattened_can_be_written_back(custom: dict[str, Any]) -> None:
    flat = payloads.flatten({"id": "1", "custom": custom})
    written = payloads.body({name: value for name, value in flat.items() if name != "id"}).get("custom", {})
    assert written == {name: "" if value is None else value for name, value in custom.items()}


def test_what_json_cannot_carry() -> None:
    values = {"a": float("nan"), "b": [float("inf")], "c": "\ud800", "d": "fine", "e": 1.5, "f": None}
    assert payloads.unsendable(values) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, UnexpectedAnswer),
        (400, Refused),
        (401, AuthenticationFailed),
        (403, PermissionMissing),
        (404, NotFound),
        (405, UnexpectedAnswer),
        (409, Conflict),
        (422, Refused),
        (429, RateLimited),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
@pytest.mark.parametrize("body", [{}, [], None, "<html>", {"detail": None}, {"detail": {"a": 1}}])
def test_the_status_decides_whatever_the_body(status: int, kind: type[PlatformError], body: Any) -> None:
    assert type(errors.of_answer(answer(status, body), write=True, sent=SENT)) is kind


@pytest.mark.parametrize(
    ("status", "body", "fields"),
    [
        (400, {"phone": ["Contact with this phone already exists."]}, {"phone": Code.DUPLICATE_CONTACT}),
        (400, {"phone": ["This field must be unique."]}, {"phone": Code.DUPLICATE_CONTACT}),
        (400, {"phone": "Duplicate"}, {"phone": Code.DUPLICATE_CONTACT}),
        (409, {"phone": ["Conflict."]}, {"phone": Code.DUPLICATE_CONTACT}),
        (409, {"detail": "The phone belongs to somebody"}, {"phone": Code.DUPLICATE_CONTACT}),
        (400, {"detail": "A contact with this CRM ID already exists"}, {"crm_id": Code.DUPLICATE_CRM_ID}),
        (400, {"crm_id": ["has already been taken"]}, {"crm_id": Code.DUPLICATE_CRM_ID}),
        (400, {"phone": ["Please use a 10 digit phone number."]}, {"phone": Code.INVALID_PHONE}),
        (400, {"error": {"phone": ["bad"]}}, {"phone": Code.INVALID_PHONE}),
        (400, {"message": "Phone number does not exist"}, {"phone": Code.MISSING_FIELD}),
        (400, {"phone": ["This field may not be blank."]}, {"phone": Code.BLANK_REQUIRED}),
        (400, {"first_name": ["This field is required."]}, {"first_name": Code.BLANK_REQUIRED}),
        (400, {"email": ["Enter a valid email address."]}, {"email": Code.INVALID_EMAIL}),
        (400, {"email": ["This field is read-only."]}, {"email": Code.READ_ONLY_FIELD}),
        (
            400,
            {"custom": {"Program": ['"x" is not a valid choice.']}},
            {"custom.Program": Code.UNKNOWN_OPTION},
        ),
        (400, {"Program": ["There is no such custom field."]}, {"custom.Program": Code.MISSING_FIELD}),
        (400, {"custom": {"Birth Date": ["wrong format"]}}, {"custom.Birth Date": Code.INVALID_VALUE}),
        (400, {"custom": ["Expected a dictionary."]}, {}),
        (400, {"somebody@secret.example": ["what a key"]}, {}),
        (400, {"non_field_errors": ["no"]}, {}),
        (400, {"custom.Program": ["bad"]}, {"custom.Program": Code.INVALID_VALUE}),
        (400, {"CUSTOM_Birth Date": ["bad"]}, {"custom.Birth Date": Code.INVALID_VALUE}),
        (400, {"errors": [{"field": "email", "message": "bad"}]}, {"email": Code.INVALID_EMAIL}),
        (400, {"errors": [{"name": "custom.Program"}]}, {"custom.Program": Code.INVALID_VALUE}),
        (400, {"errors": [{"field": ["email"], "name": {}}]}, {"email": Code.INVALID_EMAIL}),
        (422, {"message": "Failed", "field": "Birth Date"}, {"custom.Birth Date": Code.INVALID_VALUE}),
        (400, {"detail": "Birth Date: wrong format"}, {"custom.Birth Date": Code.INVALID_VALUE}),
        (400, {"error": "First name is not allowed"}, {"first_name": Code.INVALID_VALUE}),
        (400, {"detail": "The program's emails"}, {"custom.Program": Code.INVALID_VALUE}),
        (400, {"error": "duplicate-contact"}, {"phone": Code.DUPLICATE_CONTACT}),
        (409, {"code": "duplicate-contact"}, {"phone": Code.DUPLICATE_CONTACT}),
        (400, {"code": "duplicate-unique-id-crmId"}, {"crm_id": Code.DUPLICATE_CRM_ID}),
        (400, {"crmId": ["already exists"]}, {"crm_id": Code.DUPLICATE_CRM_ID}),
        (409, {"email": ["already exists"]}, {"email": Code.INVALID_EMAIL}),
        (
            400,
            {"email": ["bad"], "phone": ["already exists"]},
            {"email": Code.INVALID_EMAIL, "phone": Code.DUPLICATE_CONTACT},
        ),
    ],
)
def test_what_a_refusal_names(status: int, body: Any, fields: dict[str, Code]) -> None:
    error = errors.of_answer(answer(status, body), write=True, sent=SENT)
    assert isinstance(error, Refused) and error.fields == fields
    taken = {Code.DUPLICATE_CONTACT, Code.DUPLICATE_CRM_ID}.intersection(fields.values())
    assert isinstance(error, Conflict) is bool(taken or (status == 409 and not fields))
    assert not taken or error.fields[next(iter(error.fields))] in taken, "what decides stands first"
    assert "secret" not in str(error)


@given(
    st.integers(300, 599),
    st.recursive(
        st.none() | st.text(max_size=8) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["phone", "custom", "detail", "Program", "error"]), inner, max_size=3
            )
        ),
        max_leaves=15,
    ),
)
def test_any_json_is_some_error(status: int, body: Any) -> None:
    assert isinstance(errors.of_answer(answer(status, body), write=True, sent=SENT), PlatformError)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Text", FieldType.TEXT),
        ("True / False", FieldType.BOOL),
        ("true/false", FieldType.BOOL),
        ("Multi-Choice", FieldType.CHOICES),
        ("multi-choice", FieldType.CHOICES),
        ("choice", FieldType.CHOICE),
        ("date and time", FieldType.DATETIME),
        ("URL", FieldType.URL),
        ("Email", FieldType.EMAIL),
        ("never heard of", None),
        (None, None),
    ],
)
def test_spellings_of_types(text: Any, kind: FieldType | None) -> None:
    assert catalogue.field_type(text) is kind


@pytest.mark.parametrize("kind", list(FieldType))
def test_our_own_spelling_of_every_type_is_known(kind: FieldType) -> None:
    assert catalogue.field_type(kind) is kind


@pytest.mark.parametrize(
    "told",
    [
        ["first_name", "shoe_size"],
        {"default_fields": ["first_name", "shoe_size"]},
        {"default_fields": [{"name": "first_name"}, {"name": "shoe_size", "type": "Number"}]},
        {"default_fields": {"first_name": "text", "shoe_size": {"type": "number"}}},
        {"first_name": {}, "shoe_size": {}},
    ],
)
def test_default_fields_in_every_shape(told: Any) -> None:
    names = [field.name for field in catalogue.default_fields(told)]
    assert sorted(names) == sorted([*catalogue.ESSENTIAL, "shoe_size"])


@pytest.mark.parametrize("told", [None, {}, [], "x", {"default_fields": 3}, [{"label": "First"}]])
def test_an_unknown_shape_of_default_fields_is_the_table(told: Any) -> None:
    assert len(catalogue.default_fields(told)) == len(catalogue.STANDARD)


def test_custom_fields_and_their_types() -> None:
    told = {
        "custom_fields": [
            "A",
            {"name": "B", "type": "Number"},
            {"name": "C", "options": ["x", {"value": "y", "label": "Y"}, "x", ""]},
        ]
    }
    fields = {
        field.label: field
        for field in catalogue.custom_fields(told, {"A": "email", "B": "text", "Z": "date"})
    }
    assert [fields[label].name for label in "ABC"] == ["custom.A", "custom.B", "custom.C"]
    assert [fields[label].type for label in "ABC"] == [FieldType.EMAIL, FieldType.TEXT, FieldType.TEXT]
    assert [(option.value, option.label) for option in fields["C"].options] == [("x", "x"), ("y", "Y")]


def test_what_must_not_be_written_is_read_only() -> None:
    locked = {
        "id",
        "admithub_id",
        "crm_id",
        "created",
        "modified",
        "invalid_phone",
        "channel",
        "conversation_record_url",
        "last_incoming_message_at",
        "last_outgoing_message_at",
    }
    for name in locked | (payloads.NEVER_WRITTEN - {"send_intro_campaign"}):
        assert catalogue.STANDARD[name].read_only
