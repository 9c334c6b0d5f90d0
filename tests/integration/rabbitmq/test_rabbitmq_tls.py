"""``amqps://``: the broker's certificate is checked, and everything works over it."""

import pytest

from core.queue.dead_mover import DeadMover
from core.queue.rabbitmq import RabbitQueue
from core.queue.replay import ReplayStopped, publish_confirmed
from tests.contract.queue_implementations import an_address, ids, received
from tests.integration.rabbitmq.broker import ready, some
from tests.services.rabbitmq import RabbitNode

pytestmark = pytest.mark.services


def test_an_unknown_certificate_is_refused(private_rabbitmq: RabbitNode) -> None:
    queue = RabbitQueue(private_rabbitmq.tls_url, (1,))
    assert queue.ping()
    with pytest.raises(ReplayStopped):
        publish_confirmed(private_rabbitmq.tls_url, some(an_address(), 1), timeout_s=5)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_trusted_certificate_must_be_the_hosts(
    private_rabbitmq: RabbitNode, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(private_rabbitmq.authority))
    url = private_rabbitmq.tls_url.replace("localhost", host)
    queue = RabbitQueue(url, (1,), prefix="test-tls")
    if host != "localhost":
        assert queue.ping() != ""
        assert "exchanges" not in queue.ping()
        return
    address = an_address()
    queue.declare([address])
    publisher, consumer = queue.publisher(), queue.consumer()
    publisher.publish(some(address, 1000))
    publish_confirmed(url, some(address, 1), prefix="test-tls")
    taken = []
    while part := received(consumer, [address], 100, within_s=0.5):
        consumer.settle(part)
        taken += ids(part)
    consumer.close()
    assert sorted(taken) == sorted(["m0", *(f"m{number}" for number in range(1000))])
    assert ready(queue, address) == 0
    assert DeadMover(url, lambda *_: None, "test-tls").move() == 0
    publisher.close()
    queue.close()
