"""What many writers do to the two accounts' rows at once, on PostgreSQL, without one waiting for ever."""

import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.orm import Session

from consumers import health
from core.domain.fields import Platform
from core.domain.instances import Account
from core.store import accounts, intents
from core.store.database import Database, open_engine
from core.store.intents import Intent
from core.store.models import Base
from core.store.sealing import Sealer
from tests.contract.databases import postgresql

pytestmark = pytest.mark.services
SEALER = Sealer(["a-key-for-these-tests-only"])
PATIENCE_S = 10.0


@pytest.fixture
def database() -> Iterator[Database]:
    with postgresql() as url:
        engine = open_engine(url)
        Base.metadata.create_all(engine)
        yield Database(engine)
        engine.dispose()


@pytest.fixture
def both(database: Database) -> list[Account]:
    """A portal and an organisation, each with a contact that failed."""
    with database.transaction() as session:
        made = [
            accounts.create(
                session, SEALER, platform=platform, name="one", external_id="1", values={}, now_ms=1
            )
            for platform in Platform
        ]
        for account in made:
            health.note(session, account, None, failed={"7": 1}, succeeded=False, now_ms=2)
    return made


def at_once(database: Database, *works: Callable[[Session, threading.Barrier], None]) -> list[Exception]:
    """Each in a transaction and a thread of its own; what went wrong."""
    barrier, wrong = threading.Barrier(len(works)), list[Exception]()

    def run(work: Callable[[Session, threading.Barrier], None]) -> None:
        try:
            with database.transaction() as session:
                work(session, barrier)
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * PATIENCE_S)
        assert not thread.is_alive()
    return wrong


def test_batches_that_change_one_account_each_and_store_rows_about_both(
    database: Database, both: list[Account]
) -> None:
    hubspot, mainstay = both

    def batch(account: Account) -> Callable[[Session, threading.Barrier], None]:
        def store(session: Session, barrier: threading.Barrier) -> None:
            accounts.share(session, {hubspot.id, mainstay.id})
            health.note(session, account, None, failed={}, succeeded=True, now_ms=3)
            barrier.wait(PATIENCE_S)
            created = [Intent(f"of-{account.id}", {"email": "a@b.example"}, 3)]
            intents.open_(session, SEALER, hubspot.id, mainstay.id, created)

        return store

    assert at_once(database, batch(hubspot), batch(mainstay)) == []


def test_batches_without_a_failure_do_not_wait_for_each_other(
    database: Database, both: list[Account]
) -> None:
    with database.transaction() as session:
        for account in both:
            accounts.recovered(session, account.id, 3)

    def batch(session: Session, barrier: threading.Barrier) -> None:
        accounts.share(session, {one.id for one in both})
        for account in both:
            health.note(session, account, None, failed={}, succeeded=True, now_ms=4)
        barrier.wait(PATIENCE_S)  # both are here with their transactions open

    assert at_once(database, batch, batch) == []


def test_failures_of_batches_at_the_same_time_all_count(database: Database, both: list[Account]) -> None:
    def batch(contact: str) -> Callable[[Session, threading.Barrier], None]:
        def store(session: Session, barrier: threading.Barrier) -> None:
            accounts.share(session, {one.id for one in both})
            barrier.wait(PATIENCE_S)
            for account in both:
                health.note(session, account, None, failed={contact: 0}, succeeded=False, now_ms=3)

        return store

    assert at_once(database, *(batch(str(n)) for n in range(8, 12))) == []
    with database.reading() as session:
        assert [accounts.failing_since_ms(session, one.id) for one in both] == [3, 3]  # the fifth holds it
        assert {hold.account.id for hold in accounts.held(session)} == {one.id for one in both}


def test_an_erasure_waits_for_those_who_store_and_they_for_it(
    database: Database, both: list[Account]
) -> None:
    order: list[str] = []

    def batch(session: Session, barrier: threading.Barrier) -> None:
        accounts.share(session, {one.id for one in both})
        barrier.wait(PATIENCE_S)
        threading.Event().wait(0.3)  # time for the other to run ahead, if it could
        order.append("batch")

    def erasure(session: Session, barrier: threading.Barrier) -> None:
        barrier.wait(PATIENCE_S)
        accounts.lock(session, {one.id for one in both})
        order.append("erasure")

    assert at_once(database, batch, erasure) == []
    assert order == ["batch", "erasure"]
