"""The two parsers: documented members are read, odd ones are counted, and nothing raises."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.domain.events import (
    Creation,
    Deletion,
    MainstayChange,
    Merge,
    OtherEvent,
    PrivacyDeletion,
    PropertyChange,
    Restore,
)
from core.platforms.hubspot import events as hubspot
from core.platforms.mainstay import events as mainstay
from tests.unit.webhooks.kit import change, happened, told

SAMPLES = json.loads(
    (Path(__file__).parents[2] / "samples" / "webhooks" / "hubspot-captures.json").read_text()
)
AT = 1_752_480_758_764


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("creation", Creation("49547190", "106651134132", 1742214467116)),
        ("change", PropertyChange("247187887", "541935488729", 1787843156000, "email", "ana@example.edu")),
        ("deletion", Deletion("48975575", "508369434347", 1782371970538)),
        ("custom_object_change", OtherEvent("", "other-object")),
        ("generic_creation", Creation("62515", "101", AT)),
        ("merge", Merge("62515", "199", AT, ("101", "102", "103"), "101")),
        ("privacy_deletion", PrivacyDeletion("62515", "101", AT)),
        ("association", OtherEvent("", "other-object")),
        ("test_button", PropertyChange("62515", "123", AT, "firstname", "sample-value")),
    ],
)
def test_captured_deliveries(name: str, event: Any) -> None:
    for document in (SAMPLES[name], [SAMPLES[name]]):
        assert hubspot.parse(document).events == (event,)


@pytest.mark.parametrize("kind", ["creation", "deletion", "restore", "privacyDeletion", "propertyChange"])
def test_classic_and_generic_forms_say_the_same(kind: str) -> None:
    classic = change(subscriptionType=f"contact.{kind}")
    generic = change(subscriptionType=f"object.{kind}", objectTypeId="0-1")
    parsed = hubspot.parse([classic, generic]).events
    assert parsed[0] == parsed[1]
    assert not isinstance(parsed[0], OtherEvent)


def test_the_type_stands_under_either_name() -> None:
    event = happened("contact.restore")
    renamed = {("eventType" if name == "subscriptionType" else name): value for name, value in event.items()}
    both = event | {"eventType": "contact.deletion"}
    assert hubspot.parse([event, renamed, both]).events == (Restore("62515", "101", event["occurredAt"]),) * 3


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (happened("company.creation"), "other-object"),
        (happened("object.creation", objectTypeId="0-2"), "other-object"),
        (happened("object.creation"), "other-object"),
        ({"subscriptionType": "object.associationChange"}, "other-object"),
        (happened("contact.associationChange"), "other-type"),
        (happened("contact.somethingNew"), "other-type"),
        ({"subscriptionType": "conversation.newMessage"}, "other-object"),
    ],
)
def test_what_is_authentic_but_not_wanted(event: dict[str, Any], reason: str) -> None:
    parsed = hubspot.parse([event])
    assert parsed.events == (OtherEvent("", reason),)
    assert not parsed.unreadable


@pytest.mark.parametrize(
    "odd",
    [
        {"objectId": None},
        {"objectId": True},
        {"objectId": 0},
        {"objectId": -5},
        {"objectId": 1.0},
        {"objectId": 2**63},
        {"objectId": "12a"},
        {"objectId": "１２"},
        {"objectId": "1" * 400},
        {"objectId": [1]},
        {"portalId": False},
        {"portalId": {}},
        {"occurredAt": "soon"},
        {"occurredAt": True},
        {"occurredAt": 10**30},
        {"occurredAt": -1},
        {"propertyName": None},
        {"propertyName": ""},
        {"propertyName": 5},
    ],
)
def test_an_odd_member_is_unreadable_and_its_neighbour_is_not(odd: dict[str, Any]) -> None:
    parsed = hubspot.parse([change() | odd, change()])
    assert len(parsed.events) == 1
    assert parsed.unreadable == {"member": 1}


def test_missing_members() -> None:
    for name in ("portalId", "objectId", "propertyName"):
        partial = {other: value for other, value in change().items() if other != name}
        assert hubspot.parse([partial]).unreadable == {"member": 1}
    assert hubspot.parse([{"portalId": 1}, {"subscriptionType": 7}, 5, None, [change()]]).unreadable == {
        "type": 2,
        "shape": 3,
    }
    without_time = {name: value for name, value in change().items() if name != "occurredAt"}
    [event] = hubspot.parse(without_time).events
    assert isinstance(event, PropertyChange)
    assert event.at_ms is None


def test_ids_may_be_digits_and_have_64_bits() -> None:
    event = change(contact=str(2**63 - 1), portalId="0062515", occurredAt="1795000000000")
    [read] = hubspot.parse(event).events
    assert isinstance(read, PropertyChange)
    assert (read.contact, read.account, read.at_ms) == (str(2**63 - 1), "62515", 1795000000000)


@pytest.mark.parametrize(
    ("more", "value", "carried"),
    [
        ({"propertyValue": ""}, "", True),
        ({"propertyValue": None}, None, True),
        ({"propertyValue": 5}, 5, True),
        ({"propertyValue": "REDACTED"}, None, False),
        ({"isSensitive": True}, None, False),
        ({"isSensitive": False}, "Ana", True),
        ({"propertyValue": {"a": 1}}, None, False),
    ],
)
def test_which_values_an_event_carries(more: dict[str, Any], value: Any, carried: bool) -> None:
    [event] = hubspot.parse(change() | more).events
    assert isinstance(event, PropertyChange)
    assert (event.value, event.carried) == (value, carried)


def test_an_absent_value_is_not_carried() -> None:
    absent = {name: value for name, value in change().items() if name != "propertyValue"}
    [event] = hubspot.parse(absent).events
    assert isinstance(event, PropertyChange)
    assert not event.carried


@pytest.mark.parametrize(
    ("more", "survivor", "merged"),
    [
        ({"newObjectId": 199, "primaryObjectId": 101, "mergedObjectIds": [102]}, "199", ("101", "102")),
        ({"newObjectId": 199, "primaryObjectId": 101, "mergedObjectIds": [101, 102]}, "199", ("101", "102")),
        ({"primaryObjectId": 101, "mergedObjectIds": ["102"]}, "101", ("102",)),
        ({"newObjectId": None, "primaryObjectId": 101, "mergedObjectIds": [101, 102]}, "101", ("102",)),
        ({"newObjectId": 199, "mergedObjectIds": None}, "199", ()),
    ],
)
def test_who_survives_a_merge(more: dict[str, Any], survivor: str, merged: tuple[str, ...]) -> None:
    [event] = hubspot.parse(
        {"subscriptionType": "contact.merge", "portalId": 62515, "occurredAt": AT} | more
    ).events
    primary = "101" if "primaryObjectId" in more else ""
    assert event == Merge("62515", survivor, AT, merged, primary)


def test_a_merge_without_survivor_or_with_odd_ids_is_unreadable() -> None:
    for more in (
        {},
        {"newObjectId": 1, "mergedObjectIds": "102"},
        {"newObjectId": 1, "mergedObjectIds": [True]},
    ):
        assert hubspot.parse(happened("contact.merge", **more)).unreadable == {"member": 1}


def test_no_value_shows_in_a_repr() -> None:
    assert "Ana" not in repr(hubspot.parse(change()))
    assert "Ana" not in repr(mainstay.parse(told()))


# ---- Mainstay --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["contact.created", "contact.updated", "contact.archived"])
def test_a_mainstay_change_is_read(kind: str) -> None:
    contact = {"admithub_id": "x1", "first_name": "Ana", "custom": {"Birth Date": "2001-02-03"}}
    for document in (told(contact=contact, type=kind), [told(contact=contact, type=kind)]):
        [event] = mainstay.parse(document).events
        assert isinstance(event, MainstayChange)
        assert (event.account, event.contact, event.at_ms) == ("hill", "x1", 1_794_999_999_000)
        assert event.values["custom.Birth Date"] == "2001-02-03"


@pytest.mark.parametrize(
    ("occurred_at", "modified", "at_ms"),
    [
        ("2026-11-23T10:00:00Z", None, 1_795_428_000_000),
        ("2026-11-23T10:00:00", None, 1_795_428_000_000),
        ("2026-11-23T11:00:00+01:00", "2020-01-01", 1_795_428_000_000),
        (None, "2026-11-23T10:00:00Z", 1_795_428_000_000),
        ("gestern", "2026-11-23T10:00:00Z", 1_795_428_000_000),
        ({}, None, None),
        ("gestern", 1e300, None),
    ],
)
def test_when_it_happened(occurred_at: Any, modified: Any, at_ms: int | None) -> None:
    [event] = mainstay.parse(told(contact={"id": "x", "modified": modified}, occurred_at=occurred_at)).events
    assert isinstance(event, MainstayChange)
    assert event.at_ms == at_ms


def test_other_types_are_not_wanted() -> None:
    assert mainstay.parse(told(type="message.sent")).events == (OtherEvent("hill", "other-type"),)


@pytest.mark.parametrize(
    "odd",
    [
        {"type": None},
        {"org_id": ""},
        {"org_id": 5},
        {"contact": None},
        {"contact": []},
        {"contact": {}},
        {"contact": {"id": True}},
        {"contact": {"id": "a b"}},
        {"contact": {"id": "a\n"}},
        {"contact": {"id": "\ud800"}},
        {"contact": {"id": "x" * 61}},
        {"contact": {"id": 1.5}},
    ],
)
def test_an_odd_mainstay_member_is_unreadable(odd: dict[str, Any]) -> None:
    parsed = mainstay.parse([told() | odd, told()])
    assert len(parsed.events) == 1
    assert parsed.unreadable == {"member": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
HUBSPOT_LIKE = st.dictionaries(st.sampled_from(sorted(change() | SAMPLES["merge"])), JSON)
MAINSTAY_LIKE = st.fixed_dictionaries(
    {"type": st.sampled_from(sorted(mainstay.TYPES)), "org_id": st.just("hill")},
    optional={
        "contact": st.dictionaries(st.sampled_from(["id", "admithub_id", "custom", "modified"]), JSON) | JSON,
        "occurred_at": JSON,
    },
)


@hypothesis_settings(deadline=None)
@given(JSON | st.lists(HUBSPOT_LIKE.map(lambda event: change() | event), max_size=3))
def test_any_json_gives_hubspot_events_or_counts(document: Any) -> None:
    members = document if isinstance(document, list) else [document]
    parsed = hubspot.parse(document)
    assert len(parsed.events) + sum(parsed.unreadable.values()) == len(members)


@hypothesis_settings(deadline=None)
@example({"type": "contact.updated", "org_id": "hill", "contact": {"id": None, "admithub_id": 0}})
@given(JSON | st.lists(MAINSTAY_LIKE, max_size=3))
def test_any_json_gives_mainstay_events_or_counts(document: Any) -> None:
    members = document if isinstance(document, list) else [document]
    parsed = mainstay.parse(document)
    assert len(parsed.events) + sum(parsed.unreadable.values()) == len(members)
