"""HubSpot's client when things go wrong: one bad contact, a bad minute, a bad token."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from core.domain.contacts import Contact
from core.domain.fields import Platform
from core.platforms.errors import (
    AuthenticationFailed,
    PermissionMissing,
    PlatformError,
    RateLimited,
    Unavailable,
    UnexpectedAnswer,
)
from core.platforms.hubspot.client import HubSpotClient
from core.platforms.ports import Answer
from core.platforms.transport import Credentials
from tests.contract.platforms.kit import QUICK, Bench, hubspot_bench, person

NAMES = ("email", "firstname", "lastname")
MANY = 40


@pytest.fixture
def bench() -> Iterator[Bench]:
    with hubspot_bench() as one:
        yield one


def add(bench: Bench, *properties: dict[str, object]) -> list[str]:
    return bench.add(*({"properties": one} for one in properties))


def _read(client: HubSpotClient, ids: list[str]) -> dict[str, Answer]:
    return client.read(ids, NAMES)


def _update(client: HubSpotClient, ids: list[str]) -> dict[str, Answer]:
    return client.update({one: {"phone": one} for one in ids}, NAMES)


def failed(answers: Mapping[str, Answer], kind: type[PlatformError]) -> set[str]:
    """The keys whose answer is an error, all of them of one kind."""
    errors = {key: answer for key, answer in answers.items() if not isinstance(answer, Contact)}
    assert all(isinstance(error, kind) for error in errors.values()), errors
    return set(errors)


@pytest.mark.parametrize("fault", ["500", "502", "garbage", "truncate"])
@pytest.mark.parametrize("work", [_read, _update])
def test_a_crash_over_one_contact_leaves_its_neighbours_alone(
    bench: Bench, work: Callable[[HubSpotClient, list[str]], dict[str, Answer]], fault: str
) -> None:
    ids = add(bench, *(person(n) for n in range(MANY)))
    bench.fault(fault, contains=ids[17])
    answers = work(bench.hubspot(), ids)
    assert failed(answers, PlatformError) == {ids[17]}
    assert len(answers) == MANY


@pytest.mark.parametrize("fault", ["503", "garbage"])
def test_a_platform_that_is_down_is_not_asked_for_everybody(bench: Bench, fault: str) -> None:
    ids = add(bench, *(person(n) for n in range(100)))
    bench.fault(fault)
    bench.control("POST", "counters/reset")
    answers = _update(bench.hubspot(), ids)
    assert failed(answers, PlatformError) == set(ids)
    assert all(isinstance(one, PlatformError) and one.maybe_applied for one in answers.values())
    assert sum(bench.operations().values()) <= 20


@pytest.mark.parametrize("fault", ["timeout", "reset"])
def test_no_answer_is_not_taken_apart_and_may_have_been_applied(bench: Bench, fault: str) -> None:
    ids = add(bench, *(person(n) for n in range(MANY)))
    bench.fault(fault)
    client = bench.hubspot()
    bench.control("POST", "counters/reset")
    answers = _update(client, ids)
    assert failed(answers, Unavailable) == set(ids)
    assert all(isinstance(one, PlatformError) and one.maybe_applied for one in answers.values())
    assert sum(bench.operations().values()) == 1
    reads = _read(client, ids)
    assert not any(isinstance(one, PlatformError) and one.maybe_applied for one in reads.values())


def test_where_nobody_listens_nothing_was_applied(bench: Bench) -> None:
    bench.url = "http://127.0.0.1:1"
    answers = bench.hubspot().create({"a": person(1)}, NAMES)
    error = answers["a"]
    assert isinstance(error, Unavailable) and not error.maybe_applied
    assert bench.recorded == [(Platform.HUBSPOT, "create", 0)]


@pytest.mark.parametrize(
    "fault", ["apply-then-500", "apply-then-garbage", "apply-then-timeout", "apply-then-reset", "truncate"]
)
def test_an_unclear_create_is_never_sent_again(bench: Bench, fault: str) -> None:
    bench.fault(fault, path="/batch/create")
    answers = bench.hubspot().create({f"k{n}": person(n) for n in range(5)}, NAMES)
    assert failed(answers, PlatformError) == set(answers)
    assert all(isinstance(one, PlatformError) and one.maybe_applied for one in answers.values())
    assert bench.operations() == {"batch_create": 1}
    assert len(bench.contacts()) == 5


def test_a_slow_answer_within_the_limit_is_an_answer(bench: Bench) -> None:
    (one,) = add(bench, person(1))
    bench.fault("slow", delay_s=0.05)
    assert isinstance(_read(bench.hubspot(), [one])[one], Contact)


def test_too_many_calls_raise_and_pause_everybody(bench: Bench) -> None:
    ids = add(bench, *(person(n) for n in range(3)))
    bench.fault("429", retry_after_s=7, times=1)
    with pytest.raises(RateLimited) as caught:
        _read(bench.hubspot(), ids)
    assert caught.value.retry_after_s == 7
    assert bench.budgets.pauses == [("hubspot:62515", 7.0)]


def test_a_429_in_the_middle_keeps_what_was_done(bench: Bench) -> None:
    ids = add(bench, *(person(n) for n in range(150)))
    bench.fault("429", after=1)
    answers = _update(bench.hubspot(), ids)
    assert failed(answers, RateLimited) == set(ids[100:])
    assert sum(bool(one["properties"].get("phone")) for one in bench.contacts()) == 100


@pytest.mark.parametrize(("operation", "bucket", "wait_s"), [("read", "", 10.0), ("search", ":search", 1.0)])
def test_the_policy_tells_how_long_where_no_header_does(operation: str, bucket: str, wait_s: float) -> None:
    with hubspot_bench(limits=True, limit_burst_static=1, limit_search_per_s=1) as bench:
        client = bench.hubspot()
        calls: dict[str, Callable[[], object]] = {
            "read": client.external_id,
            "search": lambda: client.search_names([("a", "b")], "firstname", "lastname", NAMES),
        }
        with pytest.raises(RateLimited) as caught:
            for _ in range(5):
                calls[operation]()
        assert caught.value.retry_after_s == wait_s
        assert bench.budgets.pauses[-1] == (f"hubspot:62515{bucket}", wait_s)


def test_the_platforms_own_figures_lower_the_budget() -> None:
    with hubspot_bench(limits=True, limit_burst_static=100) as bench:
        client = bench.hubspot()
        client.external_id()
        client.external_id()
        assert [rate.limit for _, rate in bench.budgets.reserved] == [110, 100]


@pytest.mark.parametrize(("fault", "least_s"), [("423", 2.0), ("477", 30.0)])
def test_a_locked_or_moving_portal_pauses(bench: Bench, fault: str, least_s: float) -> None:
    (one,) = add(bench, person(1))
    bench.fault(fault, **({"retry_after_s": 30} if fault == "477" else {}))
    error = _update(bench.hubspot(), [one])[one]
    assert isinstance(error, Unavailable) and not error.maybe_applied
    assert error.retry_after_s is not None and error.retry_after_s >= least_s
    assert bench.budgets.pauses == [("hubspot:62515", error.retry_after_s)]


def test_a_refused_token_names_its_version_and_a_new_one_is_used_at_once(bench: Bench) -> None:
    (one,) = add(bench, person(1))
    good = bench.holder.credentials
    client = bench.hubspot()
    bench.holder.credentials = Credentials("pat-na1-revoked", 7)
    with pytest.raises(AuthenticationFailed) as caught:
        _read(client, [one])
    assert caught.value.credential_version == 7
    bench.holder.credentials = replace(good, version=8)
    assert isinstance(_read(client, [one])[one], Contact)


@pytest.mark.parametrize("token", ["", "line\nbreak", "umläut"])
def test_a_damaged_token_is_not_quoted(bench: Bench, token: str) -> None:
    bench.holder.credentials = Credentials(token, 3)
    with pytest.raises(AuthenticationFailed) as caught:
        bench.hubspot().external_id()
    assert caught.value.credential_version == 3
    assert not token or token not in str(caught.value)


def test_a_missing_permission_names_the_scope(bench: Bench) -> None:
    bench.control(
        "POST", "portals", {"portal": 7, "tokens": ["limited"], "scopes": ["crm.objects.contacts.read"]}
    )
    bench.holder.credentials = Credentials("limited", 1)
    with pytest.raises(PermissionMissing, match=r"crm\.objects\.contacts\.write"):
        bench.hubspot().create({"a": person(1)}, NAMES)


def test_no_error_quotes_a_value(bench: Bench) -> None:
    add(bench, person(1))
    items = {
        "a": person(1),
        "b": person(2, email="secret-not-an-email"),
        "c": person(3, lifecyclestage="secret stage"),
        "d": person(4, birth_date="secret day"),
    }
    answers = bench.hubspot().create(items, NAMES)
    assert len(failed(answers, PlatformError)) == 4
    for answer in answers.values():
        assert "secret" not in str(answer) and "p1@" not in str(answer)


def test_a_huge_answer_is_taken_apart(bench: Bench) -> None:
    ids = add(bench, *(person(n, address="x" * 20_000) for n in range(20)))
    client = bench.hubspot(limits=replace(QUICK, max_bytes=100_000))
    answers = client.read(ids, ("address",))
    assert all(isinstance(one, Contact) for one in answers.values())


def test_a_single_huge_answer_is_an_unexpected_one(bench: Bench) -> None:
    (one,) = add(bench, person(1, address="x" * 60_000))
    client = bench.hubspot(limits=replace(QUICK, max_bytes=10_000))
    assert isinstance(client.read([one], ("address",))[one], UnexpectedAnswer)
