"""A state machine over the whole product: random edits, merges, deletions, duplicate, late and lost webhooks,
faults and restarts on both sides; then everything settles, and the laws are looked at.

The laws (contract.md §8): two-way fields agree (blanks under ``keep`` aside), links are one to one, no
contact was made twice, no create is left open, no write happens in the quiet.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from consumers.jobs.sweep import sweep
from core.domain.fields import Direction
from core.store import models
from tests.end_to_end.scene import Scene, configuration

FIELDS = (
    ("first_name", "firstname"),
    ("last_name", "lastname"),
    ("email", "email"),
    ("custom.Notes", "city"),
)
ROWS = """
      - {mainstay: first_name, hubspot: firstname}
      - {mainstay: last_name,  hubspot: lastname}
      - {mainstay: phone,      hubspot: phone}
      - {mainstay: email,      hubspot: email}
      - {mainstay: custom.Notes, hubspot: city}
"""
STEPS = (
    "new_record",
    "new_contact",
    "edit_record",
    "edit_record",
    "edit_contact",
    "edit_contact",
    "edit_both",
    "new_phone",
    "merge",
    "delete",
    "fault",
    "lose",
    "noise",
    "restart",
)
FAULTS = (
    {"kind": "500", "times": 2},
    {"kind": "503", "times": 2},
    {"kind": "429", "times": 2},
    {"kind": "garbage", "times": 1},
    {"kind": "reset", "times": 1},
    {"kind": "apply-then-reset", "times": 1, "method": "POST"},
    {"kind": "apply-then-reset", "times": 1, "method": "PATCH"},
)


@dataclass(slots=True)
class World:
    """Drives a scene with a seeded random source. ``told`` lists what was done, for a failure's report."""

    scene: Scene
    seed: int
    told: list[str] = field(default_factory=list)
    number: int = 0
    random: Random = field(init=False)
    people: set[str] = field(default_factory=set)  # phones of everybody who was ever made
    gone: set[str] = field(default_factory=set)  # phones of records that were deleted or merged away

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    def begin(self) -> None:
        """Two enabled instances with two-way fields, and the consumers."""
        self.scene.mainstay.post("custom-fields", name="Notes")
        self.scene.apply(configuration("incoming", "outgoing", mappings=ROWS))
        self.scene.start()

    def step(self, name: str = "") -> None:
        """One thing happens: the named one, or a random one."""
        name = name or self.random.choice(STEPS)
        told = getattr(self, f"_{name}")()
        self.told.append(f"{name}: {told}")

    def finish(self) -> None:
        """Faults end, lost events are swept for, everything comes to rest."""
        for side in (self.scene.hubspot, self.scene.mainstay):
            side.mend()
            side.set(lose_next=0, duplicate_deliveries=False, shuffle_deliveries=False, delivery_delay_s=0.0)
        self.scene.settle(60)
        for direction in Direction:
            sweep(self.scene.wiring, self.scene.instance(direction), since_ms=1)
        self.scene.settle(60)
        if self._replay():
            self.scene.settle(60)

    def _replay(self) -> int:
        """What was given up during the faults is replayed, as an operator would."""
        from consumers.jobs.replaying import replay
        from core.store.dead_letters import Search

        return replay(self.scene.wiring, Search()).queued

    def check(self) -> None:
        """The laws. The message of a failed one tells the seed and the steps."""
        story = f"seed {self.seed}\n" + "\n".join(self.told)
        records = {one["id"]: one for one in self.scene.hubspot.all()}
        contacts = {one["id"]: one for one in self.scene.mainstay.all()}
        with self.scene.wiring.database.reading() as session:
            rows = session.query(models.Link)
            links = [(row.hubspot_id, row.mainstay_id, dict(row.sent)) for row in rows]
            conflicts = {row.mainstay_id for row in session.query(models.SyncLogEntry)}
            open_intents = session.query(models.CreateIntent).count()
        assert len({h for h, _, _ in links}) == len({m for _, m, _ in links}) == len(links), (
            f"links are not one to one\n{story}"
        )
        assert open_intents == 0, f"{open_intents} open intents\n{story}"
        for phone in self.people:
            same = [c for c in contacts.values() if c["phone"] == phone]
            assert len(same) <= 1, f"{phone}: {same}\n{story}"
            mine = [r for r in records.values() if str(r.get("phone") or "").endswith(phone)]
            assert len(mine) <= 1, f"{phone}: {mine}\n{story}"
        for hubspot_id, mainstay_id, sent in links:
            assert not sent, f"link {hubspot_id} {mainstay_id} has an open write {sent}\n{story}"
            record, contact = records.get(hubspot_id), contacts.get(mainstay_id)
            if record is None or contact is None or mainstay_id in conflicts:
                continue
            for ours, theirs in FIELDS:
                here = contact["custom"].get("Notes") if ours == "custom.Notes" else contact.get(ours)
                there = record.get(theirs)
                assert not here or not there or here == there, f"{ours}: {here!r} {there!r}\n{story}"
        before = self._writes()
        self.scene.settle(20)
        assert self._writes() == before, f"writes in the quiet\n{story}"

    def _writes(self) -> int:
        return sum(
            int(one["total_writes"])
            for side in (self.scene.hubspot, self.scene.mainstay)
            for one in side.counters()["accounts"].values()
        )

    def _phone(self) -> str:
        self.number += 1
        phone = f"617{2000000 + self.seed % 1000 * 1000 + self.number:07d}"
        self.people.add(phone)
        return phone

    def _text(self) -> str:
        return self.random.choice(("Ana", "Ben", "Chloë", "Dmitri", "Eva", "Fay", "O’Neil", "van der Berg"))

    def _values(self) -> dict[str, Any]:
        chosen = self.random.sample(FIELDS, self.random.randint(1, 2))
        values: dict[str, Any] = {}
        for ours, _ in chosen:
            self.number += 1
            values[ours] = (
                f"p{self.number}@example.edu" if ours == "email" else f"{self._text()} {self.number}"
            )
        return values

    def _new_record(self) -> str:
        values = {"firstname": self._text(), "lastname": self._text(), "phone": self._phone()}
        if self.random.random() < 0.7:
            values["email"] = f"r{self.number}@example.edu"
        return self.scene.hubspot.create(**values)

    def _new_contact(self) -> str:
        values = {"first_name": self._text(), "last_name": self._text(), "phone": self._phone()}
        if self.random.random() < 0.7:
            values["email"] = f"c{self.number}@example.edu"
        return self.scene.mainstay.create(**values)

    def _some(self, side: str) -> str:
        ids = [one["id"] for one in getattr(self.scene, side).all()]
        return self.random.choice(ids) if ids else ""

    def _edit_record(self) -> str:
        record = self._some("hubspot")
        if record:
            values = {
                theirs: value for ours, value in self._values().items() for o, theirs in FIELDS if o == ours
            }
            self.scene.hubspot.edit(record, **values)
            return f"{record} {values}"
        return "nobody"

    def _edit_contact(self) -> str:
        contact = self._some("mainstay")
        return self._edit(contact, self._values()) if contact else "nobody"

    def _edit(self, contact: str, values: dict[str, Any]) -> str:
        notes = values.pop("custom.Notes", None)
        self.scene.mainstay.edit(contact, **values, **({"custom": {"Notes": notes}} if notes else {}))
        return f"{contact} {values} {notes}"

    def _edit_both(self) -> str:
        linked = [one for one in self.scene.mainstay.all() if one["crm_id"]]
        if not linked:
            return "nobody"
        contact = self.random.choice(linked)
        self.number += 1
        first, second = (self.scene.hubspot, self.scene.mainstay)
        try:
            first.edit(contact["crm_id"], lastname=f"H{self.number}")
        except AssertionError:
            return "the record is gone"
        second.edit(contact["id"], last_name=f"M{self.number}")
        return f"{contact['id']} {contact['crm_id']} {self.number}"

    def _new_phone(self) -> str:
        contact = self._some("mainstay")
        return self._edit(contact, {"phone": self._phone()}) if contact else "nobody"

    def _merge(self) -> str:
        ids = [one["id"] for one in self.scene.hubspot.all()]
        if len(ids) < 4:
            return "too few"
        primary, other = self.random.sample(ids, 2)
        survivor = self.scene.hubspot.post("merge", primary=primary, other=other)["id"]
        return f"{primary} + {other} = {survivor}"

    def _delete(self) -> str:
        ids = [one["id"] for one in self.scene.hubspot.all()]
        if len(ids) < 4:
            return "too few"
        record = self.random.choice(ids)
        self.scene.hubspot.archive(record)
        return record

    def _fault(self) -> str:
        side = self.random.choice(("hubspot", "mainstay"))
        rule = dict(self.random.choice(FAULTS))
        getattr(self.scene, side).fault(**rule)
        return f"{side} {rule}"

    def _lose(self) -> str:
        side = self.random.choice(("hubspot", "mainstay"))
        getattr(self.scene, side).set(lose_next=self.random.randint(1, 2))
        return side

    def _noise(self) -> str:
        side = self.random.choice(("hubspot", "mainstay"))
        switch = self.random.choice(
            (
                {"duplicate_deliveries": True},
                {"shuffle_deliveries": True},
                {"delivery_delay_s": 0.3},
                {"duplicate_deliveries": False, "shuffle_deliveries": False, "delivery_delay_s": 0.0},
            )
        )
        getattr(self.scene, side).set(**switch)
        return f"{side} {switch}"

    def _restart(self) -> str:
        self.scene.stop()
        self.scene.start()
        return "consumers"
