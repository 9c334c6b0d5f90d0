"""Matching as tables: every line of contract.md §6, and the laws that hold whatever was found."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.codes import Code
from core.domain.contacts import Contact
from core.domain.fields import Platform
from core.domain.matching import (
    IncomingCandidates,
    Match,
    OutgoingCandidates,
    match_incoming,
    match_outgoing,
)

P, Q = "+16175550100", "+16175550199"


def m(contact_id: str, crm_id: str = "", left_out: str = "") -> Contact:
    """A Mainstay contact."""
    return Contact(Platform.MAINSTAY, contact_id, {"crm_id": crm_id or None}, left_out=left_out)


def h(record_id: str) -> Contact:
    """A HubSpot record."""
    return Contact(Platform.HUBSPOT, record_id, {})


def incoming(**found: Any) -> Match:
    """The verdict on record 100, which also answers to 90 (merged into it)."""
    return match_incoming(IncomingCandidates(**{"record_id": "100", "aliases": ("100", "90"), **found}))


def told(match: Match) -> Any:
    """The verdict in a word: the contact's id, the code, "create", or why it is left out."""
    verdicts = [match.contact is not None, match.problem is not None, bool(match.left_out), match.create]
    assert verdicts.count(True) == 1, "exactly one verdict"
    if match.contact is not None:
        return match.contact.id
    return match.problem.code if match.problem else match.left_out or "create"


CONFLICT = Code.CRM_ID_PHONE_CONFLICT

INCOMING: list[tuple[str, dict[str, Any], Any]] = [
    ("by Mainstay ID", {"mainstay_id": "a", "by_id": m("a")}, "a"),
    ("Mainstay ID before all others", {"mainstay_id": "a", "by_id": m("a"), "by_crm": m("b", "100")}, "a"),
    ("Mainstay ID not found", {"mainstay_id": "a"}, Code.MAINSTAY_ID_NOT_FOUND),
    (
        "not found, though others fit",
        {"mainstay_id": "a", "by_crm": m("b", "100")},
        Code.MAINSTAY_ID_NOT_FOUND,
    ),
    (
        "Mainstay ID of an archived contact",
        {"mainstay_id": "a", "by_id": m("a", left_out="archived")},
        "archived",
    ),
    ("CRM ID alone", {"by_crm": m("a", "100")}, "a"),
    ("CRM ID of a merged record", {"by_crm": m("a", "90")}, "a"),
    ("CRM ID of a test contact", {"by_crm": m("a", "100", "test")}, "test"),
    ("link alone", {"linked": m("a")}, "a"),
    ("link whose contact has this CRM ID", {"linked": m("a", "100")}, "a"),
    ("link whose contact has a merged one", {"linked": m("a", "90")}, "a"),
    ("stale link: its contact names another record", {"linked": m("a", "777")}, "create"),
    ("stale link, and the CRM ID elsewhere", {"linked": m("a", "777"), "by_crm": m("b", "100")}, "b"),
    ("CRM ID and phone as one", {"by_crm": m("a", "100"), "by_phone": m("a", "100"), "phone": P}, "a"),
    ("same phone", {"by_crm": m("a", "100"), "phone": P, "crm_phone": P}, "a"),
    ("blank phone in HubSpot", {"by_crm": m("a", "100"), "crm_phone": P}, "a"),
    ("blank phone in Mainstay", {"by_crm": m("a", "100"), "phone": P}, "a"),
    ("different phone", {"by_crm": m("a", "100"), "phone": P, "crm_phone": Q}, CONFLICT),
    ("different phone behind a link", {"linked": m("a"), "phone": P, "crm_phone": Q}, CONFLICT),
    (
        "phone leads to another",
        {"by_crm": m("a", "100"), "by_phone": m("b"), "phone": P},
        CONFLICT,
    ),
    (
        "the previous phone",
        {"by_crm": m("a", "100"), "phone": P, "crm_phone": Q, "phone_is_previous": True},
        "a",
    ),
    ("phone alone", {"by_phone": m("a"), "phone": P}, "a"),
    ("phone of a contact with this CRM ID", {"by_phone": m("a", "90"), "phone": P}, "a"),
    ("phone of a contact with another CRM ID", {"by_phone": m("a", "777"), "phone": P}, CONFLICT),
    ("phone of a contact linked elsewhere", {"by_phone": m("a"), "phone": P, "phone_link": "777"}, CONFLICT),
    ("phone of a contact linked here", {"by_phone": m("a"), "phone": P, "phone_link": "90"}, "a"),
    ("phone of an archived contact", {"by_phone": m("a", left_out="archived"), "phone": P}, "archived"),
    ("nothing", {"phone": P}, "create"),
    ("nothing, and no phone", {}, "create"),
]


@pytest.mark.parametrize("found, verdict", [pytest.param(f, v, id=name) for name, f, v in INCOMING])
def test_incoming(found: dict[str, Any], verdict: Any) -> None:
    assert told(incoming(**found)) == verdict


def test_only_a_mainstay_id_opens_all_fields() -> None:
    for _, found, _ in INCOMING:
        match = incoming(**found)
        assert match.all_fields == (match.contact is not None and "mainstay_id" in found)
        assert not match.claim


def test_out_of_sync_is_said_of_the_previous_phone_only() -> None:
    out = [name for name, found, _ in INCOMING if incoming(**found).out_of_sync]
    assert out == ["the previous phone"]


OUTGOING: list[tuple[str, dict[str, Any], Any]] = [
    ("CRM ID", {"crm_id": "100", "record": h("100")}, "100"),
    ("a merged CRM ID leads to the survivor", {"crm_id": "90", "record": h("100")}, "100"),
    ("CRM ID not found", {"crm_id": "100"}, Code.CRM_ID_NOT_FOUND),
    ("not found, though others fit", {"crm_id": "100", "by_email": h("1")}, Code.CRM_ID_NOT_FOUND),
    ("CRM ID before email", {"crm_id": "100", "record": h("100"), "by_email": h("1")}, "100"),
    (
        "CRM ID of a record that another has",
        {"crm_id": "100", "record": h("100"), "taken": {"100": "b"}},
        Code.ALREADY_LINKED,
    ),
    ("a record that is one's own", {"crm_id": "100", "record": h("100"), "taken": {"100": "a"}}, "100"),
    ("email", {"email": "x", "by_email": h("1")}, "1"),
    ("email before name", {"email": "x", "by_email": h("1"), "by_name": [(h("2"), True)]}, "1"),
    (
        "email of another's record",
        {"email": "x", "by_email": h("1"), "taken": {"1": "b"}},
        Code.ALREADY_LINKED,
    ),
    ("name and phone", {"has_names": True, "by_name": [(h("1"), False), (h("2"), True)]}, "2"),
    ("the same record twice", {"has_names": True, "by_name": [(h("2"), True), (h("2"), True)]}, "2"),
    ("several fit", {"has_names": True, "by_name": [(h("1"), True), (h("2"), True)]}, Code.AMBIGUOUS_NAME),
    (
        "name of another's record",
        {"has_names": True, "by_name": [(h("2"), True)], "taken": {"2": "b"}},
        Code.ALREADY_LINKED,
    ),
    ("others of this name", {"has_names": True, "by_name": [(h("1"), False)]}, "create"),
    ("nothing", {"email": "x", "has_names": True}, "create"),
    ("nothing to look for", {}, "create"),
]


def outgoing(**found: Any) -> Match:
    """The verdict on contact a."""
    return match_outgoing(OutgoingCandidates(**{"contact_id": "a", **found}))


@pytest.mark.parametrize("found, verdict", [pytest.param(f, v, id=name) for name, f, v in OUTGOING])
def test_outgoing(found: dict[str, Any], verdict: Any) -> None:
    assert told(outgoing(**found)) == verdict


def test_what_is_found_by_email_or_name_is_claimed_first() -> None:
    for _, found, _ in OUTGOING:
        match = outgoing(**found)
        if match.contact is not None:
            assert match.claim == ("crm_id" not in found)
            assert match.all_fields == ("crm_id" in found)


@pytest.mark.parametrize(
    "match", [*(incoming(**f) for _, f, _ in INCOMING), *(outgoing(**f) for _, f, _ in OUTGOING)]
)
def test_every_verdict_has_its_steps_and_its_reason(match: Match) -> None:
    assert match.steps
    assert all(step.rule and step.reason for step in match.steps)
    *earlier, last = match.steps
    matched = [step.result for step in earlier].count("matched")
    assert matched == (last.rule == "ownership"), "a match ends the search; only its owner is asked for then"
    assert last.result == ("error" if match.problem else "matched")


@pytest.mark.parametrize("found", [f for _, f, _ in OUTGOING if len(f.get("by_name", ())) > 1])
def test_the_order_of_candidates_does_not_matter(found: dict[str, Any]) -> None:
    verdicts = [outgoing(**{**found, "by_name": list(order)}) for order in permutations(found["by_name"])]
    assert len({told(one) for one in verdicts}) == 1
    assert len({one.problem and one.problem.message for one in verdicts}) == 1


records = st.lists(st.tuples(st.sampled_from("12345").map(h), st.booleans()), max_size=6)


@given(st.data(), records, st.dictionaries(st.sampled_from("12345"), st.sampled_from("ab")))
def test_any_candidates_in_any_order_give_one_verdict(
    data: st.DataObject, by_name: list[tuple[Contact, bool]], taken: dict[str, str]
) -> None:
    shuffled = data.draw(st.permutations(by_name))
    one = outgoing(has_names=True, by_name=by_name, taken=taken)
    other = outgoing(has_names=True, by_name=shuffled, taken=taken)
    assert told(one) == told(other)
    if one.contact is not None:
        assert taken.get(one.contact.id, "a") == "a", "nobody else's record is ever matched"


contacts = st.none() | st.builds(
    m, st.sampled_from("ab"), st.sampled_from(["", "100", "90", "777"]), st.sampled_from(["", "archived"])
)
phones = st.sampled_from(["", P, Q])


@given(
    by_id=contacts,
    linked=contacts,
    by_crm=contacts,
    by_phone=contacts,
    mainstay_id=st.sampled_from(["", "a"]),
    phone_link=st.sampled_from(["", "100", "777"]),
    phone=phones,
    crm_phone=phones,
    phone_is_previous=st.booleans(),
)
def test_whatever_was_found_there_is_one_verdict(**found: Any) -> None:
    match = incoming(**found)
    told(match)
    if match.contact is not None:
        assert not match.contact.left_out, "archived and test contacts are never written"
        known = [found[name] for name in ("by_id", "linked", "by_crm", "by_phone")]
        assert any(match.contact is one for one in known)
