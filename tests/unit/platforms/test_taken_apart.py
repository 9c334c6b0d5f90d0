"""Taking a batch apart, as laws: whatever contacts are bad, only they fail, and nobody is forgotten."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.contacts import Contact
from core.domain.fields import Platform
from core.platforms.apart import MOST_FAILED_IN_A_ROW, TakenApart, chunks, rounds
from core.platforms.errors import (
    AuthenticationFailed,
    NotFound,
    PlatformError,
    RateLimited,
    Refused,
    Unavailable,
    UnexpectedAnswer,
)
from core.platforms.ports import Answer

HUBSPOT = Platform.HUBSPOT
KEYS = [f"k{n}" for n in range(64)]


def ok(key: str) -> Contact:
    return Contact(HUBSPOT, key, {})


class Fake:
    """Answers groups; ``bad`` contacts make theirs fail with ``error``."""

    def __init__(self, bad: set[str], error: PlatformError) -> None:
        self.bad, self.error = bad, error
        self.calls: list[list[str]] = []

    def __call__(self, group: Sequence[str]) -> dict[str, Answer]:
        self.calls.append(list(group))
        if self.bad.intersection(group):
            raise self.error
        return {key: ok(key) for key in group}


subsets = st.sets(st.sampled_from(KEYS))


@given(subsets, st.integers(1, 70))
def test_only_the_refused_ones_fail(bad: set[str], size: int) -> None:
    fake = Fake(bad, Refused(HUBSPOT, "no"))
    answers = TakenApart(fake).run(chunks(KEYS, size))
    assert answers.keys() == set(KEYS)
    assert {key for key, answer in answers.items() if isinstance(answer, Refused)} == bad
    assert all(answer.id == key for key, answer in answers.items() if isinstance(answer, Contact))


@given(subsets)
def test_nobody_is_forgotten_when_calls_crash(bad: set[str]) -> None:
    fake = Fake(bad, Unavailable(HUBSPOT, "500", status=500, maybe_applied=True))
    answers = TakenApart(fake).run([KEYS])
    assert answers.keys() == set(KEYS)
    failed = {key for key, answer in answers.items() if isinstance(answer, PlatformError)}
    assert bad <= failed
    if len(bad) < MOST_FAILED_IN_A_ROW:
        assert failed == bad
    assert all(answer.maybe_applied for answer in answers.values() if isinstance(answer, PlatformError))


@given(subsets)
def test_without_resending_every_key_is_sent_at_most_once_after_an_unclear_answer(bad: set[str]) -> None:
    fake = Fake(bad, UnexpectedAnswer(HUBSPOT, "garbage", maybe_applied=True))
    answers = TakenApart(fake, resend=False).run(chunks(KEYS, 8))
    sent = [key for call in fake.calls for key in call]
    assert len(sent) == len(set(sent))
    assert answers.keys() == set(KEYS)


def test_a_single_culprit_is_found_in_few_calls() -> None:
    fake = Fake({"k17"}, Unavailable(HUBSPOT, "500", status=500))
    TakenApart(fake).run([KEYS])
    assert len(fake.calls) <= 13


def test_a_platform_that_is_down_is_left_alone_soon() -> None:
    fake = Fake(set(KEYS), Unavailable(HUBSPOT, "500", status=500))
    answers = TakenApart(fake).run([KEYS])
    assert sum(len(call) == 1 for call in fake.calls) == MOST_FAILED_IN_A_ROW
    assert all(isinstance(answer, Unavailable) for answer in answers.values())


def test_five_crashes_with_a_success_between_are_five_bad_contacts() -> None:
    bad = set(KEYS[::2])
    fake = Fake(bad, Unavailable(HUBSPOT, "500", status=500))
    answers = TakenApart(fake).run([KEYS])
    assert {key for key, answer in answers.items() if isinstance(answer, PlatformError)} == bad


@pytest.mark.parametrize(
    "error",
    [
        Unavailable(HUBSPOT, "no answer", maybe_applied=True),
        RateLimited(HUBSPOT, "429", status=429),
        AuthenticationFailed(HUBSPOT, "401", status=401),
    ],
)
def test_what_concerns_everybody_ends_the_call(error: PlatformError) -> None:
    fake = Fake({"k10"}, error)
    answers = TakenApart(fake).run(chunks(KEYS, 8))
    assert len(fake.calls) == 2
    assert {key for key, answer in answers.items() if isinstance(answer, Contact)} == set(KEYS[:8])
    unclear = [key for key, one in answers.items() if isinstance(one, PlatformError) and one.maybe_applied]
    assert unclear == (KEYS[8:16] if error.maybe_applied else [])


def test_a_refused_token_raises_while_nothing_was_done() -> None:
    error = AuthenticationFailed(HUBSPOT, "401", status=401)
    error.credential_version = 3
    with pytest.raises(AuthenticationFailed) as caught:
        TakenApart(Fake({"k0"}, error)).run([KEYS])
    assert caught.value.credential_version == 3


def test_a_key_that_an_answer_forgets_is_asked_for_alone() -> None:
    calls: list[list[str]] = []

    def send(group: Sequence[str]) -> dict[str, Answer]:
        calls.append(list(group))
        if len(group) == 1:
            raise NotFound(HUBSPOT, "404")
        return {key: ok(key) for key in group if key != "b"}

    answers = TakenApart(send).run([["a", "b", "c"]])
    assert calls == [["a", "b", "c"], ["b"]]
    assert isinstance(answers["b"], NotFound)
    assert TakenApart(send, ask_unanswered=False).run([["a", "b", "c"]]).keys() == {"a", "c"}


def test_certain_culprits_are_not_searched_for() -> None:
    fake = Fake({"k1", "k2"}, Refused(HUBSPOT, "no such property"))
    answers = TakenApart(fake, culprits=lambda error, group: {"k1", "k2"}.intersection(group)).run([KEYS])
    assert len(fake.calls) == 2
    assert {key for key, answer in answers.items() if isinstance(answer, Refused)} == {"k1", "k2"}


@given(st.lists(st.sets(st.sampled_from("abcdef"), max_size=2), max_size=30))
def test_no_round_has_an_identity_twice_and_the_order_stays(identities: list[set[str]]) -> None:
    items = {str(n): one for n, one in enumerate(identities)}
    found = rounds(items, lambda one: one)
    assert sorted(key for one in found for key in one) == sorted(items)
    for one in found:
        taken = [identity for key in one for identity in items[key]]
        assert len(taken) == len(set(taken))
    order = {key: number for number, one in enumerate(found) for key in one}
    for former, mine in items.items():
        for latter, theirs in items.items():
            if int(former) < int(latter) and mine & theirs:
                assert order[former] < order[latter]
