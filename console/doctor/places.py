"""What Crosswalk stands on: database, queue, Redis, and the processes that carry changes over."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from console.doctor.finding import Finding, ok, problem, warning
from core.domain.fields import Platform
from core.domain.messages import Address, Lane
from core.queue.port import QueueUnavailable
from core.queue.rabbitmq import RabbitQueue
from core.settings import masked
from core.store import accounts, instances, processes
from core.store.database import DatabaseUnavailable, current_revision, file_exists, migration_problem

if TYPE_CHECKING:
    from core.wiring import Wiring

_NEEDED = {
    Lane.INCOMING: "crosswalk consume incoming",
    Lane.OUTGOING: "crosswalk consume outgoing",
    "scheduler": "crosswalk schedule",
}


def database(wiring: "Wiring") -> Iterator[Finding]:
    """Whether it answers, and is at this version's schema."""
    engine = wiring.database.engine
    subject = masked(wiring.settings.database_url)
    if not file_exists(engine):  # to look inside would make it
        step = "Run `crosswalk migrate`, which makes it; or correct CROSSWALK_DATABASE_URL."
        yield problem("database", subject, "there is no such file", step)
        return
    if said := wiring.database.ping():
        yield problem("database", subject, said, "Start it, or correct CROSSWALK_DATABASE_URL.")
        return
    yield ok("database", subject, "answers")
    try:
        behind = migration_problem(engine)
    except DatabaseUnavailable as error:
        behind = str(error)
    if behind:
        yield problem("migrations", subject, behind, "Run `crosswalk migrate`.")
    else:
        yield ok("migrations", subject, f"at {current_revision(engine)}")


def queue(wiring: "Wiring") -> Iterator[Finding]:
    """Whether it takes and confirms messages, and its queues are as this version wants them."""
    broker = wiring.settings.broker_url
    subject = masked(broker) if broker else "embedded, in the database"
    if said := wiring.queue.ping():
        step = "Start it, or correct CROSSWALK_BROKER_URL; if it runs, `crosswalk migrate` makes the queues."
        yield problem("queue", subject, said, step)
        return
    yield ok("queue", subject, "takes and confirms messages")
    if isinstance(wiring.queue, RabbitQueue):
        yield from _broker_queues(wiring, wiring.queue, subject)


def _broker_queues(wiring: "Wiring", queue: RabbitQueue, subject: str) -> Iterator[Finding]:
    with wiring.database.reading() as session:
        known = [Address(Lane(one.direction), one.id) for one in instances.all_instances(session)]
        portals = [one for one in accounts.all_accounts(session) if one.platform is Platform.HUBSPOT]
    known += [Address(Lane.ACCOUNT, one.id) for one in portals]
    try:
        different = queue.differences(known)
        broken = sum(queue.broken_depths().values())
    except QueueUnavailable as error:
        yield problem("broker-queues", subject, str(error), "Look at RabbitMQ's own log, then try again.")
        return
    for one in different:
        yield warning("broker-queues", one.name, f"differs: {one.problem}", one.mend)
    if broken:
        step = "The scheduler moves them: see that `crosswalk schedule` runs, then `crosswalk dead list`."
        yield warning("broker-queues", subject, f"the broker gave up on {broken} messages", step)
    if not different and not broken:
        yield ok("broker-queues", subject, f"{len(known)} work queues as this version wants them")


def redis(wiring: "Wiring") -> Iterator[Finding]:
    """Whether it answers; nothing where leases and budgets are in the database."""
    if not wiring.settings.redis_url:
        return
    subject = masked(wiring.settings.redis_url)
    if said := wiring.readiness().get("redis"):
        yield problem("redis", subject, said, "Start it, or correct CROSSWALK_REDIS_URL.")
    else:
        yield ok("redis", subject, "answers")


def running(wiring: "Wiring") -> Iterator[Finding]:
    """Whether anybody carries changes over."""
    with wiring.database.reading() as session:
        roles = [one.role for one in processes.running(session, wiring.clock())]
    for role, command in _NEEDED.items():
        if role in roles:
            yield ok("processes", str(role), f"{roles.count(role)} running")
        else:
            yield warning("processes", str(role), "none has shown itself for a minute", f"Start `{command}`.")
