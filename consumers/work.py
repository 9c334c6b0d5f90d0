"""What a batch works on: one ``Work`` per contact, and the ``Context`` they share.

A Work goes through the stages of ``incoming.py``/``outgoing.py``; each stage fills in its part. As soon as it
is *decided* (an outcome, a failure, or a wait) the later stages leave it alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.domain.contacts import Contact
from core.domain.digests import digest
from core.domain.fields import Direction, Field, FieldType, Platform, WhenEmpty
from core.domain.filters import check
from core.domain.instances import Account, Instance
from core.domain.matching import Match
from core.domain.messages import Change, Message
from core.domain.outcomes import Action, FieldVerdict, Outcome, Problem, Story
from core.domain.values import canonical, parsed
from core.platforms.errors import PlatformError
from core.platforms.ports import HubSpot, Mainstay
from core.store.intents import Intent
from core.store.links import Link, Pair

SOON_S = 0.3  # a lease is held elsewhere: look again after this
MERGED_IDS = "hs_merged_object_ids"


@dataclass(slots=True)
class Work:
    """One contact of a batch. ``contact`` is its id on the source platform."""

    contact: str
    messages: list[Message]
    changes: Mapping[str, Change]
    link: Link | None = None
    intent: Intent | None = None
    source: Contact | None = None
    match: Match | None = None
    target: Contact | None = None  # as it was read before writing
    written: Contact | None = None  # the target as it answered after writing
    verdicts: list[FieldVerdict] = field(default_factory=list)
    crm_id: str = ""  # the CRM ID that Mainstay's contact is to get
    record_id: str = ""  # outgoing: the HubSpot record, once known
    story: Story = field(default_factory=Story)
    problems: list[Problem] = field(default_factory=list)
    outcome: Outcome | None = None
    failure: PlatformError | None = None
    wait_s: float | None = None
    called: set[Platform] = field(default_factory=set)
    follow_up: bool = False  # the other direction has something to carry
    rematched: bool = False
    existing_id: str = ""  # the record that a refused create named as holding the email
    lost: bool = False  # the link changed under us: look again

    @property
    def decided(self) -> bool:
        """Nothing more is to be done in this run."""
        return self.outcome is not None or self.failure is not None or self.wait_s is not None

    @property
    def by_hand(self) -> bool:
        """Somebody tried this contact again."""
        return any(message.cause.by_hand for message in self.messages)

    def end(self, outcome: Outcome, *problems: Problem, note: str = "") -> None:
        """This is the outcome."""
        self.outcome = outcome
        self.problems.extend(problems)
        if note:
            self.story.notes.append(note)

    def fail(self, error: PlatformError) -> None:
        """A platform did not do what was asked; ``batch.py`` decides what follows."""
        self.failure = error

    def wait(self, seconds: float) -> None:
        """Not now: look again later. Costs no try."""
        self.wait_s = seconds

    def erase(self) -> None:
        """The contact was deleted for privacy meanwhile: nothing of what this look found is kept."""
        self.outcome, self.failure, self.wait_s = Outcome.ERASED, None, None
        self.match = self.target = self.written = None
        self.problems, self.story, self.follow_up = [], Story(), False

    def tell_fields(self, target: Platform) -> None:
        """Put the verdicts, as they stand, into the timeline."""
        self.story.fields = [verdict.told(verdict.row.side(target).name) for verdict in self.verdicts]

    def traces(self) -> list[str]:
        """The traceparents of the requests that asked for this look; mass work has none."""
        return list(dict.fromkeys(message.trace for message in self.messages if message.trace))

    def to_write(self) -> list[FieldVerdict]:
        """The fields that the plan writes."""
        return [verdict for verdict in self.verdicts if verdict.action is Action.WRITE]


def folded(messages: Iterable[Message]) -> dict[str, Change]:
    """The changes of several messages of one contact: per field the latest value, with the earliest time
    at which that value was told."""
    changes: dict[str, Change] = {}
    for message in sorted(messages, key=lambda one: one.occurred_at_ms):
        for name, change in message.changes.items():
            known = changes.get(name)
            if known is not None and known.digest == change.digest:
                changes[name] = Change(change.digest, min(known.at_ms, change.at_ms))
            elif known is None or change.at_ms >= known.at_ms:
                changes[name] = change
    return changes


@dataclass(slots=True)
class Context:
    """What all contacts of a batch share. ``opposites``: the enabled instances of the other direction between
    the same two accounts. ``stopping`` says that the process was asked to end."""

    instance: Instance
    opposites: Sequence[Instance]
    hubspot: HubSpot
    mainstay: Mainstay
    key: bytes = field(repr=False)
    region: str
    clock: Callable[[], int]
    search_lag_s: float
    contact_url: str | None = None
    stopping: Callable[[], bool] = lambda: False

    @property
    def direction(self) -> Direction:
        """The instance's direction."""
        return self.instance.direction

    @property
    def pair(self) -> Pair:
        """The two accounts, as links know them."""
        return Pair(self.instance.hubspot.id, self.instance.mainstay.id)

    def account(self, platform: Platform) -> Account:
        """The account on one side."""
        return self.instance.hubspot if platform is Platform.HUBSPOT else self.instance.mainstay

    def digest(self, platform: Platform, name: str, value: str) -> str:
        """The keyed digest of a canonical value."""
        return digest(self.key, platform, name, value)

    def canonical(self, of: Field, platform: Platform, contact: Contact | None) -> str:
        """A contact's value of a field, canonical; "" without a contact."""
        if contact is None:
            return ""
        return canonical(of, platform, contact.values.get(of.name), self.region)

    def value(self, contact: Contact | None, mainstay_field: str) -> str:
        """The canonical value of the row of a Mainstay field on the contact's own side, "" if not mapped."""
        row = self.instance.mapping.row_for(mainstay_field)
        if row is None or contact is None:
            return ""
        return self.canonical(row.side(contact.platform), contact.platform, contact)

    def phone(self, contact: Contact | None) -> str:
        """A contact's phone, canonical: where it stands in a property of text, what that text says."""
        value = self.value(contact, "phone")
        return parsed(FieldType.PHONE, value, self.region) or value

    def two_way(self, target: Contact | None) -> dict[str, WhenEmpty]:
        """The rows that an enabled opposite instance carries back for this target contact: row key → its
        ``when_empty``. The source contact is known to pass the own filter."""
        if target is None or target.left_out:
            return {}
        rows: dict[str, WhenEmpty] = {}
        for opposite in self.opposites:
            if check(opposite.mapping, target.values, target.platform, self.region).passed:
                rows.update((row.key, row.when_empty) for row in opposite.mapping.value_rows)
        return rows

    def hubspot_names(self) -> list[str]:
        """The properties to ask HubSpot for: mapped and filtered ones, of the opposite instances too."""
        names = [MERGED_IDS]
        for instance in (self.instance, *self.opposites):
            names += [row.hubspot.name for row in instance.mapping.rows]
            if instance.direction.source is Platform.HUBSPOT:
                names += [one.field.name for one in instance.mapping.filters]
        return list(dict.fromkeys(names))

    def fingerprint(self, source: Contact | None, counterpart: str | None = None) -> str:
        """A digest of all source values that matter: the same as long as the contact did not change.

        ``counterpart``: the id on the other side. Where we wrote it into the source, that is no change.
        """
        if source is None:
            return ""
        fields: dict[str, Field] = {
            row.side(source.platform).name: row.side(source.platform) for row in self.instance.mapping.rows
        }
        fields.update((one.field.name, one.field) for one in self.instance.mapping.filters)
        values = {name: self.canonical(fields[name], source.platform, source) for name in sorted(fields)}
        id_row = self.instance.mapping.id_row
        ours = id_row.side(source.platform).name if id_row is not None else ""
        if source.platform is Platform.HUBSPOT and values.get(ours) == counterpart:
            values[ours] = ""
        crm_id = source.crm_id if source.platform is Platform.MAINSTAY else ""
        told = [f"{name}={value}" for name, value in values.items()]
        told.append("" if crm_id == counterpart else crm_id)
        return self.digest(source.platform, "fingerprint", "\0".join(told))

    def mainstay_url(self, contact_id: str, contact: Contact | None) -> str | None:
        """The link to a contact's page in Mainstay, where one is known."""
        if contact is not None and contact.url:
            return contact.url
        return self.contact_url.replace("{id}", contact_id) if self.contact_url and contact_id else None


def open_works(works: Iterable[Work]) -> list[Work]:
    """Those that are not decided yet."""
    return [work for work in works if not work.decided]
