"""The tables. Times are epoch milliseconds (``…_ms``); no table holds a contact's value in clear.

Only modules of this folder use these classes; the rest of the house sees plain data. A change here needs a
migration in ``migrations/`` (a wiring test compares the two).
"""

from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself for INTEGER only


class Base(DeclarativeBase):
    """All tables of Crosswalk."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        dict[str, Any]: JSON,
        list[Any]: JSON,
        int: BigInteger,
        str: String,
    }


class Key(Base):
    """Keys made by the deployment itself: ``digest`` (see domain/digests.py). Encrypted."""

    __tablename__ = "keys"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class Account(Base):
    """A connected portal or organisation. ``sealed`` holds the credentials, encrypted."""

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("platform", "name"), UniqueConstraint("platform", "external_id"))
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    platform: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(200))
    external_id: Mapped[str] = mapped_column(String(200))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    credential_version: Mapped[int] = mapped_column(default=1)
    field_types: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at_ms: Mapped[int]
    held_code: Mapped[str | None] = mapped_column(String(60))  # set = held
    held_detail: Mapped[str | None] = mapped_column(String(500))
    held_since_ms: Mapped[int | None]
    held_version: Mapped[int | None]  # the credential version that failed
    next_probe_ms: Mapped[int] = mapped_column(default=0)
    failing: Mapped[list[Any]] = mapped_column(default=list)  # contacts that failed since the last success
    recovered_at_ms: Mapped[int] = mapped_column(
        default=0, server_default="0"
    )  # the last success after failures


class Catalogue(Base):
    """A platform's fields, as last fetched."""

    __tablename__ = "catalogues"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    fields: Mapped[list[Any]]
    fetched_at_ms: Mapped[int]


class Instance(Base):
    """An integration instance. A deleted one stays, nameless to the outside, for links and log."""

    __tablename__ = "instances"
    __table_args__ = (
        UniqueConstraint("name"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))  # a deleted one is renamed "name (deleted 7)"
    description: Mapped[str] = mapped_column(Text, default="")
    direction: Mapped[str] = mapped_column(String(10))
    hubspot_account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    mainstay_account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    enabled: Mapped[bool]
    mapping_version: Mapped[int] = mapped_column(default=1)
    created_at_ms: Mapped[int]
    changed_at_ms: Mapped[int]
    first_enabled_at_ms: Mapped[int | None]
    disabled_at_ms: Mapped[int | None]
    deleted_at_ms: Mapped[int | None]


class MappingVersion(Base):
    """Every saved mapping: rows and filters with their resolved fields."""

    __tablename__ = "mapping_versions"
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    document: Mapped[dict[str, Any]]
    author: Mapped[str] = mapped_column(String(200), default="")
    created_at_ms: Mapped[int]


class Link(Base):
    """One HubSpot record of a portal tied to one Mainstay contact of an organisation.

    ``agreed``: row key → [Mainstay digest, HubSpot digest] both sides last had; ``m:name``/``h:name`` → the
    digest of a filter field when last looked at. ``sent``: what is being written (see store/links.py).
    ``seen``: row key → [Mainstay digest, ms] of a Mainstay value not yet agreed. ``version`` is the fence.
    """

    __tablename__ = "links"
    __table_args__ = (
        UniqueConstraint("hubspot_account_id", "mainstay_account_id", "hubspot_id"),
        UniqueConstraint("hubspot_account_id", "mainstay_account_id", "mainstay_id"),
        Index("links_mainstay", "mainstay_account_id", "mainstay_id"),
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    hubspot_account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    mainstay_account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    hubspot_id: Mapped[str] = mapped_column(String(60))
    mainstay_id: Mapped[str] = mapped_column(String(60))
    agreed: Mapped[dict[str, Any]] = mapped_column(default=dict)
    sent: Mapped[dict[str, Any]] = mapped_column(default=dict)
    seen: Mapped[dict[str, Any]] = mapped_column(default=dict)
    unsettled: Mapped[list[Any]] = mapped_column(default=list)  # instances that skipped a change of it
    phone: Mapped[str | None] = mapped_column(String(40))  # digest of Mainstay's phone when last looked at
    previous_phone: Mapped[str | None] = mapped_column(String(40))  # and of the one before
    version: Mapped[int] = mapped_column(default=1)
    created_at_ms: Mapped[int]
    changed_at_ms: Mapped[int]


class CreateIntent(Base):
    """A create about to be sent. ``sealed`` holds the keys it sent (encrypted) until it is closed."""

    __tablename__ = "create_intents"
    __table_args__ = (UniqueConstraint("source_account_id", "contact", "target_account_id"),)
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    source_account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    contact: Mapped[str] = mapped_column(String(60))
    target_account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at_ms: Mapped[int]


class Outcome(Base):
    """What became of one message: unique per message and generation. Field names, no values. Kept 30 days."""

    __tablename__ = "outcomes"
    __table_args__ = (
        UniqueConstraint("message_id", "generation"),
        Index("outcomes_outcome", "instance_id", "outcome", "id"),
        Index(
            "outcomes_code",
            *("instance_id", "code", "id"),
            postgresql_where=text("code IS NOT NULL"),
            sqlite_where=text("code IS NOT NULL"),
        ),
        Index("outcomes_hubspot", "hubspot_account_id", "hubspot_id"),
        Index("outcomes_mainstay", "mainstay_account_id", "mainstay_id"),
        Index("outcomes_time", "finished_at_ms"),
        Index(
            "outcomes_job",
            "job_id",
            "finished_at_ms",
            "outcome",
            postgresql_where=text("job_id > 0"),  # most messages belong to no job
            sqlite_where=text("job_id > 0"),
        ),
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    message_id: Mapped[str] = mapped_column(String(40))
    generation: Mapped[int] = mapped_column(default=0)
    instance_id: Mapped[int] = mapped_column(default=0)  # 0 = the account's business
    hubspot_account_id: Mapped[int]
    mainstay_account_id: Mapped[int] = mapped_column(default=0)
    direction: Mapped[str] = mapped_column(String(10))
    hubspot_id: Mapped[str | None] = mapped_column(String(60))
    mainstay_id: Mapped[str | None] = mapped_column(String(60))
    outcome: Mapped[str] = mapped_column(String(20))
    code: Mapped[str | None] = mapped_column(String(60))
    cause: Mapped[str] = mapped_column(String(20))
    attempt: Mapped[int] = mapped_column(default=0)
    story: Mapped[dict[str, Any]] = mapped_column(default=dict)  # filter, matching steps, fields: reasons
    mapping_version: Mapped[int] = mapped_column(default=0)
    job_id: Mapped[int] = mapped_column(default=0)
    occurred_at_ms: Mapped[int]
    accepted_at_ms: Mapped[int]
    finished_at_ms: Mapped[int]


class SyncLogEntry(Base):
    """One error of one contact, told once. ``fingerprint``: digest of the source values it was about."""

    __tablename__ = "sync_log"
    __table_args__ = (
        Index("sync_log_time", "at_ms"),
        Index("sync_log_open", "instance_id", "contact", "resolved_at_ms"),
        Index("sync_log_code", "instance_id", "code", "at_ms", "id"),
        Index("sync_log_hubspot", "hubspot_id"),
        Index("sync_log_mainstay", "mainstay_id"),
        Index("sync_log_over", "retold_at_ms", "resolved_at_ms"),
        # Everything that the Problems page counts, of the open entries only.
        Index(
            "sync_log_problems",
            *("instance_id", "account_id", "code", "at_ms", "contact"),
            postgresql_where=text("resolved_at_ms IS NULL"),
            sqlite_where=text("resolved_at_ms IS NULL"),
        ),
        Index(
            "sync_log_first",
            *("instance_id", "account_id", "code", "first_at_ms"),
            postgresql_where=text("resolved_at_ms IS NULL AND first_at_ms IS NOT NULL"),
            sqlite_where=text("resolved_at_ms IS NULL AND first_at_ms IS NOT NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    at_ms: Mapped[int]
    instance_id: Mapped[int] = mapped_column(default=0)
    account_id: Mapped[int] = mapped_column(default=0)  # for problems of an account (held)
    direction: Mapped[str] = mapped_column(String(10))
    contact: Mapped[str] = mapped_column(String(80), default="")  # "hubspot:1" or "mainstay:x": the source's
    hubspot_id: Mapped[str | None] = mapped_column(String(60))
    mainstay_id: Mapped[str | None] = mapped_column(String(60))
    url: Mapped[str | None] = mapped_column(String(500))
    code: Mapped[str] = mapped_column(String(60))
    field: Mapped[str] = mapped_column(String(300), default="")
    message: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(String(40), default="")
    resolved_at_ms: Mapped[int | None]
    first_at_ms: Mapped[int | None]  # of the first entry that this one tells again, None = it is the first
    retold_at_ms: Mapped[int | None]  # closed because a later entry tells the same, so nothing was resolved


class ProblemState(Base):
    """What somebody said about a cause of problems: looked after, or left alone until a time or a number of
    contacts. No row = open. When it stops counting: store/problems.py."""

    __tablename__ = "problem_states"
    instance_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    code: Mapped[str] = mapped_column(String(60), primary_key=True)
    state: Mapped[str] = mapped_column(String(12))  # acknowledged | snoozed
    who: Mapped[str] = mapped_column(String(200))
    note: Mapped[str] = mapped_column(String(500), default="")
    at_ms: Mapped[int]
    until_ms: Mapped[int | None]
    until_contacts: Mapped[int | None]


class DeadLetter(Base):
    """A message that was given up. It can be replayed (published again) or discarded, once."""

    __tablename__ = "dead_letters"
    __table_args__ = (
        UniqueConstraint("message_id", "generation"),
        Index("dead_letters_state", "state", "id"),
        Index("dead_letters_contact", "contact"),
    )
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    message_id: Mapped[str] = mapped_column(String(40))
    generation: Mapped[int] = mapped_column(default=0)
    lane: Mapped[str] = mapped_column(String(10))
    instance_id: Mapped[int] = mapped_column(default=0)
    account_id: Mapped[int] = mapped_column(default=0)
    contact: Mapped[str] = mapped_column(String(80), default="")
    code: Mapped[str] = mapped_column(String(60))
    message: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int]
    first_failed_at_ms: Mapped[int]
    last_failed_at_ms: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)  # the queue's bytes: ids and digests
    state: Mapped[str] = mapped_column(String(12), default="dead")  # dead | replayed | discarded
    settled_at_ms: Mapped[int | None]
    settled_by: Mapped[str | None] = mapped_column(String(200))  # who replayed or discarded it
    reason: Mapped[str | None] = mapped_column(Text)  # why it was discarded, in their words


class Watermark(Base):
    """How far an instance's sweep has come (epoch ms of the source's modified time)."""

    __tablename__ = "watermarks"
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id"), primary_key=True)
    modified_ms: Mapped[int]
    first_ms: Mapped[int] = mapped_column(default=0)  # when it was enabled last, our clock
    swept_at_ms: Mapped[int] = mapped_column(default=0)
    nightly_at_ms: Mapped[int] = mapped_column(default=0)


class Job(Base):
    """Long work with progress: sweep, backfill, replay. ``cursor`` is where it goes on after a stop."""

    __tablename__ = "jobs"
    __table_args__ = (Index("jobs_state", "state"),)
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    instance_id: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(12))  # running | paused | done | stopped | failed
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    cursor: Mapped[str] = mapped_column(Text, default="")
    total: Mapped[int | None]
    queued: Mapped[int] = mapped_column(default=0)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    per_minute: Mapped[int | None]  # how many came to their end in the last minute of its work
    note: Mapped[str] = mapped_column(Text, default="")
    author: Mapped[str] = mapped_column(String(200), default="")
    started_at_ms: Mapped[int]
    beat_at_ms: Mapped[int]
    owner: Mapped[str] = mapped_column(String(80), default="")
    finished_at_ms: Mapped[int | None]


class Tombstone(Base):
    """A contact whose privacy was asked for (and its linked ones): waiting messages about it end here."""

    __tablename__ = "tombstones"
    account_id: Mapped[int] = mapped_column(primary_key=True)
    contact: Mapped[str] = mapped_column(String(40), primary_key=True)  # keyed digest of the id
    at_ms: Mapped[int]


class QueueMessage(Base):
    """The embedded queue (queue/sql.py)."""

    __tablename__ = "queue_messages"
    __table_args__ = (Index("queue_messages_due", "queue", "due_at_ms", "id"),)
    id: Mapped[int] = mapped_column(Id, primary_key=True)
    queue: Mapped[str] = mapped_column(String(40))
    message_id: Mapped[str] = mapped_column(String(40))
    contact: Mapped[str] = mapped_column(String(80))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    due_at_ms: Mapped[int]
    waiting: Mapped[bool] = mapped_column(default=False)  # put back to wait (the retry ladder)
    lease_until_ms: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str] = mapped_column(String(80), default="")
    fence: Mapped[int] = mapped_column(default=0)
    deliveries: Mapped[int] = mapped_column(default=0)
    enqueued_at_ms: Mapped[int]


class Lease(Base):
    """Try-locks without Redis (coordination/sql.py)."""

    __tablename__ = "leases"
    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    owner: Mapped[str] = mapped_column(String(80))
    until_ms: Mapped[int]


class Budget(Base):
    """Rate budgets without Redis: the reserved slots of the running window (coordination/sql.py)."""

    __tablename__ = "budgets"
    bucket: Mapped[str] = mapped_column(String(80), primary_key=True)
    slots: Mapped[list[Any]] = mapped_column(default=list)
    paused_until_ms: Mapped[int] = mapped_column(default=0)


class Process(Base):
    """Who runs: for `crosswalk status`. A row is fresh for a minute."""

    __tablename__ = "processes"
    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    role: Mapped[str] = mapped_column(String(20))
    started_at_ms: Mapped[int]
    beat_at_ms: Mapped[int]
    in_flight: Mapped[int] = mapped_column(default=0)  # messages it has and no queue's depth shows


class Suspect(Base):
    """A message that came back unsettled or broke its batch: processed alone. ``tries`` counts those."""

    __tablename__ = "suspects"
    message_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tries: Mapped[int] = mapped_column(default=0)
    at_ms: Mapped[int]
