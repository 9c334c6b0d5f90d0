"""A sweep that somebody asked for: every contact of the source that changed since a time, as a job.

Unlike the scheduler's own sweeps it is paced, can be paused and stopped, goes on after a restart where it
was, and leaves the watermark alone. A ``feeding.Supply``.
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from consumers.directory import Directory, context_of
from consumers.jobs.feeding import Portion
from consumers.jobs.pages import modified_page, refused
from consumers.jobs.sweep import message_of
from consumers.work import Context
from core.domain.contacts import Contact
from core.domain.instances import Existence, Instance
from core.domain.messages import Address, Lane, Message
from core.platforms.errors import AuthenticationFailed
from core.platforms.ports import Page
from core.store import jobs
from core.store.jobs import Job
from core.wiring import Wiring

KIND = "sweep-since"


def begin(wiring: Wiring, instance: Instance, *, since_ms: int, author: str = "") -> Job | None:
    """Ask for a sweep from a time on (epoch ms); None where one of this instance is running or paused."""
    with wiring.database.transaction() as session:
        return jobs.begin(
            session,
            kind=KIND,
            instance_id=instance.id,
            now_ms=wiring.clock(),
            options={"since_ms": since_ms},
            author=author,
        )


@dataclass(slots=True)
class Changed:
    """The contacts of one job. The cursor: the page, and who of it is queued already."""

    wiring: Wiring
    _page: Page | None = None
    _after: str = ""  # what asked for the page in hand
    _told: list[str] = field(default_factory=list)

    def addresses(self, job: Job) -> Sequence[Address]:
        """The queue of its instance."""
        instance = Directory.load(self.wiring).instances[job.instance_id]
        return [Address(Lane(instance.direction), instance.id)]

    def portion(self, job: Job, room: int) -> Portion:
        """The next contacts; none while an account is held. PlatformError."""
        directory = Directory.load(self.wiring)
        instance = directory.instances[job.instance_id]
        existence = directory.existence(instance)
        if existence is not Existence.ENABLED:
            return Portion((), job.cursor, end=True, why=f"the instance was {existence}")
        if directory.held(Address(Lane(instance.direction), instance.id)):
            return Portion((), job.cursor)
        context = context_of(self.wiring, directory, instance, background=True)
        page = self._page or self._read(job, context)
        if page is None:
            return Portion((), job.cursor, end=True)
        told = set(self._told)
        left = [contact for contact in page.contacts if contact.id not in told]
        now = left[:room]
        self._told += [one.id for one in now]
        if len(now) == len(left):  # the page is through
            self._page, self._after, self._told = None, page.cursor, []
        else:
            self._page = page
        end = self._page is None and not page.cursor
        place = {"after": self._after, "told": self._told, "end": end}
        messages = [self._message(job, context, one) for one in now]
        return Portion(messages, json.dumps(place, separators=(",", ":")), end=end, total=page.total)

    def _read(self, job: Job, context: Context) -> Page | None:
        """The page at the job's place, None after the last one."""
        place: dict[str, Any] = json.loads(job.cursor or '{"after": "", "told": [], "end": false}')
        if place["end"]:
            return None
        self._after, self._told = place["after"], place["told"]
        try:
            return modified_page(context, int(job.options["since_ms"]), self._after)
        except AuthenticationFailed as error:
            refused(self.wiring.database, context, error)
            raise

    def _message(self, job: Job, context: Context, contact: Contact) -> Message:
        """The same id each time: queueing a contact twice ends it once."""
        message = message_of(context, contact, self.wiring.clock(), job.id)
        name = f"{KIND}:{job.id}:{job.started_at_ms}:{contact.id}:{contact.modified_ms}"
        return replace(message, id=uuid.uuid5(uuid.NAMESPACE_OID, name).hex)
