"""Mainstay's client against the sandbox: what works, what breaks, and what it never does."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from core.domain.codes import Code
from core.domain.contacts import Contact
from core.domain.fields import FieldType
from core.platforms.apart import MOST_FAILED_IN_A_ROW
from core.platforms.errors import (
    AuthenticationFailed,
    Conflict,
    NotFound,
    PlatformError,
    RateLimited,
    Refused,
    Unavailable,
    UnexpectedAnswer,
)
from core.platforms.mainstay.client import SIDE_BY_SIDE
from core.platforms.ports import Answer, Mainstay
from core.platforms.singly import TRIES
from core.platforms.transport import Credentials
from tests.contract.platforms.kit import QUICK, Bench, mainstay_bench, student


@pytest.fixture
def bench() -> Iterator[Bench]:
    with mainstay_bench() as one:
        yield one


def found(answer: object) -> Contact:
    assert isinstance(answer, Contact), answer
    return answer


def failed(answers: Mapping[str, Answer], kind: type[PlatformError]) -> set[str]:
    """The keys whose answer is an error, all of them of one kind."""
    errors = {key: answer for key, answer in answers.items() if not isinstance(answer, Contact)}
    assert all(isinstance(error, kind) for error in errors.values()), errors
    return set(errors)


def test_it_is_what_the_port_asks_for(bench: Bench) -> None:
    client: Mainstay = bench.mainstay()
    assert client.external_id() == "river"


def test_reads_by_every_kind_of_key(bench: Bench) -> None:
    (one,) = bench.add(student(1, crm_id="a/b ?c#%", custom={"High School": "North/South"}))
    answers = bench.mainstay().get([one, "6175551001", "a/b ?c#%", "nobody", one])
    assert {key: found(answers[key]).id for key in (one, "6175551001", "a/b ?c#%")} == {
        one: one,
        "6175551001": one,
        "a/b ?c#%": one,
    }
    assert isinstance(answers["nobody"], NotFound)
    contact = found(answers[one])
    assert contact.values["custom.High School"] == "North/South"
    assert contact.crm_id == "a/b ?c#%" and contact.modified_ms > 0 and contact.url.startswith("https://")


@pytest.mark.parametrize("key", ["", " ", ".", "..", "bulk", "x" * 5_000])
def test_a_key_that_is_none_never_becomes_another_path(bench: Bench, key: str) -> None:
    bench.add(student(1))
    client = bench.mainstay()
    assert failed(client.get([key]), NotFound) == {key}
    assert failed(client.update({key: {"first_name": "Bo"}}), NotFound) == {key}
    assert bench.recorded == []


@pytest.mark.parametrize("key", ["%2e%2e", "é", "a\nb", "..;", "ah/../x"])
def test_odd_keys_are_asked_for_as_they_are(bench: Bench, key: str) -> None:
    bench.add(student(1, crm_id=key))
    assert found(bench.mainstay().get([key])[key]).crm_id == key


def test_an_ambiguous_key_is_handed_on_for_the_caller_to_check() -> None:
    with mainstay_bench(key_order=["phone", "crm_id", "id"]) as bench:
        by_phone, by_crm = bench.add(student(1), student(2, crm_id="6175551001"))
        contact = found(bench.mainstay().get(["6175551001"])["6175551001"])
        assert contact.id == by_phone != by_crm and contact.crm_id == ""


def test_hidden_contacts_are_seen_and_marked(bench: Bench) -> None:
    test, mute, gone = bench.add(
        student(1, test_user=True),
        student(2, permitted_user_status="not-permitted"),
        student(3, archived=True),
    )
    answers = bench.mainstay().get([test, mute, gone])
    assert [bool(found(answers[key]).left_out) for key in (test, mute, gone)] == [True, False, True]
    page = bench.mainstay().modified_page(0)
    assert {contact.id for contact in page.contacts} == {test, mute, gone}


def test_reads_many_side_by_side(bench: Bench) -> None:
    ids = bench.add(*(student(n) for n in range(30)))
    answers = bench.mainstay().get(ids)
    assert {key: found(answer).id for key, answer in answers.items()} == {one: one for one in ids}


AT_MS = 1_760_000_000_000


def added(bench: Bench, count: int, **more: object) -> list[str]:
    """Contacts that changed a second after each other."""
    return bench.add(*(student(n, at_ms=AT_MS + n * 1000, **more) for n in range(count)))


@pytest.mark.parametrize("order", ["created", "modified"])
def test_many_that_changed_are_read_from_the_list(order: str) -> None:
    with mainstay_bench(list_order=order) as bench:
        ids = added(bench, 250)
        answers = bench.mainstay().read(ids[100:200], (AT_MS + 100_000, AT_MS + 199_000))
        assert bench.operations()["list"] <= 2 and "read" not in bench.operations()
        assert {key: found(answer).id for key, answer in answers.items()} == {i: i for i in ids[100:200]}


def test_who_is_not_on_the_list_is_read_alone(bench: Bench) -> None:
    ids = added(bench, 40)
    answers = bench.mainstay().read([*ids[:30], "nobody"], (AT_MS, AT_MS + 19_000))
    assert bench.operations() == {"list": 1, "read": 11}
    assert failed(answers, NotFound) == {"nobody"} and len(answers) == 31


def test_pages_that_bring_nobody_are_not_read_on() -> None:
    with mainstay_bench(page_size=10) as bench:
        ids = bench.add(*(student(n, at_ms=AT_MS) for n in range(200)))  # all at once: order tells nothing
        answers = bench.mainstay().read(sorted(ids)[-12:], (AT_MS, AT_MS))
        assert bench.operations() == {"list": 1, "read": 12} and len(answers) == 12


@pytest.mark.parametrize("fault", ["500", "403", "400"])
def test_without_the_list_all_are_read_alone(bench: Bench, fault: str) -> None:
    ids = added(bench, 20)
    bench.fault(fault, path="^/contacts/$")
    answers = bench.mainstay().read(ids, (AT_MS, AT_MS + 20_000))
    assert {key: found(answer).id for key, answer in answers.items()} == {one: one for one in ids}


def test_no_call_begins_once_the_leases_ran_out(bench: Bench) -> None:
    [one] = bench.add(student(1))
    client = bench.mainstay().while_ours(lambda: False)
    with pytest.raises(RateLimited):
        client.update({one: {"last_name": "Late"}})
    assert bench.operations() == {}


def test_creates_and_updates_only_what_is_given(bench: Bench) -> None:
    client = bench.mainstay()
    item = student(1, **{"custom.GPA": 3.5, "custom.First Generation": True, "custom.High School": "North"})
    made = found(client.create({"k": item})["k"])
    changed = found(client.update({made.id: {"crm_id": "77", "custom.High School": None}})[made.id])
    assert changed.values["crm_id"] == "77" and changed.values["first_name"] == "Ann"
    assert changed.values["custom.GPA"] == 3.5 and changed.values["custom.First Generation"] is True
    assert not changed.values.get("custom.High School")


@pytest.mark.parametrize("null_means", ["clear", "ignore", "refuse"])
def test_clearing_works_whatever_a_null_would_mean(null_means: str) -> None:
    with mainstay_bench(null_means=null_means) as bench:
        (one,) = bench.add(
            student(1, crm_id="7", email="a@b.example", custom={"GPA": 3, "Birth Date": "2004-01-02"})
        )
        blank = {"crm_id": None, "email": None, "phone": None, "custom.GPA": None, "custom.Birth Date": None}
        contact = found(bench.mainstay().update({one: blank})[one])
        assert not any(contact.values.get(name) for name in blank)


@pytest.mark.parametrize(
    "name",
    ["texting_status", "can_text", "permitted_user_status", "archived", "send_intro_campaign", "test_user"],
)
def test_consent_is_never_written(bench: Bench, name: str) -> None:
    client = bench.mainstay()
    (one,) = bench.add(student(1))
    with pytest.raises(ValueError, match=name):
        client.update({one: {"first_name": "Bo"}, "other": {name: True}})
    with pytest.raises(ValueError, match=name):
        client.create({"k": student(2, **{name: True})})
    assert bench.recorded == []


def test_numbers_that_json_lacks_are_refused_without_a_call(bench: Bench) -> None:
    (one,) = bench.add(student(1))
    error = bench.mainstay().update({one: {"custom.GPA": float("nan")}})[one]
    assert isinstance(error, Refused) and error.fields == {"custom.GPA": Code.INVALID_VALUE}
    assert bench.recorded == []


@pytest.mark.parametrize("status", [400, 409])
def test_a_taken_key_is_a_conflict_that_names_it(status: int) -> None:
    with mainstay_bench(duplicate_status=status) as bench:
        bench.add(student(1, crm_id="7"))
        answers = bench.mainstay().create(
            {"phone": student(1), "crm": student(2, crm_id="7"), "both": student(1, crm_id="7")}
        )
        assert failed(answers, Conflict) == set(answers)
        assert {key: error.fields for key, error in answers.items() if isinstance(error, Conflict)} == {
            "phone": {"phone": Code.DUPLICATE_CONTACT},
            "crm": {"crm_id": Code.DUPLICATE_CRM_ID},
            "both": {"phone": Code.DUPLICATE_CONTACT, "crm_id": Code.DUPLICATE_CRM_ID},
        }


def test_one_phone_twice_makes_one_contact(bench: Bench) -> None:
    answers = bench.mainstay().create({f"k{n}": student(n // 2) for n in range(8)})
    assert failed(answers, Conflict) == {"k1", "k3", "k5", "k7"}
    assert len(bench.contacts()) == 4


def test_a_refusal_names_the_fields_and_never_the_values(bench: Bench) -> None:
    item = student(1, phone="secret", email="secret", first_name="secret" * 20) | {
        "custom.Program": "secret",
        "custom.Gone": "secret",
        "custom.Birth Date": "secret",
    }
    error = bench.mainstay().create({"k": item})["k"]
    assert isinstance(error, Refused) and not isinstance(error, Conflict)
    assert error.fields == {
        "phone": Code.INVALID_PHONE,
        "email": Code.INVALID_EMAIL,
        "first_name": Code.INVALID_VALUE,
        "custom.Program": Code.UNKNOWN_OPTION,
        "custom.Gone": Code.MISSING_FIELD,
        "custom.Birth Date": Code.INVALID_VALUE,
    }
    assert "secret" not in str(error)


def test_a_read_only_field_is_told_apart() -> None:
    with mainstay_bench(read_only_fields="refuse") as bench:
        (one,) = bench.add(student(1))
        error = bench.mainstay().update({one: {"invalid_phone": True}})[one]
        assert isinstance(error, Refused) and error.fields == {"invalid_phone": Code.READ_ONLY_FIELD}


def test_updating_nobody_is_not_found(bench: Bench) -> None:
    error = bench.mainstay().update({"ahnobody": {"first_name": "Bo"}})["ahnobody"]
    assert isinstance(error, NotFound) and error.code is Code.MAINSTAY_ID_NOT_FOUND


@pytest.mark.parametrize("name", ["modified", "modified_at", "updated_at", "last_modified"])
def test_pages_tell_everybody_since_then(name: str) -> None:
    with mainstay_bench(page_size=20, modified_name=name) as bench:
        bench.add(*(student(n, at_ms=1_760_000_000_000 + n * 1000) for n in range(70)))
        client, cursor = bench.mainstay().background(), ""
        seen: list[Contact] = []
        while not seen or cursor:
            page = client.modified_page(1_760_000_000_000 + 10_000, cursor)
            assert page.total == 60
            seen += page.contacts
            cursor = page.cursor
        assert sorted(one.modified_ms for one in seen) == [
            1_760_000_000_000 + n * 1000 for n in range(10, 70)
        ]


def test_the_catalogue_has_types_where_they_are_told_or_given() -> None:
    with mainstay_bench(custom_field_types=True) as bench:
        fields = {field.name: field for field in bench.mainstay().fields()}
        assert fields["phone"].type is FieldType.PHONE and not fields["phone"].read_only
        assert fields["id"].read_only and fields["crm_id"].read_only
        assert fields["custom.First Generation"].type is FieldType.BOOL
        assert fields["custom.Program"].type is FieldType.CHOICES
        assert "Nursing" in {option.value for option in fields["custom.Program"].options}


def test_without_told_types_a_custom_field_is_text_or_as_the_account_says(bench: Bench) -> None:
    types = {"Alt Email": "email", "custom.Birth Date": "date", "Program": "Multi-Choice"}
    fields = {field.name: field for field in bench.mainstay(field_types=types).fields()}
    assert fields["custom.GPA"].type is FieldType.TEXT and not fields["custom.GPA"].options
    assert fields["custom.Alt Email"].type is FieldType.EMAIL
    assert fields["custom.Birth Date"].type is FieldType.DATE
    assert "Nursing" in {option.value for option in fields["custom.Program"].options}


def test_another_scheme_of_authorization_can_be_set() -> None:
    with mainstay_bench(auth_scheme="Bearer") as bench:
        assert bench.mainstay(auth_scheme="Bearer").external_id() == "river"
        with pytest.raises(AuthenticationFailed):
            bench.mainstay().external_id()


@pytest.mark.parametrize("fault", ["500", "garbage", "truncate"])
def test_a_crash_over_one_contact_leaves_its_neighbours_alone(bench: Bench, fault: str) -> None:
    ids = bench.add(*(student(n) for n in range(20)))
    bench.fault(fault, path=ids[7])
    answers = bench.mainstay().update({one: {"first_name": "Bo"} for one in ids})
    assert failed(answers, PlatformError) == {ids[7]}
    error = answers[ids[7]]
    assert isinstance(error, PlatformError) and error.maybe_applied


def test_a_platform_that_is_down_is_not_asked_for_everybody(bench: Bench) -> None:
    ids = bench.add(*(student(n) for n in range(60)))
    bench.fault("502")
    answers = bench.mainstay().get(ids)
    assert failed(answers, Unavailable) == set(ids)
    assert len(bench.recorded) <= SIDE_BY_SIDE + MOST_FAILED_IN_A_ROW


@pytest.mark.parametrize(
    "fault", ["apply-then-500", "apply-then-timeout", "apply-then-reset", "apply-then-garbage"]
)
def test_an_unclear_create_is_sent_once(bench: Bench, fault: str) -> None:
    bench.fault(fault, method="POST")
    error = bench.mainstay().create({"k": student(1)})["k"]
    assert isinstance(error, PlatformError) and error.maybe_applied
    assert len(bench.contacts()) == 1 and len(bench.recorded) == 1


def test_too_many_calls_raise_and_pause_everybody(bench: Bench) -> None:
    ids = bench.add(*(student(n) for n in range(8)))
    bench.fault("429")
    with pytest.raises(RateLimited) as caught:
        bench.mainstay().get(ids)
    assert caught.value.retry_after_s is not None
    assert bench.budgets.pauses[0][0] == "mainstay:river"


def test_calls_that_came_too_soon_are_made_again_and_stop_nobody(bench: Bench) -> None:
    ids = bench.add(*(student(n) for n in range(30)))
    bench.fault("429", times=TRIES - 1, retry_after_s=1.0)
    answers = bench.mainstay().update({one: {"last_name": "Once"} for one in ids})
    assert {key: found(answer).id for key, answer in answers.items()} == {one: one for one in ids}
    assert len(bench.budgets.pauses) == TRIES - 1


def test_a_refused_token_names_its_version_and_a_new_one_is_used_at_once(bench: Bench) -> None:
    (one,) = bench.add(student(1))
    good = bench.holder.credentials
    client = bench.mainstay()
    bench.holder.credentials = Credentials("revoked", 7)
    with pytest.raises(AuthenticationFailed) as caught:
        client.get([one])
    assert caught.value.credential_version == 7
    bench.holder.credentials = replace(good, version=8)
    assert found(client.get([one])[one]).id == one


def test_a_huge_answer_is_an_unexpected_one(bench: Bench) -> None:
    ids = bench.add(*(student(n, custom={"High School": "x" * 900}) for n in range(50)))
    client = bench.mainstay(limits=replace(QUICK, max_bytes=20_000))
    with pytest.raises(UnexpectedAnswer):
        client.modified_page(0)
    assert found(client.get(ids[:1])[ids[0]])
