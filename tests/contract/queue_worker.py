"""A consumer process for the tests: ``python -m tests.contract.queue_worker URL ADDRESS [settle | hang]``.

Prints ``ID`` and what became of it, a line each, once it is confirmed. Every tenth message is put back once.
It ends when the queue is empty, or holds its second batch for ever (``hang``).
"""

import dataclasses
import sys
import threading

from core.domain.messages import Address, Message
from core.queue.port import Delivery, Later
from core.queue.sql import SqlQueue
from core.store.database import open_engine
from tests.contract.queue_implementations import now_ms


def main(url: str, key: str, mode: str) -> None:
    """Consume until nothing is left."""
    address = Address.of_key(key)
    queue = SqlQueue(open_engine(url), now_ms)
    consumer = queue.consumer()
    batches = 0
    while True:
        batch = consumer.receive([address], 40, 0.2)
        batches += bool(batch)
        if mode == "hang" and batches == 2:
            print("hanging", flush=True)
            threading.Event().wait()
        later = [Later(one, dataclasses.replace(_of(one), attempt=1), 0.05) for one in batch if _again(one)]
        done = [one for one in batch if not _again(one)]
        consumer.settle(done, later)
        for one in done:
            print(_of(one).id, "done", flush=True)
        for put_back in later:
            print(put_back.message.id, "later", flush=True)
        depths = queue.depths([address])
        if not batch and depths.queues[address] + depths.retry == 0:
            consumer.close()
            return


def _of(delivery: Delivery) -> Message:
    assert delivery.message
    return delivery.message


def _again(delivery: Delivery) -> bool:
    return _of(delivery).attempt == 0 and int(_of(delivery).id[1:]) % 10 == 0


if __name__ == "__main__":
    main(*sys.argv[1:4])
