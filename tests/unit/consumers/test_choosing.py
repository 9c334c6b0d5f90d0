"""What a consumer takes and begins beside what is under way: core rules of consumers/choosing.py."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from consumers.choosing import BATCH, IN_HASTE, SIDE_BY_SIDE, SPARE, THREADS, Choosing, Job
from core.domain.fields import Direction
from core.domain.messages import Address, Cause, Lane, Message
from core.queue.port import Delivery

HERE, THERE, ACCOUNT = Address(Lane.INCOMING, 1), Address(Lane.INCOMING, 2), Address(Lane.ACCOUNT, 9)


class Directory:
    """Two queues and an account's, none held."""

    accounts: ClassVar = {7: object()}

    def addresses(self, _: Direction) -> list[Address]:
        return [HERE, THERE, ACCOUNT]

    def accounts_of(self, _: Address) -> set[int]:
        return {7}

    def held(self, _: Address) -> bool:
        return False


def delivery(contact: str, address: Address = HERE, cause: Cause = Cause.EVENT) -> Delivery:
    return Delivery(address, Message(contact, address, contact, 1, 1, cause=cause), token=contact)


def job(count: int, address: Address = HERE, cause: Cause = Cause.EVENT, name: str = "at work") -> Job:
    held: Any = None
    return Job(address, [delivery(f"{name} {n}", address, cause) for n in range(count)], held)


def choosing(
    running: Sequence[Job] = (), received: Sequence[Delivery] = (), *, plenty: bool = True
) -> Choosing:
    directory: Any = Directory()
    haste: Any = SimpleNamespace(allowed=lambda accounts: plenty and bool(list(accounts)))
    return Choosing(directory, haste, running, received)


def wanted(*running: Job, plenty: bool = True, received: Sequence[Delivery] = ()) -> list[Address]:
    return choosing(running, received, plenty=plenty).wanted(Direction.INCOMING)


def test_an_idle_consumer_takes_from_all() -> None:
    assert wanted() == [HERE, THERE, ACCOUNT]


@pytest.mark.parametrize(
    ("running", "plenty", "takes"),
    [
        ([job(3)], True, True),
        ([job(3)], False, False),
        ([job(3)] * (IN_HASTE - 1), True, True),
        ([job(3)] * IN_HASTE, True, False),
        ([job(BATCH)], False, True),
        ([job(BATCH)] * SIDE_BY_SIDE[Lane.INCOMING], True, False),
        ([job(BATCH), job(3)], False, False),
        ([job(3, cause=Cause.BACKFILL)], False, True),
        ([job(3, cause=Cause.BACKFILL), job(3)], False, False),
        ([job(1, address=Address(Lane.INCOMING, n)) for n in range(1, 1 + THREADS - SPARE)], True, False),
    ],
)
def test_what_is_taken_beside_what_is_at_work(running: list[Job], plenty: bool, takes: bool) -> None:
    assert (HERE in wanted(*running, plenty=plenty)) is takes
    assert THERE in wanted(job(3), plenty=plenty)


def test_an_accounts_own_business_goes_one_after_the_other() -> None:
    assert ACCOUNT not in wanted(job(1, ACCOUNT))


def test_mass_work_that_waits_here_fills_a_batch_at_most() -> None:
    backfill = job(BATCH, cause=Cause.BACKFILL)
    waiting = [delivery(f"c{n}", cause=Cause.BACKFILL) for n in range(BATCH)]
    assert HERE not in wanted(backfill, received=waiting)
    assert HERE in wanted(backfill, received=waiting[1:])


def begun(*running: Job, received: Sequence[Delivery]) -> list[list[Delivery]]:
    return [deliveries for _, deliveries in choosing(running, received).beginning()]


def test_mass_work_and_live_changes_go_apart() -> None:
    live, mass = delivery("a"), delivery("b", cause=Cause.BACKFILL)
    assert begun(received=[mass, live]) == [[live], [mass]]


def test_mass_work_waits_for_its_queues_last_batch_and_live_changes_do_not() -> None:
    live, mass = delivery("a"), delivery("b", cause=Cause.BACKFILL)
    assert begun(job(3, cause=Cause.BACKFILL), received=[mass, live]) == [[live]]
    assert begun(job(3, THERE, cause=Cause.BACKFILL), received=[mass]) == [[mass]]
    assert begun(job(BATCH, cause=Cause.BACKFILL), received=[mass]) == [[mass]]


def test_a_contact_waits_for_the_batch_that_has_it() -> None:
    again, other = delivery("at work 1"), delivery("c")
    assert begun(job(3), received=[again, other]) == [[other]]
    assert begun(job(3, THERE), received=[again, other]) == [[again, other]]
