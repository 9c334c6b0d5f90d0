"""When a message counts as confirmed: only when the broker's answer is about that very message."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from amqp import spec
from amqp.serialization import loads

from core.queue.rabbitmq_confirms import Blocked, Confirms, NotConfirmed, Outgoing

Answer = Callable[["FakeLink"], None]


class FakeLink:
    """A link whose broker says what the test lays out, one answer per wait."""

    channel_id = 3

    def __init__(self, *answers: Answer) -> None:
        self.blocked = False
        self.answers = list(answers)
        self.published: list[str] = []
        self.events: dict[str, set[Any]] = defaultdict(set)

    def channel(self) -> "FakeLink":
        return self

    def confirm_select(self) -> None:
        pass

    def frame_writer(self, kind: int, channel: int, method: Any, where: bytes, envelope: Any) -> None:
        assert (kind, channel, method) == (1, self.channel_id, spec.Basic.Publish)
        assert loads("Bssbb", where, 0)[0] == [0, "crosswalk", "incoming.7", True, False]  # mandatory
        self.published.append(envelope.properties["message_id"])

    @contextmanager
    def in_one_write(self) -> Iterator[None]:
        yield

    def drain_events(self, timeout: float | None = None) -> None:
        if timeout == 0 or not self.answers:
            raise TimeoutError("no answer in time")
        self.answers.pop(0)(self)

    def tell(self, event: str, *arguments: object) -> None:
        for callback in self.events[event]:
            callback(*arguments)


def ack(tag: int, multiple: bool = False) -> Answer:
    return lambda link: link.tell("basic_ack", tag, multiple)


def nack(tag: int, multiple: bool = False) -> Answer:
    return lambda link: link.tell("basic_nack", tag, multiple)


def returned(link: FakeLink) -> None:
    link.tell("basic_return", Exception(), "crosswalk", "incoming.7", None)


def blocked(link: FakeLink) -> None:
    link.blocked = True


def some(count: int) -> list[Outgoing]:
    return [Outgoing("crosswalk", "incoming.7", b"{}", f"m{number}") for number in range(count)]


def confirms(link: FakeLink) -> Confirms:
    return Confirms(link)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answers",
    [
        [ack(1), ack(2), ack(3)],
        [ack(3, True)],
        [ack(2, True), ack(3)],
        [ack(3), ack(1), ack(2)],
        [ack(2), ack(3, True)],
    ],
)
def test_all_confirmed_in_any_form(answers: list[Answer]) -> None:
    link = FakeLink(*answers)
    confirms(link).send(some(3))
    assert link.published == ["m0", "m1", "m2"]
    assert link.answers == []


@pytest.mark.parametrize("answers", [[ack(1), ack(2)], [ack(2, True)], [ack(7)], [ack(3), ack(3), ack(3)]])
def test_a_missing_confirm_is_no_confirm(answers: list[Answer]) -> None:
    with pytest.raises(TimeoutError):
        confirms(FakeLink(*answers)).send(some(3))


@pytest.mark.parametrize("answers", [[nack(2), ack(3, True)], [nack(3, True)], [ack(1), ack(2), nack(3)]])
def test_one_refusal_refuses_the_call(answers: list[Answer]) -> None:
    with pytest.raises(NotConfirmed, match="full"):
        confirms(FakeLink(*answers)).send(some(3))


def test_a_returned_message_is_not_confirmed_by_the_ack_that_follows() -> None:
    with pytest.raises(NotConfirmed, match=r"incoming\.7"):
        confirms(FakeLink(returned, ack(1))).send(some(1))


def test_what_is_heard_late_of_a_given_up_call_confirms_nothing_of_the_next() -> None:
    link = FakeLink(blocked)
    channel = confirms(link)
    with pytest.raises(Blocked):
        channel.send(some(2))
    link.blocked = False
    late = [ack(1), ack(2), nack(2)]
    link.answers = [*late, ack(3)]
    channel.send(some(1))
    link.answers = late
    with pytest.raises(TimeoutError):
        channel.send(some(1))


def test_nothing_is_sent_while_the_broker_takes_nothing() -> None:
    link = FakeLink()
    link.blocked = True
    with pytest.raises(Blocked):
        confirms(link).send(some(1))
    assert link.published == []
