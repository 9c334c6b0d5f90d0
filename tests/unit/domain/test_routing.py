"""Which queues an event wakes, as tables."""

from dataclasses import replace
from typing import Any

import pytest

from core.domain.digests import digest
from core.domain.events import (
    Creation,
    Deletion,
    Event,
    MainstayChange,
    Merge,
    OtherEvent,
    PrivacyDeletion,
    PropertyChange,
    Restore,
)
from core.domain.fields import Direction, Platform
from core.domain.messages import Address, Cause, Change, Kind, Lane, Message
from core.domain.routing import Routed, Routing, route
from tests.unit.webhooks.kit import (
    INCOMING,
    KEY,
    NOW_MS,
    OUTGOING,
    PORTAL,
    RIVER,
    TABLE,
    TO_INCOMING,
    TO_OUTGOING,
    TO_PORTAL,
    instance,
    stamp,
)

AT = NOW_MS - 1000


def changed(name: str = "firstname", value: Any = "Ana", contact: str = "101", **more: Any) -> PropertyChange:
    return PropertyChange(
        **{"account": "62515", "contact": contact, "at_ms": AT, "name": name, "value": value} | more
    )


def routed(*events: Event, table: Routing = TABLE) -> Routed:
    return route(table, events, stamp())


def only(result: Routed) -> Message:
    [message] = result.messages
    return message


def hubspot_digest(name: str, canonical: str) -> str:
    return digest(KEY, Platform.HUBSPOT, name, canonical)


def test_a_mapped_property_wakes_the_instance_with_its_digest() -> None:
    message = only(routed(changed(value=" Ana ")))
    assert message == Message(
        id="id-1",
        address=TO_INCOMING,
        contact="101",
        occurred_at_ms=AT,
        accepted_at_ms=NOW_MS,
        kind=Kind.CONTACT,
        cause=Cause.EVENT,
        changes={"firstname": Change(hubspot_digest("firstname", "Ana"), AT)},
        trace="trace",
    )
    assert b"Ana" not in message.to_json()


@pytest.mark.parametrize(
    ("name", "value", "canonical"),
    [
        ("phone", "(617) 555-0100", "+16175550100"),
        ("birth_date", "1752559200000", "2025-07-15"),
        ("lifecyclestage", "Lead", "lead"),
        ("email", "Ana@Example.edu", "ana@example.edu"),
        ("firstname", "", ""),
        ("firstname", None, ""),
    ],
)
def test_digests_are_over_the_canonical_value(name: str, value: Any, canonical: str) -> None:
    message = only(routed(changed(name, value)))
    assert message.changes == {name: Change(hubspot_digest(name, canonical), AT)}


def test_a_hidden_value_has_no_digest() -> None:
    assert only(routed(changed(value=None, carried=False))).changes == {"firstname": Change(None, AT)}


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (changed("favourite_colour"), "unmapped"),
        (changed(account="999"), "unknown-account"),
        (changed(account="700"), "no-instance"),
        (Creation("700", "101", AT), "no-instance"),
        (Deletion("999", "101", AT), "unknown-account"),
        (OtherEvent("", "other-object"), "other-object"),
        (MainstayChange("nowhere", "x", AT), "unknown-account"),
        (MainstayChange("lake", "x", AT), "no-instance"),
        (MainstayChange("62515", "x", AT), "unknown-account"),  # a portal's id is no organisation's
    ],
)
def test_what_is_not_wanted_is_counted(event: Event, reason: str) -> None:
    result = routed(event)
    assert result.messages == ()
    assert result.unwanted == {reason: 1}


def test_a_disabled_instance_is_not_woken() -> None:
    table = replace(TABLE, instances=(replace(INCOMING, enabled=False),))
    assert routed(changed(), table=table).unwanted == {"no-instance": 1}


def test_creation_wakes_every_incoming_instance_of_the_portal() -> None:
    table = replace(TABLE, instances=(INCOMING, OUTGOING, instance(10, Direction.INCOMING)))
    result = routed(Creation("62515", "101", AT), table=table)
    assert [m.address for m in result.messages] == [TO_INCOMING, Address(Lane.INCOMING, 10)]
    assert all(m.changes == {} for m in result.messages)


def test_one_contact_several_times_is_one_message() -> None:
    result = routed(
        Creation("62515", "101", AT),
        changed("firstname", "Ana", at_ms=AT + 5),
        changed("lastname", "Ruiz"),
        changed("email", "b@example.edu", contact="102"),
        changed("favourite_colour", "red"),
    )
    first, second = result.messages
    assert (first.contact, set(first.changes), first.occurred_at_ms) == (
        "101",
        {"firstname", "lastname"},
        AT + 5,
    )
    assert second.contact == "102"
    assert result.unwanted == {"unmapped": 1}


@pytest.mark.parametrize(
    ("first_ms", "second_ms", "value"),
    [(AT, AT + 1, "two"), (AT + 1, AT, "one"), (AT, AT, None)],
)
def test_of_two_changes_the_later_counts(first_ms: int, second_ms: int, value: str | None) -> None:
    result = routed(changed(value="one", at_ms=first_ms), changed(value="two", at_ms=second_ms))
    told = hubspot_digest("firstname", value) if value else None  # at a tie the contact itself has to tell
    assert only(result).changes == {"firstname": Change(told, max(first_ms, second_ms))}


def test_the_same_change_twice_keeps_its_digest() -> None:
    assert only(routed(changed(), changed())).changes == only(routed(changed())).changes


def test_a_missing_time_is_the_time_of_arrival() -> None:
    message = only(routed(changed(at_ms=None)))
    assert (message.occurred_at_ms, message.changes["firstname"].at_ms) == (NOW_MS, NOW_MS)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (Deletion("62515", "101", AT), Kind.DELETION),
        (Restore("62515", "101", AT), Kind.RESTORE),
        (PrivacyDeletion("62515", "101", AT), Kind.PRIVACY_DELETION),
        (Merge("62515", "199", AT, ("101", "102"), "101"), Kind.MERGE),
    ],
)
def test_the_accounts_own_events_go_to_its_queue_even_without_instances(event: Event, kind: Kind) -> None:
    message = only(routed(event, table=Routing(accounts=(PORTAL, RIVER))))
    assert (message.address, message.kind, message.occurred_at_ms) == (TO_PORTAL, kind, AT)
    if isinstance(event, Merge):
        assert (message.contact, message.survivor, message.merged) == ("199", "199", ("101", "102"))
        assert message.primary == "101"
    else:
        assert (message.contact, message.survivor, message.merged) == ("101", "", ())


def test_repeats_of_account_events_are_one_message_and_kinds_stay_apart() -> None:
    result = routed(
        Deletion("62515", "101", AT),
        PrivacyDeletion("62515", "101", AT),
        Deletion("62515", "101", AT + 1),
        Merge("62515", "199", AT, ("101",)),
        Merge("62515", "199", AT, ("102",)),
        changed(),
    )
    assert [m.kind for m in result.messages] == [
        Kind.DELETION,
        Kind.PRIVACY_DELETION,
        Kind.MERGE,
        Kind.CONTACT,
    ]
    assert result.messages[2].merged == ("101", "102")
    assert len({m.id for m in result.messages}) == 4


def test_portals_do_not_see_each_other() -> None:
    other = replace(INCOMING, id=20, hubspot=TABLE.accounts[1])
    table = replace(TABLE, instances=(INCOMING, other))
    result = routed(changed(), changed(account="700", value="Bo"), table=table)
    assert [(m.address.id, m.contact) for m in result.messages] == [(7, "101"), (20, "101")]
    assert result.messages[0].changes != result.messages[1].changes


def test_a_mainstay_change_wakes_every_outgoing_instance_with_all_fields() -> None:
    table = replace(TABLE, instances=(INCOMING, OUTGOING, instance(11, Direction.OUTGOING)))
    values = {
        "id": "x",
        "first_name": "Ana",
        "phone": "6175550100",
        "custom.Birth Date": "2001-02-03",
        "email": None,
    }
    result = routed(MainstayChange("river", "x", AT, values), table=table)
    assert [m.address for m in result.messages] == [TO_OUTGOING, Address(Lane.OUTGOING, 11)]

    def mainstay(name: str, canonical: str) -> Change:
        return Change(digest(KEY, Platform.MAINSTAY, name, canonical), AT)

    assert result.messages[0].changes == {
        "first_name": mainstay("first_name", "Ana"),
        "last_name": mainstay("last_name", ""),  # the API leaves blanks out
        "phone": mainstay("phone", "+16175550100"),
        "email": mainstay("email", ""),
        "custom.Birth Date": mainstay("custom.Birth Date", "2001-02-03"),
        "crm_id": mainstay("crm_id", ""),  # these two matter though no row maps them
        "left_out": mainstay("left_out", ""),
    }


def test_every_event_is_in_a_message_or_unwanted() -> None:
    events = [changed(contact=str(n), name=name) for n in range(1, 40) for name in ("firstname", "colour")]
    result = routed(*events)
    assert len(result.messages) == 39
    assert result.unwanted == {"unmapped": 39}
