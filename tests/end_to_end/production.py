"""The production engine for tests: a virtual host, a database and a Redis of one's own on private servers
that may be stopped, and the books: what was ever accepted, and what became of it.
"""

import itertools
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pika  # type: ignore[import-untyped]
from sqlalchemy import create_engine, func, make_url, select, text

from consumers.directory import Directory
from core.domain.fields import Direction
from core.domain.messages import Cause, Message
from core.queue.rabbitmq_link import broker_urls
from core.queue.topology import Topology
from core.store import models
from tests.end_to_end.processes import Deployment
from tests.end_to_end.scene import HTTP, Outside, Scene
from tests.services.postgres import Postgres
from tests.services.rabbitmq import RabbitCluster, RabbitNode
from tests.services.redis import RedisServer

RETRIES = {"retry_schedule_s": [0.3] * 600}  # a platform in miniature sends again soon, and does not give up
AUTHOR = "crosswalk-tests"
_REDIS_DATABASES = itertools.cycle(range(16))


@dataclass(frozen=True, slots=True)
class Servers:
    """The three of them, running."""

    rabbitmq: RabbitNode | RabbitCluster
    postgres: Postgres
    redis: RedisServer

    def environment(self) -> dict[str, str]:
        """Settings of a deployment that shares nothing with any other."""
        return {
            "CROSSWALK_BROKER_URL": self._virtual_host(),
            "CROSSWALK_DATABASE_URL": self._database(),
            "CROSSWALK_REDIS_URL": f"{self.redis.url}/{next(_REDIS_DATABASES)}",
        }

    def _virtual_host(self) -> str:
        name = f"t{uuid.uuid4().hex[:8]}"
        node = self.rabbitmq if isinstance(self.rabbitmq, RabbitNode) else self.rabbitmq.nodes[0]
        make_virtual_host(node, name)
        return ";".join(f"{url.removesuffix('//')}/{name}" for url in broker_urls(self.rabbitmq.url))

    def _database(self) -> str:
        name = f"t{uuid.uuid4().hex[:8]}"
        engine = create_engine(self.postgres.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return make_url(self.postgres.url).set(database=name).render_as_string(hide_password=False)


def make_virtual_host(node: RabbitNode, name: str) -> None:
    """A virtual host that the guest may use."""
    node.ctl(  # both in one call: each costs a second
        "eval",
        f'rabbit_vhost:add(<<"{name}">>, <<"{AUTHOR}">>), rabbit_auth_backend_internal:set_permissions('
        f'<<"guest">>, <<"{name}">>, <<".*">>, <<".*">>, <<".*">>, <<"{AUTHOR}">>).',
    )


@contextmanager
def started(rabbitmq: RabbitNode | RabbitCluster) -> Iterator[Servers]:
    """All three, for one test."""
    servers = Servers(rabbitmq, Postgres(), RedisServer())
    try:
        for server in (servers.rabbitmq, servers.postgres, servers.redis):
            server.start()
        yield servers
    finally:
        for server in (servers.rabbitmq, servers.postgres, servers.redis):
            server.remove()


@contextmanager
def in_process(folder: Path, servers: Servers, **options: Any) -> Iterator[Scene]:
    """A ``Scene`` on the three servers."""
    with Scene(folder, environment=servers.environment() | options.pop("environment", {}), **options) as one:
        one.wiring.queue.declare([])  # as `crosswalk migrate` does
        try:
            yield one
        finally:
            one.stop()
            one.wiring.queue.close()  # type: ignore[attr-defined]  # RabbitMQ's


@contextmanager
def in_processes(folder: Path, servers: Servers, **options: Any) -> Iterator[Deployment]:
    """A ``Deployment`` on the three servers, migrated."""
    environment = servers.environment() | options.pop("environment", {})
    switches = {"hubspot": RETRIES, "mainstay": RETRIES} | options.pop("switches", {})
    one = Deployment(folder, environment=environment, switches=switches, **options)
    with one:
        one.wiring.queue.declare([])
        try:
            yield one
        finally:
            one.stop()
            one.wiring.queue.close()  # type: ignore[attr-defined]
            one.wiring.database.engine.dispose()


@dataclass(slots=True)
class Books:
    """Gets a copy of every message that is published, from when it is opened: what was ever accepted.

    A confirmed message is in its own queue and in this one. An unconfirmed one (503: the platform sends it
    again) may be in one of the two only. Whose they were the platforms in miniature know; a test that is
    answered so itself adds the contacts to ``refused``. ``sweeps``: a sweep too may be refused, and repeats
    its page; then its messages count as the platforms' refused ones do.
    """

    scene: Scene
    queue: str = "witness"
    sweeps: bool = False
    refused: set[str] = field(default_factory=set)  # HubSpot and Mainstay ids
    accepted: dict[tuple[str, int], Message] = field(default_factory=dict)
    before: set[tuple[str, int]] = field(
        default_factory=set
    )  # the messages that had ended when it was opened

    def open(self) -> "Books":
        """Begin to listen at the queues of all accounts and instances that there are."""
        addresses = [address for d in Direction for address in Directory.load(self.scene.wiring).addresses(d)]
        with self._channel() as channel:
            channel.queue_declare(self.queue, durable=True, arguments={"x-queue-type": "quorum"})
            for address in addresses:
                channel.queue_bind(self.queue, Topology(()).work, address.key)
        with self.scene.wiring.database.reading() as session:
            rows = session.execute(select(models.Outcome.message_id, models.Outcome.generation))
            self.before = {(row[0], row[1]) for row in rows}
        return self

    def read(self) -> dict[tuple[str, int], Message]:
        """Everything accepted so far, by message id and generation."""
        with self._channel() as channel:
            # One by one: None is the word of the queue's leader, a silence may be an election.
            while (got := channel.basic_get(self.queue, auto_ack=True))[0] is not None:
                message = Message.from_json(got[2])
                self.accepted[message.id, message.generation] = message
        return self.accepted

    def add(self, message: Message) -> None:
        """Count a message that is to find no queue at all, not even ours."""
        self.accepted[message.id, message.generation] = message
        with self._channel() as channel:
            channel.queue_unbind(self.queue, Topology(()).work, message.address.key)

    def balance(self) -> Counter[str]:
        """Every accepted message has one outcome, and no outcome came from nowhere; how they ended."""
        accepted = self.read()
        with self.scene.wiring.database.reading() as session:
            rows = session.execute(
                select(
                    models.Outcome.message_id,
                    models.Outcome.generation,
                    func.min(models.Outcome.outcome),
                    func.min(models.Outcome.hubspot_id),
                    func.min(models.Outcome.mainstay_id),
                    func.max(models.Outcome.job_id),
                    func.count(),
                ).group_by(models.Outcome.message_id, models.Outcome.generation)
            ).all()
        assert all(row[6] == 1 for row in rows)
        refused = self.refused | self.scene.hubspot.refused() | self.scene.mainstay.refused()
        ended = {(row[0], row[1]): row[2] for row in rows}
        lost = {key for key in set(accepted) - set(ended) if accepted[key].contact not in refused}
        assert not lost, f"without an outcome: {len(lost)}"
        excused = {(row[0], row[1]) for row in rows if refused & {row[3], row[4]} or (self.sweeps and row[5])}
        strange = set(ended) - set(accepted) - self.before - excused
        assert not strange, f"of {len(ended)} outcomes, {len(strange)} came from nowhere"
        return Counter(ended.values())

    def events(self) -> int:
        """How many of the accepted messages a receiver published."""
        return sum(message.cause is Cause.EVENT for message in self.read().values())

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        urls = broker_urls(self.scene.env()["CROSSWALK_BROKER_URL"])
        connection = pika.BlockingConnection([pika.URLParameters(url) for url in urls])
        try:
            yield connection.channel()
        finally:
            connection.close()


def metrics(url: str, name: str, **labels: str) -> float:
    """The sum of a metric's samples that carry these labels, from a ``/metrics`` page."""
    page = HTTP.request("GET", f"{url}/metrics").data.decode()
    found = 0.0
    for given, value in re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", page, re.MULTILINE):
        told = dict(re.findall(r'(\w+)="([^"]*)"', given))
        if labels.items() <= told.items():
            found += float(value)
    return found


@dataclass(slots=True)
class Crowd:
    """People who turn up on one side and then change on either."""

    hubspot: Outside
    mainstay: Outside
    records: list[str] = field(default_factory=list)  # HubSpot ids
    contacts: list[str] = field(default_factory=list)  # Mainstay ids
    _number: int = 0

    def turn_up(self, count: int) -> None:
        """So many new people on each side."""
        for _ in range(count):
            self.records.append(self.hubspot.create(**self._person("firstname", "lastname")))
            self.contacts.append(self.mainstay.create(**self._person("first_name", "last_name")))

    def change(self, word: str, latest: int = 20) -> None:
        """The last names of those who came last, on the side where they turned up."""
        for record in self.records[-latest:]:
            self.hubspot.edit(record, lastname=f"{word}{record}")
        for contact in self.contacts[-latest:]:
            self.mainstay.edit(contact, last_name=f"{word}{contact}")

    def check(self) -> None:
        """Each person once on either side, the same on both."""
        everyone = len(self.records) + len(self.contacts)
        records = {one["id"]: one for one in self.hubspot.all()}
        contacts = self.mainstay.all()
        assert (len(records), len(contacts)) == (everyone, everyone)
        assert len({one["crm_id"] for one in contacts}) == everyone
        for contact in contacts:
            record = records[contact["crm_id"]]
            theirs = (record["firstname"], record["lastname"], record["email"], record["phone"][-10:])
            assert theirs == tuple(contact[name] for name in ("first_name", "last_name", "email", "phone"))

    def _person(self, first: str, last: str) -> dict[str, str]:
        self._number += 1
        return {
            first: f"Ana{self._number}",
            last: "Ruiz",
            "phone": f"617555{self._number:04}",
            "email": f"ana{self._number}@example.edu",
        }
