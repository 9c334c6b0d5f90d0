"""HubSpot's client against the sandbox: what works, over real HTTP."""

from collections.abc import Iterator, Mapping

import pytest

from core.domain.codes import Code
from core.domain.contacts import Contact
from core.domain.fields import FieldType
from core.platforms.errors import Conflict, NotFound, Refused, Unavailable
from core.platforms.hubspot import search
from core.platforms.ports import HubSpot
from tests.contract.platforms.kit import Bench, hubspot_bench, person

NAMES = ("email", "firstname", "lastname", "phone")


@pytest.fixture
def bench() -> Iterator[Bench]:
    with hubspot_bench() as one:
        yield one


def add(bench: Bench, *properties: Mapping[str, object]) -> list[str]:
    return bench.add(*({"properties": one} for one in properties))


def found(answer: object) -> Contact:
    assert isinstance(answer, Contact), answer
    return answer


def test_it_is_what_the_port_asks_for(bench: Bench) -> None:
    client: HubSpot = bench.hubspot()
    assert client.external_id() == "62515"


@pytest.mark.parametrize("version", ["2026-03", "2026-09", "v3"])
def test_reads_by_id_in_every_version_of_the_paths(bench: Bench, version: str) -> None:
    (one,) = add(bench, person(1, phone="+16175550100"))
    contact = found(bench.hubspot(version).read([one, one], NAMES)[one])
    assert (contact.id, contact.values["firstname"], contact.values["phone"]) == (one, "Ann1", "+16175550100")
    assert contact.modified_ms > 0 and contact.left_out == ""


def test_reads_any_number_in_calls_of_a_hundred(bench: Bench) -> None:
    ids = add(bench, *(person(n) for n in range(230)))
    bench.control("POST", "counters/reset")
    answers = bench.hubspot().read(ids, NAMES)
    assert {key for key, answer in answers.items() if isinstance(answer, Contact)} == set(ids)
    assert bench.operations() == {"batch_read": 3}


def test_history_tells_when_a_value_came(bench: Bench) -> None:
    (one,) = bench.add({"properties": person(1), "at_ms": 1_760_000_000_000})
    bench.control("PATCH", f"contacts/{one}", {"properties": {"phone": "1"}, "at_ms": 1_770_000_000_000})
    ids = [one, *add(bench, *(person(n) for n in range(2, 60)))]
    answers = bench.hubspot().read(ids, NAMES, history=True)
    changed = found(answers[one]).changed_ms
    assert changed["firstname"] == 1_760_000_000_000
    assert changed["phone"] == 1_770_000_000_000
    assert all(found(answer).changed_ms["email"] for answer in answers.values())


def test_missing_and_impossible_ids_are_not_found(bench: Bench) -> None:
    (one,) = add(bench, person(1))
    asked = [one, "999", "0" + one, "", "a/b", "river-7", "9" * 40]
    client = bench.hubspot()
    answers = client.read(asked, NAMES)
    assert found(answers[one]).id == one
    assert all(isinstance(answers[other], NotFound) for other in asked[1:])
    assert [operation for _, operation, _ in bench.recorded] == ["read", "read_one"]
    written = client.update({other: {"phone": "1"} for other in asked[2:]}, NAMES)
    assert all(isinstance(written[other], NotFound) for other in asked[2:]) and len(bench.recorded) == 2


def test_a_merged_away_id_leads_to_its_survivor(bench: Bench) -> None:
    first, second, other = add(bench, person(1), person(2), person(3))
    survivor = bench.control("POST", "merge", {"primary": first, "other": second})["id"]
    answers = bench.hubspot().read([first, second, other], NAMES)
    assert [found(answers[key]).id for key in (first, second, other)] == [survivor, survivor, other]
    assert set(found(answers[first]).merged_ids) == {first, second}


def test_many_properties_make_no_long_address(bench: Bench) -> None:
    first, second = add(bench, person(1), person(2))
    bench.control("POST", "merge", {"primary": first, "other": second})
    names = [*NAMES, *(f"a_rather_long_property_name_{n}" for n in range(300))]
    client = bench.hubspot()
    assert found(client.read([first], names)[first]).values["firstname"] == "Ann1"
    assert [one.values["firstname"] for one in client.list_page(names).contacts] == ["Ann1"]


def test_reads_by_email_whatever_its_case_and_place(bench: Bench) -> None:
    first, second = add(bench, person(1, email="Main@Mail.example"), person(2))
    survivor = bench.control("POST", "merge", {"primary": first, "other": second})["id"]
    asked = [
        "main@mail.example",
        "MAIN@mail.example",
        "P2@MAIL.example",
        "no@mail.example",
        " ",
        "not an email",
    ]
    answers = bench.hubspot().read_by("email", asked, NAMES)
    assert {key: found(answer).id for key, answer in answers.items()} == dict.fromkeys(asked[:3], survivor)


def test_an_email_that_is_refused_belongs_to_nobody(bench: Bench) -> None:
    add(bench, *(person(n) for n in range(20)))
    bench.fault("400", contains="malformed@@")
    asked = [*(f"p{n}@mail.example" for n in range(20)), "malformed@@mail.example"]
    answers = bench.hubspot().read_by("email", asked, NAMES)
    assert {key for key, answer in answers.items() if found(answer)} == set(asked[:-1])


def test_an_email_over_which_the_platform_crashes_is_no_answer(bench: Bench) -> None:
    add(bench, *(person(n) for n in range(3)))
    bench.fault("500", contains="p1@mail")
    answers = bench.hubspot().read_by("email", [f"p{n}@mail.example" for n in range(3)], NAMES)
    assert isinstance(answers.pop("p1@mail.example"), Unavailable)
    assert len(answers) == 2 and all(map(found, answers.values()))


def test_reads_by_a_unique_property_exactly() -> None:
    with hubspot_bench(unique_admithub_id=True) as bench:
        (one,) = add(bench, person(1, admithub_id="ahAb1"))
        answers = bench.hubspot().read_by("admithub_id", ["ahAb1", "ahOther"], NAMES)
        assert {key: found(answer).id for key, answer in answers.items()} == {"ahAb1": one}


def test_searches_names_without_regard_to_case_and_only_the_pairs(bench: Bench) -> None:
    pairs = [(f"Ánn{n}", f"O'Leé{n}") for n in range(90)]
    add(bench, *({"firstname": first, "lastname": last} for first, last in pairs))
    add(bench, {"firstname": pairs[0][0], "lastname": pairs[1][1]})
    wanted = [(first.upper(), f" {last.lower()} ") for first, last in pairs]
    result = bench.hubspot().search_names(wanted, "firstname", "lastname", NAMES)
    assert sorted((c.values["firstname"], c.values["lastname"]) for c in result) == sorted(pairs)


def test_ninety_average_names_need_one_call(bench: Bench) -> None:
    pairs = [(f"Martin{n:02}", f"Garcia{n:02}") for n in range(90)]
    add(bench, *({"firstname": first, "lastname": last} for first, last in pairs))
    bench.control("POST", "counters/reset")
    assert len(bench.hubspot().search_names(pairs, "firstname", "lastname", NAMES)) == 90
    assert bench.operations() == {"search": 1}


def test_search_passes_over_names_that_are_blank_or_too_long(bench: Bench) -> None:
    (one,) = add(bench, person(1))
    pairs = [("Ann1", "Lee1"), ("Ann1", ""), ("x" * 4_000, "Lee1")]
    result = bench.hubspot().search_names(pairs, "firstname", "lastname", NAMES)
    assert [contact.id for contact in result] == [one]


def test_search_beyond_the_window_takes_smaller_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST_RESULTS", 400)
    with hubspot_bench(search_max_results=400) as bench:
        add(bench, *({"firstname": f"Ann{n % 3}", "lastname": "Lee"} for n in range(600)))
        result = bench.hubspot().search_names(
            [(f"Ann{n}", "Lee") for n in range(3)], "firstname", "lastname", NAMES
        )
        assert len(result) == 600


def test_search_created_finds_what_a_lost_create_sent(bench: Bench) -> None:
    bench.add({"properties": person(1, email="", phone="1"), "at_ms": 1_760_000_000_000})
    (one,) = bench.add({"properties": person(1, email="", phone="1"), "at_ms": 1_770_000_000_000})
    equal = {"firstname": "ann1", "lastname": "LEE1", "phone": "1", "email": None}
    result = bench.hubspot().search_created(1_765_000_000_000, equal, NAMES)
    assert [contact.id for contact in result] == [one]


def test_create_tells_each_by_its_own_key(bench: Bench) -> None:
    bench.control("PATCH", "settings", {"shuffle_results": True})
    items = {f"k{n}": person(n) for n in range(120)}
    answers = bench.hubspot().create(items, NAMES)
    assert {key: found(answer).values["email"] for key, answer in answers.items()} == {
        key: values["email"] for key, values in items.items()
    }


def test_create_of_a_taken_email_names_its_holder(bench: Bench) -> None:
    (taken,) = add(bench, person(1))
    items = {"a": person(1), "b": person(2), "c": person(2, email="P2@mail.example"), "d": person(3)}
    answers = bench.hubspot().create(items, NAMES)
    assert isinstance(answers["a"], Conflict) and answers["a"].existing_id == taken
    assert "email" in answers["a"].fields
    assert isinstance(answers["c"], Conflict) and answers["c"].existing_id == found(answers["b"]).id
    assert found(answers["d"]).id
    assert len(bench.contacts()) == 3


def test_create_refuses_only_the_bad_ones_and_says_why(bench: Bench) -> None:
    items = {
        "good": person(1),
        "email": person(2, email="not an email"),
        "missing": person(3, no_such="1"),
        "locked": person(4, createdate="1"),
        "option": person(5, lifecyclestage="no such stage"),
    }
    answers = bench.hubspot().create(items, NAMES)
    assert found(answers["good"])
    codes = {key: answer.fields for key, answer in answers.items() if isinstance(answer, Refused)}
    assert codes == {
        "email": {"email": Code.INVALID_EMAIL},
        "missing": {"no_such": Code.MISSING_FIELD},
        "locked": {"createdate": Code.READ_ONLY_FIELD},
        "option": {"lifecyclestage": Code.UNKNOWN_OPTION},
    }


@pytest.mark.parametrize("partial", [False, True])
def test_update_isolates_the_culprits(bench: Bench, partial: bool) -> None:
    bench.control("PATCH", "settings", {"batch_update_partial": partial})
    ids = add(bench, *(person(n) for n in range(40)))
    items: dict[str, dict[str, object]] = {one: {"phone": "+16175550199"} for one in ids}
    items[ids[7]] = {"email": "p8@mail.example"}
    items[ids[21]] = {"lifecyclestage": "no such stage"}
    items["999"] = {"phone": "1"}
    items["no id"] = {"phone": "1"}
    answers = bench.hubspot().update(items, NAMES)
    bad = {key for key, answer in answers.items() if not isinstance(answer, Contact)}
    assert bad == {ids[7], ids[21], "999", "no id"}
    taken = answers[ids[7]]
    assert isinstance(taken, Conflict) and taken.existing_id == ids[8]
    assert isinstance(answers["999"], NotFound)
    assert sum(one["properties"].get("phone") == "+16175550199" for one in bench.contacts()) == 38


def test_update_of_a_property_that_is_gone_takes_few_calls(bench: Bench) -> None:
    ids = add(bench, *(person(n) for n in range(100)))
    bench.control("POST", "counters/reset")
    answers = bench.hubspot().update({one: {"gone": "1"} for one in ids}, NAMES)
    assert all(isinstance(a, Refused) and a.fields == {"gone": Code.MISSING_FIELD} for a in answers.values())
    assert sum(bench.operations().values()) == 1


@pytest.mark.parametrize("partial", [False, True])
def test_update_follows_a_merge(bench: Bench, partial: bool) -> None:
    bench.control("PATCH", "settings", {"batch_update_partial": partial})
    first, second, other = add(bench, person(1), person(2), person(3))
    survivor = bench.control("POST", "merge", {"primary": first, "other": second})["id"]
    answers = bench.hubspot().update({first: {"phone": "1"}, other: {"phone": "2"}}, NAMES)
    assert found(answers[first]).id == survivor and found(answers[other]).id == other


def test_update_clears_with_none(bench: Bench) -> None:
    (one,) = add(bench, person(1, phone="1"))
    bench.hubspot().update({one: {"phone": None}}, NAMES)
    assert not bench.contacts()[0]["properties"].get("phone")


def test_upsert_by_a_unique_property_creates_once() -> None:
    with hubspot_bench(unique_admithub_id=True) as bench:
        items = {f"k{n}": person(n, admithub_id=f"ah{n}") for n in range(3)}
        items["again"] = person(0, admithub_id="ah0", phone="1")
        items["bad"] = person(9, admithub_id="ah9", email="not an email")
        client = bench.hubspot()
        first = client.upsert(items, "admithub_id", NAMES)
        second = client.upsert(items, "admithub_id", NAMES)
        assert len(bench.contacts()) == 3
        assert found(first["k0"]).id == found(second["k0"]).id == found(first["again"]).id
        assert isinstance(second["bad"], Refused) and second["bad"].fields == {"email": Code.INVALID_EMAIL}


def test_modified_pages_tell_everyone_once_in_order(bench: Bench) -> None:
    bench.add(*({"properties": person(n), "at_ms": 1_760_000_000_000 + n // 3} for n in range(450)))
    client, cursor = bench.hubspot(), ""
    seen: list[Contact] = []
    since_ms = 1_760_000_000_000 + 10
    while True:
        page = client.modified_page(since_ms, NAMES, cursor)
        seen += page.contacts
        cursor = page.cursor
        if not cursor:
            break
    expected = [one for one in bench.contacts() if int(one["properties"]["email"][1:].split("@")[0]) >= 30]
    assert sorted(one.id for one in seen) == sorted(one["id"] for one in expected)
    assert [one.modified_ms for one in seen] == sorted(one.modified_ms for one in seen)


def test_modified_pages_get_past_a_mass_change_of_one_moment(bench: Bench) -> None:
    bench.add(*({"properties": person(n), "at_ms": 1_760_000_000_000} for n in range(450)))
    bench.add({"properties": person(1000), "at_ms": 1_760_000_000_001})
    client, cursor, seen = bench.hubspot(), "", set()
    for _ in range(20):
        page = client.modified_page(1_760_000_000_000, NAMES, cursor)
        seen |= {one.id for one in page.contacts}
        cursor = page.cursor
        if not cursor:
            break
    assert cursor == "" and len(seen) == 451


def test_a_contact_that_changes_while_pages_are_read_is_told_again(bench: Bench) -> None:
    bench.add(*({"properties": person(n), "at_ms": 1_760_000_000_000 + n} for n in range(201)))
    client = bench.hubspot()
    first = client.modified_page(1_760_000_000_000, NAMES)
    seam = first.contacts[-1].id
    bench.control("PATCH", f"contacts/{seam}", {"properties": {"phone": "1"}, "at_ms": 1_770_000_000_000})
    second = client.modified_page(1_760_000_000_000, NAMES, first.cursor)
    assert [one.values["email"] for one in second.contacts] == ["p200@mail.example", "p199@mail.example"]


def test_list_pages_tell_everyone(bench: Bench) -> None:
    ids = add(bench, *(person(n) for n in range(230)))
    client, cursor, seen, pages = bench.hubspot().background(), "", [], 0
    while pages == 0 or cursor:
        page = client.list_page(NAMES, cursor)
        seen += [one.id for one in page.contacts]
        cursor, pages = page.cursor, pages + 1
    assert (sorted(seen), pages) == (sorted(ids), 3)


def test_the_catalogue_tells_types_options_and_locks(bench: Bench) -> None:
    fields = {field.name: field for field in bench.hubspot().fields()}
    assert fields["email"].type is FieldType.EMAIL and fields["email"].unique
    assert fields["phone"].type is FieldType.PHONE
    assert fields["lifecyclestage"].type is FieldType.CHOICE
    assert {"lead", "opportunity"} <= {option.value for option in fields["lifecyclestage"].options}
    assert fields["createdate"].read_only and not fields["firstname"].read_only
