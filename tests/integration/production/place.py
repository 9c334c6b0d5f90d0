"""A deployment of real processes on the three servers, people on either side, and what must hold."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.processes import Deployment
from tests.end_to_end.production import Books, Crowd, Servers, in_processes
from tests.end_to_end.scene import configuration, until


@dataclass(slots=True)
class Place:
    """A deployment at work."""

    one: Deployment
    servers: Servers
    books: Books
    crowd: Crowd

    @property
    def web(self) -> str:
        """The receiver."""
        return f"http://127.0.0.1:{self.one.ports['web']}"

    @contextmanager
    def load(self, word: str) -> Iterator[None]:
        """New people and changes keep coming meanwhile; returns once the first are on the way."""
        on_the_way, failures = threading.Event(), []

        def come() -> None:
            try:
                self.crowd.turn_up(4)
                on_the_way.set()
                self.crowd.turn_up(4)
                self.crowd.change(word, latest=8)
            except BaseException as error:
                failures.append(error)
                on_the_way.set()

        thread = threading.Thread(target=come)
        thread.start()
        try:
            on_the_way.wait(30)
            yield
        finally:
            thread.join()
        assert not failures, failures

    def check(self) -> None:
        """What has to hold after anything."""
        self.one.settle(60.0)
        self.crowd.check()
        self.books.balance()
        assert self.one.codes() == [] and self.one.dead() == []

    def end(self, name: str) -> None:
        """SIGTERM to the newest process of that name; it ends in good order."""
        one = self.one.one(name)
        one.term()
        assert one.ended() == 0
        self.one.forget(one)

    def answers(self) -> bool:
        """Whether the broker is usable again."""
        return self.one.wiring.queue.ping() == ""


@contextmanager
def at_work(folder: Path, servers: Servers) -> Iterator[Place]:
    """A deployment with two instances, all its processes running, and nobody there yet."""
    (folder / "metrics").mkdir()
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics")}
    with in_processes(folder, servers, environment=environment) as one:
        one.apply(configuration("incoming", "outgoing"))
        books = Books(one).open()
        one.start()
        yield Place(one, servers, books, Crowd(one.hubspot, one.mainstay))


@contextmanager
def noticed(one: Deployment, *names: str) -> Iterator[None]:
    """Wait until these processes have said that something is away."""

    def waits(name: str) -> int:
        return sum(str(line.get("event")).endswith(".waiting") for line in one.one(name).told())

    before = {name: waits(name) for name in names}
    yield
    until(lambda: all(waits(name) > before[name] for name in names), 30.0)
