"""Nothing secret, nothing of anybody stands in any output, nor at rest, nor in the queue (contract §8.6)."""

import json
from pathlib import Path

import pika  # type: ignore[import-untyped]
import pytest
import redis

from core.queue.rabbitmq_link import broker_urls
from core.store import models
from tests.end_to_end.processes import Deployment
from tests.end_to_end.production import Books, Servers, in_processes
from tests.end_to_end.scene import HTTP, until
from tests.security import canaries
from tests.services.postgres import Postgres
from tests.services.rabbitmq import RabbitNode
from tests.services.redis import RedisServer

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


def told(one: Deployment) -> dict[str, bytes]:
    """What commands, metrics and error answers say."""
    web = f"http://127.0.0.1:{one.ports['web']}"
    outputs = {
        " ".join(line): one.crosswalk(*line).encode()
        for line in (
            ("settings",),
            ("settings", "--json"),
            ("status", "--json"),
            ("instances", "export"),
            ("accounts", "list", "--json"),
            ("log", "--format", "csv"),
            ("log", "--json"),
            ("dead", "list", "--json"),
        )
    }
    outputs["metrics"] = HTTP.request("GET", f"{web}/metrics").data
    outputs["ready"] = HTTP.request("GET", f"{web}/readyz").data
    for path in ("/webhooks/hubspot", "/webhooks/mainstay", "/Canary", "/readyz?Canary"):
        answer = HTTP.request("POST", web + path, body=b'[{"Canary": ', headers={"X-Canary": "Canary"})
        outputs[f"refusal of {path}"] = answer.data + str(answer.headers).encode()
    for row in json.loads(outputs["dead list --json"]):
        outputs[f"dead {row['id']}"] = one.crosswalk("dead", "show", str(row["id"])).encode()
    return outputs


def check(outputs: dict[str, bytes]) -> None:
    leaks = {name: hits for name, output in outputs.items() if (hits := canaries.found([output]))}
    assert not leaks, leaks


def with_an_open_create(one: Deployment) -> None:
    """The contact values that are kept at all: encrypted, while a create is not answered."""

    def is_open() -> bool:
        with one.wiring.database.reading() as session:
            return session.query(models.CreateIntent).count() > 0

    until(is_open)


def test_the_search_finds_what_it_looks_for() -> None:
    for text in ("x Canary7 y", "(617) 555-8101", "+1 617-555-8101", "6175558101", *canaries.TOKENS):
        assert canaries.found([text.encode()]), text
    assert not canaries.found([b"617 555 0100, an ordinary line"])


def test_on_one_machine(tmp_path: Path) -> None:
    with Deployment(tmp_path, environment=canaries.SECRETS) as one:
        canaries.story(one)
        with_an_open_create(one)
        outputs = {
            "rows": b"\n".join(canaries.rows(one.env()["CROSSWALK_DATABASE_URL"])),
            "files": b"\n".join(canaries.database_files(tmp_path)),
            "dump": canaries.sqlite_dump(tmp_path / "crosswalk.db"),
            "process list": b"\n".join(canaries.command_lines(one)),
        }
        outputs |= told(one)
        codes = {entry.code for entry in one.log()}
        assert len(codes) >= 4, codes
        for side in (one.hubspot, one.mainstay):
            side.mend()
    outputs["logs"] = b"\n".join(canaries.logs(one))
    check(outputs)


@pytest.mark.services
def test_in_production(tmp_path: Path) -> None:
    servers = Servers(RabbitNode(), Postgres(), RedisServer())
    try:
        for server in (servers.rabbitmq, servers.postgres, servers.redis):
            server.start()
        with in_processes(tmp_path, servers, environment=canaries.SECRETS) as one:
            witness = listening(one)
            canaries.story(one)
            with_an_open_create(one)
            outputs = {
                "rows": b"\n".join(canaries.rows(one.env()["CROSSWALK_DATABASE_URL"])),
                "redis": b"\n".join(everything(one.env()["CROSSWALK_REDIS_URL"])),
                "messages": b"\n".join(messages(one, witness)),
            }
            outputs |= told(one)
            assert outputs["messages"].count(b"\n") > 10
            for side in (one.hubspot, one.mainstay):
                side.mend()
        outputs["logs"] = b"\n".join(canaries.logs(one))
    finally:
        for server in (servers.rabbitmq, servers.postgres, servers.redis):
            server.remove()
    check(outputs)


def listening(one: Deployment) -> str:
    """A queue that gets a copy of whatever anybody publishes."""
    with Books(one)._channel() as channel:
        queue = "canary-witness"
        channel.queue_declare(queue, durable=True)
        for number in range(1, 6):
            for lane in ("incoming", "outgoing", "account"):
                channel.queue_bind(queue, "crosswalk", f"{lane}.{number}")
    return queue


def messages(one: Deployment, queue: str) -> list[bytes]:
    """Bodies and headers."""
    found = []
    urls = broker_urls(one.env()["CROSSWALK_BROKER_URL"])
    connection = pika.BlockingConnection([pika.URLParameters(url) for url in urls])
    try:
        channel = connection.channel()
        while (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
            found.append(str(got[1]).encode() + got[2].replace(b"\n", b" "))
    finally:
        connection.close()
    return found


def everything(url: str) -> list[bytes]:
    """All of Redis: keys, and values of whatever type."""
    client = redis.Redis.from_url(url)
    found = []
    for key in client.scan_iter():
        found += [key, client.dump(key) or b""]
    client.close()
    return found
