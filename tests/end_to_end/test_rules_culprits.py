"""Batches of a hundred contacts with bad ones among them: the others are written, in few calls."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from core.platforms.mainstay.payloads import time_ms
from tests.end_to_end.rules_kit import NAMES, Bench, bench, configuration
from tests.end_to_end.scene import HTTP

ROWS = NAMES + "      - {mainstay: custom.High School, hubspot: housing}\n"


def calls(one: Bench, side: str) -> Counter[str]:
    """How often each call for contacts was made on a platform so far."""
    outside = one.scene.hubspot if side == "hubspot" else one.scene.mainstay
    found = Counter(outside.counters()["total"]["calls"])
    for setting_up in ("account", "properties", "fields"):
        del found[setting_up]
    return found


def people(count: int, **more: Any) -> list[dict[str, Any]]:
    """Mainstay contacts, each with its own phone and email."""
    return [
        {
            "first_name": f"First{n}",
            "last_name": f"Last{n}",
            "phone": f"617555{n:04}",
            "email": f"n{n}@example.edu",
            **more,
        }
        for n in range(count)
    ]


def told(one: Bench) -> list[tuple[str, str, str]]:
    """The Sync Log as (contact, code, field)."""
    return [(entry.contact.split(":")[1], entry.code, entry.field) for entry in one.scene.log()]


def test_a_hundred_good_ones_cost_a_handful_of_calls(tmp_path: Path) -> None:
    with bench(tmp_path, configuration("outgoing")) as one:
        ids = [one.mainstay(**person) for person in people(100)]
        at_ms = {key: time_ms(one.contact(key)["modified"]) for key in ids}
        assert one.batch("outgoing", ids, at_ms=at_ms) == {"created": 100}
        assert calls(one, "hubspot") == {"batch_create": 1, "batch_read": 1, "search": 1}
        assert calls(one, "mainstay") == {"list": 1, "update": 100}, "a page with all, and one CRM ID each"
        assert one.batch("outgoing", ids) == {"unchanged": 100}
        assert calls(one, "hubspot")["batch_read"] == 2


CULPRITS: list[tuple[str, dict[str, Any], str, list[tuple[str, str]]]] = [
    ("option", {"custom": {"High School": "Nowhere"}}, "created", [("unknown-option", "housing")]),
    ("CRM ID", {"crm_id": "4711"}, "error", [("crm-id-not-found", "")]),
    ("archived", {"archived": True}, "filtered", []),
    ("another's email", {"email": "holder@example.edu"}, "error", [("already-linked", "")]),
    ("no name", dict.fromkeys(("first_name", "last_name", "email")), "error", [("invalid-value", "")]),
]


@pytest.mark.parametrize(
    "culprit, outcome, log", [pytest.param(c, o, rows, id=n) for n, c, o, rows in CULPRITS]
)
def test_one_culprit_among_a_hundred_to_be_created(
    tmp_path: Path, culprit: dict[str, Any], outcome: str, log: list[tuple[str, str]]
) -> None:
    with bench(tmp_path, configuration("outgoing", rows=ROWS)) as one:
        one.sync("outgoing", one.mainstay(first_name="Holder", email="holder@example.edu"))
        before = calls(one, "hubspot")
        everybody = people(100)
        everybody[50] |= culprit
        ids = [one.mainstay(**person) for person in everybody]
        assert one.batch("outgoing", ids) == Counter({"created": 99}) + Counter({outcome: 1})
        assert told(one) == [(ids[50], *row) for row in log]
        assert (calls(one, "hubspot") - before).total() <= 8


def test_each_kind_among_a_hundred_to_be_updated(tmp_path: Path) -> None:
    with bench(tmp_path, configuration("outgoing", rows=ROWS)) as one:
        ids = [one.mainstay(**person) for person in people(100)]
        one.batch("outgoing", ids)
        before = calls(one, "hubspot")
        for contact in ids:
            one.scene.mainstay.edit(contact, last_name="Changed")
        one.hubspot(firstname="Holder", email="holder@example.edu")
        one.scene.mainstay.edit(ids[10], email="holder@example.edu")  # a 409 in the batch
        one.scene.mainstay.edit(ids[20], custom={"High School": "Nowhere"})
        one.scene.hubspot.archive(one.contact(ids[30])["crm_id"])
        one.scene.mainstay.edit(ids[40], archived=True)
        assert one.batch("outgoing", ids) == {"updated": 98, "error": 1, "filtered": 1}
        assert sorted(told(one)) == sorted(
            [
                (ids[10], "invalid-value", "email"),
                (ids[20], "unknown-option", "housing"),
                (ids[30], "crm-id-not-found", ""),
            ]
        )
        changed = [r for r in one.scene.hubspot.all() if r.get("lastname") == "Changed"]
        assert len(changed) == 98
        made = calls(one, "hubspot") - before
        assert made["batch_update"] <= 16, "the culprit is isolated by halves"
        assert made.total() <= 22


def test_a_property_that_is_gone_fails_nobody(tmp_path: Path) -> None:
    with bench(tmp_path, configuration("outgoing", rows=ROWS)) as one:
        ids = [one.mainstay(**person, custom={"High School": "On campus"}) for person in people(100)]
        url = f"{one.scene.hubspot.url}/_sandbox/properties/housing"
        assert HTTP.request("PATCH", url, json={"archived": True}).status == 200
        assert one.batch("outgoing", ids) == {"created": 100}
        assert Counter(told(one)) == Counter((contact, "missing-field", "housing") for contact in ids)
        assert calls(one, "hubspot")["batch_create"] == 2


def test_incoming_culprits_of_each_kind(tmp_path: Path) -> None:
    config = configuration("incoming", filters="[{field: lifecyclestage, values: [lead]}]")
    with bench(tmp_path, config) as one:
        ids = []
        for n, person in enumerate(people(100)):
            values = {
                "firstname": person["first_name"],
                "lastname": person["last_name"],
                "phone": person["phone"],
                "email": person["email"],
                "lifecyclestage": "lead",
            }
            odd = {
                10: {"phone": ""},
                20: {"phone": "555-0100"},
                30: {"lifecyclestage": "customer"},
                40: {"phone": "6175550041"},  # the next one's
                50: {"firstname": "x" * 65},
                60: {"phone": "6175559999"},
            }
            ids.append(one.hubspot(**values | odd.get(n, {})))
        one.mainstay(first_name="Test", phone="6175559999", test_user=True)
        assert one.batch("incoming", ids) == {"created": 94, "error": 4, "filtered": 2}
        assert sorted(told(one)) == sorted(
            [
                (ids[10], "blank-required-data-in-record", ""),
                (ids[20], "invalid-phone", "phone"),
                (ids[41], "crm-id-phone-conflict", ""),
                (ids[50], "invalid-value", "first_name"),
            ]
        )
        assert calls(one, "hubspot") == {"batch_read": 1, "read": 1}, "one to ask whether two were merged"
        assert len(one.scene.mainstay.all()) == 95


def test_two_of_a_batch_that_lead_to_one_record(tmp_path: Path) -> None:
    """Two Mainstay contacts with one email, and a HubSpot record that has it: one gets it, one is told."""
    with bench(tmp_path, configuration("outgoing")) as one:
        record = one.hubspot(firstname="B", email="ben@example.edu")
        twins = [one.mainstay(first_name=n, last_name="T", email="ben@example.edu") for n in ("One", "Two")]
        assert one.batch("outgoing", twins) == {"updated": 1, "waiting": 1}
        assert one.batch("outgoing", twins) == {"unchanged": 1, "error": 1}
        assert [code for _, code, _ in told(one)] == ["already-linked"]
        assert len(one.scene.hubspot.all()) == 1
        assert list(one.links()) == [record]


def test_two_new_ones_with_one_email(tmp_path: Path) -> None:
    with bench(tmp_path, configuration("outgoing")) as one:
        twins = [one.mainstay(first_name=n, last_name="T", email="ben@example.edu") for n in ("One", "Two")]
        assert one.batch("outgoing", twins) == {"created": 1, "error": 1}
        assert [code for _, code, _ in told(one)] == ["already-linked"]
        assert len(one.scene.hubspot.all()) == 1


def test_two_of_a_batch_whose_record_a_linked_contact_holds(tmp_path: Path) -> None:
    """Whoever is looked at: a record that is linked stays with its contact, though that has no CRM ID now."""
    with bench(tmp_path, configuration("outgoing")) as one:
        holder = one.mainstay(first_name="Holder", last_name="H", email="ben@example.edu")
        one.sync("outgoing", holder)
        one.scene.mainstay.edit(holder, crm_id=None)
        twins = [one.mainstay(first_name=n, last_name="T", email="ben@example.edu") for n in ("One", "Two")]
        assert one.batch("outgoing", twins) == {"error": 2}
        assert {code for _, code, _ in told(one)} == {"already-linked"}
        assert list(one.links().values()) == [holder]
