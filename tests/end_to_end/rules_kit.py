"""One contact at a time through preview and sync, with all that was written, told and kept.

``Bench.sync`` previews first and sees that the preview writes nothing; ``Bench.foreseen`` also holds the sync
to the preview's verdict. No webhooks and no consumer threads: what the queue adds is tested elsewhere.
"""

import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from consumers import single
from consumers.batch import Batch
from consumers.directory import Directory, context_of
from consumers.leasing import Held
from consumers.records import Records
from core.domain.messages import Address, Cause, Lane, Message
from core.store import models
from tests.end_to_end.scene import HTTP, Scene

NAMES = """
      - {mainstay: first_name, hubspot: firstname}
      - {mainstay: last_name, hubspot: lastname}
      - {mainstay: phone, hubspot: phone}
      - {mainstay: email, hubspot: email}
"""
ID_ROW = "      - {mainstay: id, hubspot: admithub_id}\n"
_FIELD_TYPES = "{Birth Date: date, Program: multi-choice, Interests: multi-choice, GPA: number,"
_FIELD_TYPES += " First Generation: true/false, Alt Email: email, Parent Phone: phone, Portfolio: url}"
_PREVIEWED = {"create": "created", "update": "updated"}  # all others are called the same

# A person as HubSpot and as Mainstay hold her, and another one.
ANA: dict[str, Any] = {
    "firstname": "Ana",
    "lastname": "Ruiz",
    "phone": "(617) 555-0100",
    "email": "ana@example.edu",
}
ANA_HERE: dict[str, Any] = {
    "first_name": "Ana",
    "last_name": "Ruiz",
    "phone": "6175550100",
    "email": "ana@example.edu",
}
BEN: dict[str, Any] = {
    "first_name": "Ben",
    "last_name": "Okafor",
    "phone": "6175550123",
    "email": "ben@example.edu",
}
BEN_THERE: dict[str, Any] = {
    "firstname": "Ben",
    "lastname": "Okafor",
    "phone": "(617) 555-0123",
    "email": "ben@example.edu",
}

Writes = dict[tuple[str, str], set[str]]  # (platform, contact id) → field names that were sent


def configuration(*directions: str, rows: str = NAMES, filters: str = "", outgoing_rows: str = "") -> str:
    """Enabled instances, named as their direction. ``filters`` is for the first of them."""
    lines = [
        "accounts:",
        "  hubspot: [{name: portal, portal_id: 62515, access_token: pat-na1-sandbox}]",
        "  mainstay:",
        f"    - {{name: river, org_id: river, api_token: sandbox-token, field_types: {_FIELD_TYPES}}}",
        "instances:",
    ]
    for direction in directions:
        lines += [
            f"  - name: {direction}",
            f"    direction: {direction}",
            "    hubspot: portal",
            "    mainstay: river",
            "    enabled: true",
            "    mappings:" + ((direction == "outgoing" and outgoing_rows) or rows).rstrip(),
        ]
        if filters and direction == directions[0]:
            lines.append(f"    filters: {filters}")
    return "\n".join(lines) + "\n"


@dataclass(slots=True)
class Told:
    """How a sync ended. ``log``: the Sync Log's new rows as (code, field). ``writes``: see above."""

    outcome: str
    code: str | None
    log: list[tuple[str, str]]
    writes: Writes
    preview: dict[str, Any]
    story: dict[str, Any]
    steps: list[tuple[str, str]] = field(default_factory=list)

    @property
    def short(self) -> tuple[str, list[tuple[str, str]], Writes]:
        """What most scenarios ask for: outcome, new rows of the Sync Log, writes."""
        return self.outcome, self.log, self.writes

    def change(self, name: str) -> dict[str, Any]:
        """The preview's line about a target field."""
        found: dict[str, Any] = next(one for one in self.preview["fields"] if one["field"] == name)
        return found


@dataclass(slots=True)
class Bench:
    """A scene without consumers."""

    scene: Scene
    heard: dict[str, int] = field(default_factory=lambda: {"hubspot": 0, "mainstay": 0})

    def hubspot(self, **values: Any) -> str:
        """A new HubSpot record; its id."""
        return self.scene.hubspot.create(**values)

    def mainstay(self, **values: Any) -> str:
        """A new Mainstay contact; its id."""
        return self.scene.mainstay.create(**values)

    def record(self, record_id: str) -> dict[str, Any]:
        """A HubSpot record as it is now."""
        return self.scene.hubspot.get(record_id)

    def contact(self, contact_id: str) -> dict[str, Any]:
        """A Mainstay contact as it is now."""
        return self.scene.mainstay.get(contact_id)

    def sync(self, direction: str, contact_id: str) -> Told:
        """Preview, then sync, a source contact by the instance of that direction."""
        instance, wiring = self.scene.instance(direction), self.scene.wiring
        self.new_writes()
        before = self._kept()
        shown = single.preview(wiring, instance, contact_id)
        assert json.loads(json.dumps(shown)) == shown, "the preview is plain JSON"
        assert self.new_writes() == {}, "the preview wrote to a platform"
        assert self._kept() == before, "the preview wrote to the database"
        logged = len(self.scene.log())
        done = single.sync(wiring, instance, contact_id)
        told = Told(
            outcome=done.outcome,
            code=done.code,
            log=[(entry.code, entry.field) for entry in self.scene.log()[logged:]],
            writes=self.new_writes(),
            preview=shown,
            story=done.story,
            steps=[(step["rule"], step["result"]) for step in done.story.get("matching", [])],
        )
        for entry in self.scene.log()[logged:]:
            source = "hubspot" if direction == "incoming" else "mainstay"
            assert entry.contact == f"{source}:{contact_id}"
            assert (entry.instance, entry.direction) == (direction, direction)
        return told

    def foreseen(self, direction: str, contact_id: str) -> Told:
        """As ``sync``, where nothing but reading can tell how it ends: the preview has to have known it."""
        told = self.sync(direction, contact_id)
        assert _PREVIEWED.get(told.preview["outcome"], told.preview["outcome"]) == told.outcome
        assert told.preview["code"] == told.code
        assert [(s["rule"], s["result"]) for s in told.preview["matching"]] == told.steps
        return told

    def batch(
        self,
        direction: str,
        contacts: Sequence[str],
        cause: Cause = Cause.SYNC,
        at_ms: Mapping[str, int] = {},
    ) -> Counter[str]:
        """One batch of these contacts, as a consumer would run it; how many ended how, or wait.

        ``at_ms``: contact → when its change is said to have happened; otherwise long ago.
        """
        instance, wiring = self.scene.instance(direction), self.scene.wiring
        context = context_of(wiring, Directory.load(wiring), instance)
        records = Records(context, wiring.database, wiring.sealer)
        held = Held(wiring.leases, f"test:{uuid.uuid4().hex}")
        messages = [
            Message(
                uuid.uuid4().hex,
                Address(Lane(direction), instance.id),
                one,
                at_ms.get(one, 1),
                1,
                cause=cause,
            )
            for one in contacts
        ]
        result = Batch(context, records, held, wiring.settings.retry_ladder_s).run(messages)
        ids = {message.id for message in messages}
        with wiring.database.reading() as session:
            ended = [str(row.outcome) for row in session.query(models.Outcome) if row.message_id in ids]
        return Counter(ended) + Counter(waiting=len(result.back))

    def quiet(self, direction: str, contact_id: str) -> None:
        """Once more: nothing is left to do, and nothing is told."""
        again = self.sync(direction, contact_id)
        assert again.writes == {}
        assert again.outcome in ("unchanged", "filtered", "error")

    def new_writes(self) -> Writes:
        """What was written on either platform since the last look."""
        writes: Writes = {}
        for name, outside in (("hubspot", self.scene.hubspot), ("mainstay", self.scene.mainstay)):
            answer = HTTP.request("GET", f"{outside.url}/_sandbox/calls?since={self.heard[name]}").json()
            self.heard[name] = answer["last"]
            for call in answer["calls"]:
                for contact, fields in call["written"].items():
                    writes.setdefault((name, contact), set()).update(fields)
        return writes

    def links(self) -> dict[str, str]:
        """HubSpot id → Mainstay id."""
        with self.scene.wiring.database.reading() as session:
            return {row.hubspot_id: row.mainstay_id for row in session.query(models.Link)}

    def open_creates(self) -> int:
        """How many creates were sent and not answered yet, as far as is known."""
        with self.scene.wiring.database.reading() as session:
            return session.query(models.CreateIntent).count()

    def _kept(self) -> list[Any]:
        tables = (models.Link, models.CreateIntent, models.Outcome, models.SyncLogEntry, models.QueueMessage)
        kept: list[Any] = [sorted(self.links().items())]
        with self.scene.wiring.database.reading() as session:
            return kept + [session.query(table).count() for table in tables]


def next_record_id(folder: Path, number: int) -> dict[str, Any]:
    """The bench's options for a HubSpot whose next record gets this id."""
    portal = {"next_id": number, "merged_into": {}, "catalogue": [], "contacts": []}
    state = folder / "hubspot.json"
    state.write_text(json.dumps({"tokens": {}, "refresh_tokens": {}, "portals": {"62515": portal}}))
    return {"hubspot_options": {"state_file": state}}


@contextmanager
def bench(folder: Path, config: str, **options: Any) -> Iterator[Bench]:
    """A bench for one test, its configuration applied."""
    with Scene(folder, **options) as scene:
        scene.hubspot.set(webhooks=False)
        scene.mainstay.set(webhooks=False)
        scene.apply(config)
        yield Bench(scene)
