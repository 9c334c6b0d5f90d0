"""Tries every contact of a problem again, as a job: paced, stoppable, followed to each one's last outcome.

Each is a fresh look at the contact, by hand: a problem that is still there is told again, and so are new
ones. Only what was open when somebody asked is tried: what fails again, or for the first time, can't make it
loop.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from consumers.jobs.feeding import Portion
from core.domain.messages import Address, Cause, Lane, Message
from core.store import instances, jobs, problems
from core.store.jobs import Job
from core.store.problems import Affected, Key
from core.wiring import Wiring

KIND = "retry"


def begin(wiring: Wiring, key: Key, author: str) -> Job:
    """Ask for a retry of all contacts that a cause affects now; the job that is at it already, if any."""
    with wiring.database.transaction() as session:
        for job in jobs.search(session, jobs.Search(kind=KIND, instance_id=key.instance_id)):
            if job.state in jobs.OPEN and job.options.get("code") == key.code:
                return job
        contacts = problems.affected(session, [key])
        return jobs.ask(
            session,
            kind=KIND,
            instance_id=key.instance_id,
            now_ms=wiring.clock(),
            total=None if contacts.more else contacts.number,
            options={"code": key.code, "up_to_id": problems.newest_id(session)},
            author=author,
        )


@dataclass(frozen=True, slots=True)
class Contacts:
    """The contacts of a job: a ``feeding.Supply``. The cursor is the last one's time and entry."""

    wiring: Wiring

    def addresses(self, job: Job) -> Sequence[Address]:
        """The queue of its instance."""
        with self.wiring.database.reading() as session:
            found = instances.by_id(session, job.instance_id)
        return [Address(Lane(found.direction), found.id)] if found else []

    def portion(self, job: Job, room: int) -> Portion:
        """The next contacts that are still affected. None where the instance is gone."""
        addresses = self.addresses(job)
        if not addresses:
            return Portion((), job.cursor, end=True)
        at_ms, _, entry_id = job.cursor.partition(" ")
        after = (int(at_ms), int(entry_id)) if job.cursor else (0, 0)
        key, up_to_id = Key(job.instance_id, 0, job.options["code"]), int(job.options["up_to_id"])
        with self.wiring.database.reading() as session:
            found = problems.contacts_of(session, key, up_to_id=up_to_id, after=after, limit=room)
        last = f"{found[-1].at_ms} {found[-1].id}" if found else job.cursor
        messages = [self._message(job, addresses[0], one) for one in found]
        return Portion(messages, last, end=len(found) < room)

    def _message(self, job: Job, address: Address, one: Affected) -> Message:
        now_ms = self.wiring.clock()
        name = f"retry:{job.id}:{job.started_at_ms}:{one.contact}"
        return Message(
            id=uuid.uuid5(uuid.NAMESPACE_OID, name).hex,
            address=address,
            contact=one.contact.partition(":")[2],
            occurred_at_ms=now_ms,
            accepted_at_ms=now_ms,
            cause=Cause.REPLAY,
            job=job.id,
        )
