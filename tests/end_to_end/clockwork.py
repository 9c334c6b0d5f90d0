"""Scheduler processes for a scene, as threads; and crowds of contacts."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from consumers.scheduler import Scheduler
from core.store import jobs, watermarks
from core.store.jobs import Job
from core.store.watermarks import Watermark
from core.wiring import connect
from tests.end_to_end.scene import Scene


@contextmanager
def scheduled(one: Scene, count: int = 1) -> Iterator[list[Scheduler]]:
    """So many schedulers at work."""
    schedulers = [Scheduler(connect(one.settings())) for _ in range(count)]
    threads = [threading.Thread(target=each.run, daemon=True) for each in schedulers]
    for thread in threads:
        thread.start()
    try:
        yield schedulers
    finally:
        for each in schedulers:
            each.stop()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
        for each in schedulers:
            each.wiring.database.engine.dispose()


def record(number: int, **more: Any) -> dict[str, Any]:
    """A HubSpot record of a crowd."""
    name = {"firstname": "Ana", "lastname": f"Ruiz{number}", "email": f"ana{number}@example.edu"}
    return {**name, "phone": f"617555{number:04}", **more}


def contact(number: int, **more: Any) -> dict[str, Any]:
    """The Mainstay contact of the same person."""
    name = {"first_name": "Ana", "last_name": f"Ruiz{number}", "email": f"ana{number}@example.edu"}
    return {**name, "phone": f"617555{number:04}", **more}


def mark_of(one: Scene, name: str) -> Watermark:
    """An instance's watermark."""
    with one.wiring.database.reading() as session:
        mark = watermarks.get(session, one.instance(name).id)
    assert mark is not None
    return mark


def job_of(one: Scene, kind: str, name: str) -> Job:
    """The newest job of a kind for an instance."""
    with one.wiring.database.reading() as session:
        job = jobs.latest(session, kind, one.instance(name).id)
    assert job is not None
    return job


def page_calls(one: Scene) -> dict[str, int]:
    """API calls so far, by platform."""
    return {"hubspot": one.hubspot.calls(), "mainstay": one.mainstay.calls()}
