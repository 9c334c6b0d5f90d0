"""The front door: signed POSTs into gunicorn (as in the Procfile), a private RabbitMQ, quorum queues.

Beside it in the same run, the two bare ceilings: Flask that answers 204 under the same gunicorn settings, and
a loop that publishes the same messages with pipelined confirms. One worker: the figures are a process's.
"""

import http.client
import json
import queue
import shlex
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from amqp import Connection
from amqp import Message as Envelope
from flask import Flask

from console.demo.processes import answers
from core.domain.messages import Address, Cause, Change, Lane, Message
from core.platforms.hubspot.signature import v3
from core.queue.rabbitmq_link import broker_urls
from tests.bench.stage import PLATFORMS, percentile
from tests.end_to_end.processes import Deployment
from tests.end_to_end.production import Servers, started
from tests.end_to_end.scene import HUBSPOT_SECRET, PUBLIC_URL, configuration, until
from tests.services.process import free_port
from tests.services.rabbitmq import RabbitNode

IN_FLIGHT = 10
EVENTS = 100
POSTS = 600
WARMING = 50  # posts before the clock starts: the bare loop has its connection by then, too

bare = Flask("bare")


@bare.post("/webhooks/hubspot")
def accept() -> tuple[str, int]:
    """The least that a Flask receiver can do."""
    return "", 204


def intake(folder: Path) -> list[dict[str, object]]:
    """Events a second, and how long a sender waits."""
    with started(RabbitNode()) as servers, _deployment(folder, servers) as one:
        rows = [_publishing(servers)]
        one.start("web")
        _posted("warming", one.ports["web"], [_body(n, EVENTS) for n in range(WARMING)], EVENTS)
        for what, posts, contacts in (
            (f"{EVENTS} events of {EVENTS} contacts", POSTS, EVENTS),
            (f"{EVENTS} events of 5 contacts", POSTS, 5),
            ("single events", POSTS * 2, 1),
        ):
            bodies = [_body(number, contacts) for number in range(posts)]
            rows.append(_posted(what, one.ports["web"], bodies, EVENTS if contacts > 1 else 1))
        port = free_port()
        command = f"gunicorn -c python:webhooks.serving --bind 127.0.0.1:{port} tests.bench.intake:bare"
        one._launch("bare", shlex.split(command))
        until(answers(f"http://127.0.0.1:{port}/"))
        bodies = [_body(number, EVENTS) for number in range(POSTS)]
        rows.append(_posted("bare Flask answering 204", port, bodies, EVENTS))
    ceiling = float(str(rows[0]["events/s"]))
    rows[1]["% of publishing"] = round(100 * float(str(rows[1]["events/s"])) / ceiling)
    return rows


@contextmanager
def _deployment(folder: Path, servers: Servers) -> Iterator[Deployment]:
    switches = {name: {"webhooks": False} for name in PLATFORMS}
    with Deployment(folder, environment=servers.environment(), switches=switches) as one:
        one.wiring.queue.declare([])
        one.apply(configuration("incoming"))
        try:
            yield one
        finally:
            one.stop()


def _body(post: int, contacts: int) -> bytes:
    """A request as HubSpot sends it: property changes of ``contacts`` contacts."""
    count = EVENTS if contacts > 1 else 1
    return json.dumps(
        [
            {
                "eventId": post * EVENTS + number,
                "subscriptionId": 3329277,
                "portalId": 62515,
                "appId": 9393361,
                "occurredAt": round(time.time() * 1000),
                "subscriptionType": "contact.propertyChange",
                "attemptNumber": 0,
                "objectId": 106651134132 + post * EVENTS + number % contacts,
                "propertyName": ("firstname", "lastname", "phone", "email")[number // contacts % 4],
                "propertyValue": f"Value {number}",
                "changeSource": "CRM_UI",
                "sourceId": "userId:75514748",
            }
            for number in range(count)
        ]
    ).encode()


def _posted(what: str, port: int, bodies: Sequence[bytes], events: int) -> dict[str, object]:
    """POST them all, ten in flight on kept connections; events a second, and the time of each answer."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for body in bodies:
        waiting.put(body)
    took_s: list[float] = []
    statuses: set[int] = set()

    def send() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        while True:
            try:
                body = waiting.get_nowait()
            except queue.Empty:
                connection.close()
                return
            at_ms = str(round(time.time() * 1000))
            signature = v3(HUBSPOT_SECRET, "POST", f"{PUBLIC_URL}/webhooks/hubspot", body, at_ms)
            headers = {
                "Content-Type": "application/json",
                "X-HubSpot-Signature-v3": signature,
                "X-HubSpot-Request-Timestamp": at_ms,
            }
            began_s = time.monotonic()
            connection.request("POST", "/webhooks/hubspot", body, headers)
            answer = connection.getresponse()
            answer.read()
            took_s.append(time.monotonic() - began_s)
            statuses.add(answer.status)

    threads = [threading.Thread(target=send) for _ in range(IN_FLIGHT)]
    began_s = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began_s
    assert statuses == {204}, statuses
    return {
        "what": what,
        "events/s": round(len(bodies) * events / seconds),
        "posts/s": round(len(bodies) / seconds, 1),
        "p50 ms": round(1000 * percentile(took_s, 0.5)),
        "p99 ms": round(1000 * percentile(took_s, 0.99)),
    }


def _publishing(servers: Servers) -> dict[str, object]:
    """The same messages in a bare loop: a hundred published, then all confirms awaited, in a process of its
    own like the receiver's."""
    environment = servers.environment()
    import subprocess

    url = broker_urls(environment["CROSSWALK_BROKER_URL"])[0]
    code = f"from tests.bench.intake import publish; publish({url!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return {"what": "bare loop, pipelined confirms", "events/s": round(float(done.stdout))}


def publish(url: str) -> None:
    """Print messages a second of the bare loop."""
    host, _, path = url.removeprefix("amqp://").rpartition("@")[2].partition("/")
    connection = Connection(host, userid="guest", password="guest", virtual_host=path, confirm_publish=False)
    connection.connect()
    channel = connection.channel()
    channel.queue_declare("bare", durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
    channel.confirm_select()
    unconfirmed: set[int] = set()

    def acked(tag: int, multiple: bool) -> None:
        unconfirmed.difference_update([t for t in unconfirmed if t <= tag] if multiple else [tag])

    channel.events["basic_ack"].add(acked)
    changes = {"lastname": Change("0" * 24, 1_760_000_000_000)}
    tag, began_s = 0, time.monotonic()
    for post in range(POSTS):
        for number in range(EVENTS):
            tag += 1
            message = Message(
                id=f"{tag:032x}",
                address=Address(Lane.INCOMING, 1),
                contact=str(106651134132 + post * EVENTS + number),
                occurred_at_ms=1_760_000_000_000,
                accepted_at_ms=1_760_000_000_000,
                cause=Cause.EVENT,
                changes=changes,
                trace="00-" + "0" * 32 + "-" + "0" * 16 + "-01",
            )
            envelope = Envelope(message.to_json(), delivery_mode=2, content_type="application/json")
            unconfirmed.add(tag)
            channel.basic_publish(envelope, "", "bare", mandatory=True)
        while unconfirmed:
            connection.drain_events(timeout=10)
    print(POSTS * EVENTS / (time.monotonic() - began_s))
    connection.close()
