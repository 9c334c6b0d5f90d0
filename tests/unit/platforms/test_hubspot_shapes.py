"""HubSpot's JSON in all its forms: errors, records, properties."""

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
from core.platforms.hubspot import catalogue, errors, payloads
from core.platforms.transport import Answer

INNER = [
    {
        "isValid": False,
        "message": 'Property "missing" does not exist',
        "error": "PROPERTY_DOESNT_EXIST",
        "name": "missing",
    }
]


def answer(status: int, body: Any = None, **headers: str) -> Answer:
    text = body if isinstance(body, str) else json.dumps(body if body is not None else {})
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, text)


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
        (413, Refused),
        (414, Refused),
        (423, Unavailable),
        (429, RateLimited),
        (477, Unavailable),
        (500, Unavailable),
        (502, Unavailable),
        (521, Unavailable),
        (524, Unavailable),
    ],
)
@pytest.mark.parametrize("body", [{}, [], None, "", "<html>", {"errors": "x", "context": 3, "message": {}}])
def test_the_status_decides_whatever_the_body(status: int, kind: type[PlatformError], body: Any) -> None:
    error = errors.of_answer(answer(status, body), write=True)
    assert type(error) is kind and error.status == status


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("PROPERTY_DOESNT_EXIST", Code.MISSING_FIELD),
        ("READ_ONLY_VALUE", Code.READ_ONLY_FIELD),
        ("INVALID_EMAIL", Code.INVALID_EMAIL),
        ("INVALID_OPTION", Code.UNKNOWN_OPTION),
        ("INVALID_INTEGER", Code.INVALID_VALUE),
        ("", Code.INVALID_VALUE),
    ],
)
@pytest.mark.parametrize("names", [["one_property"], "one_property"])
def test_codes_of_named_properties(code: str, expected: Code, names: Any) -> None:
    body = {"category": "VALIDATION_ERROR", "errors": [{"code": code, "context": {"propertyName": names}}]}
    error = errors.of_answer(answer(400, body), write=True)
    assert isinstance(error, Refused) and error.fields == {"one_property": expected}


def test_the_json_inside_a_message_is_read() -> None:
    body = {
        "message": f"Property values were not valid: {json.dumps(INNER)} and more",
        "category": "VALIDATION_ERROR",
    }
    error = errors.of_answer(answer(400, body), write=True)
    assert isinstance(error, Refused) and error.fields == {"missing": Code.MISSING_FIELD}
    item = errors.of_item(body | {"context": {"objectWriteTraceId": ["1"]}})
    assert isinstance(item, Refused) and item.fields == {"missing": Code.MISSING_FIELD}


def test_a_conflict_tells_its_holder_and_the_email_where_nothing_is_named() -> None:
    body = {"category": "CONFLICT", "message": "Contact already exists. Existing ID: 123"}
    for error in (errors.of_answer(answer(409, body), write=True), errors.of_item(body)):
        assert isinstance(error, Conflict)
        assert (error.existing_id, error.fields) == ("123", {"email": Code.INVALID_VALUE})
    nameless = errors.of_answer(answer(409, {"message": "Contact already exists."}), write=True)
    assert isinstance(nameless, Conflict) and nameless.existing_id == ""


def test_the_holder_is_found_wherever_the_body_names_it() -> None:
    told = "Contact already exists. Existing ID: 123"
    shapes: list[Any] = [
        {"message": told},
        {"message": "Contact already exists.", "errors": [{"message": told, "code": "CONTACT_EXISTS"}]},
        {"message": "Contact already exists.", "errors": [{"context": {"detail": ["Existing Id:123"]}}]},
    ]
    for body in shapes:
        for error in (errors.of_answer(answer(409, body), write=True), errors.of_item(body)):
            assert isinstance(error, Conflict) and error.existing_id == "123"
    plain = errors.of_answer(Answer(409, {}, told), write=True)
    assert isinstance(plain, Conflict) and plain.existing_id == "123"


def test_a_taken_unique_value_is_a_conflict() -> None:
    body = {"errors": [{"code": "CONFLICTING_UNIQUE_VALUE", "context": {"propertyName": ["admithub_id"]}}]}
    error = errors.of_answer(answer(400, body), write=True)
    assert isinstance(error, Conflict) and error.fields == {"admithub_id": Code.INVALID_VALUE}


def test_detail_holds_what_helps_and_no_text() -> None:
    body = {
        "message": "ann@secret.example is taken",
        "category": "VALIDATION_ERROR",
        "correlationId": "aeb5f871-7f07-4993-9211-075dc63e7cbf",
        "errors": [
            {
                "message": "secret",
                "code": "INVALID_DATE",
                "context": {"propertyName": ["birth_date", "ann@secret.example"]},
            }
        ],
    }
    detail = errors.of_answer(answer(400, body), write=True).detail
    expected = "status 400; VALIDATION_ERROR; birth_date INVALID_DATE; correlationId "
    assert detail == expected + "aeb5f871-7f07-4993-9211-075dc63e7cbf"


def test_missing_scopes_are_named() -> None:
    body = {
        "category": "MISSING_SCOPES",
        "errors": [{"context": {"requiredGranularScopes": ["crm.objects.contacts.write"]}}],
    }
    assert "crm.objects.contacts.write" in errors.of_answer(answer(403, body), write=True).detail


@pytest.mark.parametrize(
    ("status", "header", "expected"),
    [
        (429, "3", 3.0),
        (429, "", None),
        (429, "-4", None),
        (429, "nonsense", None),
        (429, "999999", None),
        (429, "nan", None),
        (423, "", 2.0),
        (423, "0", 2.0),
        (423, "9", 9.0),
        (477, "3600", 3600.0),
        (503, "4", 4.0),
    ],
)
def test_retry_after(status: int, header: str, expected: float | None) -> None:
    error = errors.of_answer(answer(status, Retry_After=header), write=True)
    assert error.retry_after_s == expected


@pytest.mark.parametrize(
    ("status", "write", "expected"),
    [
        (500, True, True),
        (500, False, False),
        (423, True, False),
        (477, True, False),
        (429, True, False),
        (400, True, False),
    ],
)
def test_what_may_have_been_applied(status: int, write: bool, expected: bool) -> None:
    assert errors.of_answer(answer(status), write=write).maybe_applied is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"policyName": "TEN_SECONDLY_ROLLING"}, "TEN_SECONDLY_ROLLING"),
        ({"message": "You have reached your secondly limit."}, "SECONDLY"),
        ({"message": "You have reached your daily limit."}, "DAILY"),
        ({"message": "You have reached your ten_secondly_rolling limit."}, "TEN_SECONDLY_ROLLING"),
        ({}, ""),
        ([], ""),
    ],
)
def test_the_policy_of_a_429(body: Any, expected: str) -> None:
    assert errors.policy(json.dumps(body)) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "errors",
                    "message",
                    "context",
                    "category",
                    "propertyName",
                    "name",
                    "results",
                    "id",
                    "properties",
                    "options",
                    "value",
                    "propertiesWithHistory",
                    "paging",
                    "next",
                    "after",
                    "timestamp",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.integers(300, 599), json_values)
def test_any_json_is_some_error(status: int, body: Any) -> None:
    assert isinstance(errors.of_answer(answer(status, body), write=True), PlatformError)
    if isinstance(body, dict):
        assert isinstance(errors.of_item(body), PlatformError)


@given(json_values)
def test_any_json_is_a_record_or_none(body: Any) -> None:
    payloads.contact(body)
    payloads.contacts(body)
    if isinstance(body, dict):
        assert isinstance(payloads.next_after(body), str)


def test_a_record() -> None:
    record = {
        "id": "100451",
        "properties": {
            "email": "a@b.example",
            "phone": None,
            "lastmodifieddate": "2024-09-11T13:27:39.356Z",
            "hs_merged_object_ids": "1; 2;",
            "hs_additional_emails": "C@b.example;d@b.example",
        },
        "propertiesWithHistory": {
            "email": [
                {"value": "a@b.example", "timestamp": "2024-09-03T00:00:00Z"},
                {"value": "a@b.example", "timestamp": "2024-09-02T00:00:00Z"},
                {"value": "old@b.example", "timestamp": "2024-09-01T00:00:00Z"},
            ],
            "phone": [],
            "odd": None,
        },
        "archived": True,
    }
    contact = payloads.contact(record)
    assert contact is not None
    assert (contact.id, contact.modified_ms, contact.merged_ids) == ("100451", 1_726_061_259_356, ("1", "2"))
    assert contact.changed_ms == {"email": 1_725_235_200_000}
    assert contact.left_out
    assert payloads.emails(contact) == {"a@b.example", "c@b.example", "d@b.example"}
    younger = payloads.contact({"id": 7, "properties": {}, "updatedAt": "2024-09-11T13:27:39.356Z"})
    assert younger is not None and (younger.id, younger.modified_ms, younger.left_out) == (
        "7",
        1_726_061_259_356,
        "",
    )


def test_values_go_out_as_text() -> None:
    assert payloads.sent({"a": None, "b": True, "c": 3, "d": "x"}) == {
        "a": "",
        "b": "true",
        "c": "3",
        "d": "x",
    }


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"name": "email", "type": "string", "fieldType": "text"}, FieldType.EMAIL),
        ({"name": "work_email", "type": "string", "fieldType": "text"}, FieldType.TEXT),
        ({"name": "phone", "type": "string", "fieldType": "text"}, FieldType.PHONE),
        ({"name": "mobilephone", "type": "string", "fieldType": "phonenumber"}, FieldType.PHONE),
        ({"name": "other", "type": "string", "fieldType": "phonenumber"}, FieldType.PHONE),
        ({"name": "n", "type": "number", "fieldType": "number"}, FieldType.NUMBER),
        ({"name": "b", "type": "bool", "fieldType": "booleancheckbox"}, FieldType.BOOL),
        ({"name": "b", "type": "enumeration", "fieldType": "booleancheckbox"}, FieldType.BOOL),
        ({"name": "s", "type": "enumeration", "fieldType": "select"}, FieldType.CHOICE),
        ({"name": "r", "type": "enumeration", "fieldType": "radio"}, FieldType.CHOICE),
        ({"name": "c", "type": "enumeration", "fieldType": "checkbox"}, FieldType.CHOICES),
        ({"name": "d", "type": "date", "fieldType": "date"}, FieldType.DATE),
        ({"name": "t", "type": "datetime", "fieldType": "date"}, FieldType.DATETIME),
        ({"name": "x", "type": "never heard of"}, FieldType.TEXT),
    ],
)
def test_types_of_properties(told: dict[str, str], kind: FieldType) -> None:
    assert catalogue.field(told).type is kind


@pytest.mark.parametrize(
    "more",
    [{"modificationMetadata": {"readOnlyValue": True}}, {"calculated": True}, {"type": "json"}],
)
def test_what_cannot_be_written_says_why(more: dict[str, Any]) -> None:
    assert catalogue.field({"name": "x", "type": "string"} | more).read_only
    assert not catalogue.field({"name": "x", "type": "string", "modificationMetadata": None}).read_only


def test_a_catalogue_leaves_out_what_is_archived() -> None:
    results = [{"name": "a"}, {"name": "b", "archived": True}, {"label": "nameless"}, None]
    assert [field.name for field in catalogue.fields({"results": results})] == ["a"]
    with pytest.raises(UnexpectedAnswer):
        catalogue.fields({})
