"""The shapes of the API, for marshmallow and so for the OpenAPI document. Contract §4 names them."""

from marshmallow import RAISE, Schema, fields, validate

from core.domain.codes import Code
from core.domain.fields import Direction, Platform
from core.store import jobs


class _In(Schema):
    class Meta:
        unknown = RAISE


class Hold(Schema):
    """Why an account is held."""

    code = fields.String()
    detail = fields.String()
    since = fields.String()


class Account(Schema):
    """A connected account; ``portal_id`` for HubSpot, ``org_id`` for Mainstay."""

    platform = fields.String()
    name = fields.String()
    portal_id = fields.String()
    org_id = fields.String()
    instances = fields.List(fields.String())
    held = fields.Nested(Hold, allow_none=True)


class NewAccount(_In):
    """A token; the portal or organisation is the one that it belongs to."""

    platform = fields.String(required=True, validate=validate.OneOf([str(one) for one in Platform]))
    token = fields.String(required=True, validate=validate.Length(1), load_only=True)
    name = fields.String(load_default="", validate=validate.Length(max=180))


class Tested(Schema):
    """Whether an account's token works."""

    platform = fields.String()
    name = fields.String()
    portal_id = fields.String()
    org_id = fields.String()
    ok = fields.Boolean()
    problem = fields.String(allow_none=True)


class Row(Schema):
    """A mapping row."""

    mainstay = fields.String()
    hubspot = fields.String()
    when_empty = fields.String()
    options = fields.Dict(keys=fields.String(), values=fields.String())


class FilterRow(Schema):
    """A filter."""

    field = fields.String()
    values = fields.List(fields.String())


class Instance(Schema):
    """An instance, in the form of the configuration file, and how it stands."""

    id = fields.Integer()
    name = fields.String()
    description = fields.String()
    direction = fields.String()
    hubspot = fields.String()
    mainstay = fields.String()
    enabled = fields.Boolean()
    held = fields.String(allow_none=True)
    waiting = fields.Integer(allow_none=True)
    failing = fields.Integer()
    mapping_version = fields.Integer()
    created_at = fields.String()
    changed_at = fields.String()
    watermark = fields.String(allow_none=True)
    mappings = fields.List(fields.Nested(Row))
    filters = fields.List(fields.Nested(FilterRow))


class Apply(_In):
    """A configuration file (contract §3) as JSON. ${NAME} is not replaced."""

    configuration = fields.Dict(required=True)
    dry_run = fields.Boolean(load_default=False)
    prune = fields.Boolean(load_default=False)


class Change(Schema):
    """One line of a plan."""

    what = fields.String()
    name = fields.String()
    platform = fields.String()
    verb = fields.String()
    details = fields.List(fields.String())


class Applied(Schema):
    """What applying changed, or would change."""

    applied = fields.Boolean()
    changes = fields.List(fields.Nested(Change))


class Enable(_In):
    """From when on changes count: an RFC 3339 time or ``2h``; without it, from now. ``existing`` starts a
    backfill as well, which never makes more than ``max_creates`` contacts."""

    since = fields.String(load_default="")
    existing = fields.Boolean(load_default=False)
    max_creates = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1))


class Version(Schema):
    """One saved mapping."""

    number = fields.Integer()
    author = fields.String()
    created_at = fields.String()
    mappings = fields.List(fields.Nested(Row))
    filters = fields.List(fields.Nested(FilterRow))


class Restore(_In):
    """Whether to save it, or only to tell what would change."""

    dry_run = fields.Boolean(load_default=False)


class ContactArgument(_In):
    """``hubspot:ID``, ``mainstay:ID``, or a bare ID, which is the source's."""

    contact = fields.String(required=True, validate=validate.Length(1))


class AccountQuery(_In):
    """``account``: its name; without it every account is looked at."""

    account = fields.String(load_default="")


class Step(Schema):
    """A step of the matching."""

    rule = fields.String()
    result = fields.String()
    reason = fields.String()
    candidates = fields.List(fields.String())


class FieldChange(Schema):
    """A field before and after."""

    field = fields.String()
    before = fields.String(allow_none=True)
    after = fields.String(allow_none=True)
    reason = fields.String()
    action = fields.String()


class Problem(Schema):
    """A problem of a contact."""

    code = fields.String()
    field = fields.String()
    message = fields.String()


class Preview(Schema):
    """What a sync would do and why. ``changes``: the fields that it would write (``action`` write) or had to
    leave out (left out); ``fields``: all of them, also those that stay as they are."""

    outcome = fields.String()
    code = fields.String(allow_none=True)
    filter = fields.Dict()
    matching = fields.List(fields.Nested(Step))
    changes = fields.List(fields.Nested(FieldChange))
    fields_ = fields.List(fields.Nested(FieldChange), attribute="fields", data_key="fields")
    problems = fields.List(fields.Nested(Problem))
    notes = fields.List(fields.String())


class Synced(Schema):
    """How a sync by hand ended, and its story; empty parts of that are left out."""

    outcome = fields.String()
    code = fields.String(allow_none=True)
    why = fields.String(allow_none=True)
    filter = fields.List(fields.Dict())
    matching = fields.List(fields.Nested(Step))
    fields_ = fields.List(fields.Dict(), attribute="fields", data_key="fields")
    notes = fields.List(fields.String())


class Link(Schema):
    """A HubSpot record tied to a Mainstay contact."""

    hubspot_account = fields.String()
    mainstay_account = fields.String()
    hubspot_id = fields.String()
    mainstay_id = fields.String()
    agreed = fields.List(fields.String())
    seen = fields.Dict()
    writing_to = fields.String(allow_none=True)


class Timeline(Schema):
    """A contact's timeline, newest first."""

    links = fields.List(fields.Nested(Link))
    decisions = fields.List(fields.Dict())
    timeline = fields.List(fields.Dict())
    problems = fields.List(fields.Dict())
    dead_letters = fields.List(fields.Dict())


class JobQuery(Schema):
    """Which jobs; ``before`` pages by the id of the last one seen."""

    kind = fields.String(load_default="", validate=validate.OneOf(["", *jobs.KINDS]))
    state = fields.String(load_default="", validate=validate.OneOf(["", *jobs.STATES]))
    instance = fields.String(load_default="")
    before = fields.Integer(load_default=0, validate=validate.Range(0, 2**62))
    limit = fields.Integer(load_default=100, validate=validate.Range(1, 1000))


class Job(Schema):
    """Long work with progress. ``queued``: messages put into the queue; ``ended``: how many of ``total`` are
    through, by outcome in ``outcomes``; ``found``: a comparison's contacts by state."""

    id = fields.Integer()
    kind = fields.String()
    title = fields.String()
    instance_id = fields.Integer()
    instance = fields.String(allow_none=True)
    state = fields.String()
    total = fields.Integer(allow_none=True)
    queued = fields.Integer()
    ended = fields.Integer()
    outcomes = fields.Dict(keys=fields.String(), values=fields.Integer())
    found = fields.Dict(keys=fields.String(), values=fields.Integer())
    per_minute = fields.Integer(allow_none=True)
    seconds_left = fields.Integer(allow_none=True)
    note = fields.String()
    author = fields.String()
    started_at = fields.String()
    finished_at = fields.String(allow_none=True)


class LogQuery(Schema):
    """What to show of the Sync Log; ``before`` pages by the id of the last entry seen."""

    since = fields.String(load_default="")
    until = fields.String(load_default="")
    instance = fields.String(load_default="")
    direction = fields.String(load_default="", validate=validate.OneOf(["", *(str(d) for d in Direction)]))
    code = fields.String(load_default="", validate=validate.OneOf(["", *(str(c) for c in Code)]))
    contact = fields.String(load_default="")
    before = fields.Integer(load_default=0, validate=validate.Range(0, 2**62))
    limit = fields.Integer(load_default=100, validate=validate.Range(1, 1000))


class LogContact(Schema):
    """Whom an entry is about."""

    hubspot_id = fields.String(allow_none=True)
    mainstay_id = fields.String(allow_none=True)
    url = fields.String(allow_none=True)


class LogEntry(Schema):
    """A line of the Sync Log."""

    timestamp = fields.String()
    id = fields.Integer()
    integration = fields.String()
    instance = fields.String(allow_none=True)
    direction = fields.String()
    contact = fields.Nested(LogContact)
    code = fields.String()
    message = fields.String()


class DeadQuery(Schema):
    """Which dead letters."""

    instance = fields.String(load_default="")
    code = fields.String(load_default="", validate=validate.OneOf(["", *(str(c) for c in Code)]))
    direction = fields.String(load_default="", validate=validate.OneOf(["", *(str(d) for d in Direction)]))
    since = fields.String(load_default="")
    limit = fields.Integer(load_default=100, validate=validate.Range(1, 1000))


class DeadAction(_In):
    """Which dead letters to settle. ``everything`` true is needed where nothing narrows."""

    instance = fields.String(load_default="")
    direction = fields.String(load_default="", validate=validate.OneOf(["", *(str(d) for d in Direction)]))
    ids = fields.List(fields.Integer(), load_default=list)
    code = fields.String(load_default="", validate=validate.OneOf(["", *(str(c) for c in Code)]))
    since = fields.String(load_default="")
    limit = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1))
    everything = fields.Boolean(load_default=False)
    dry_run = fields.Boolean(load_default=False)


class DeadReplay(DeadAction):
    """Which to replay. ``paced`` leaves it to the scheduler, behind live changes: a job."""

    paced = fields.Boolean(load_default=False)


class DeadDiscard(DeadAction):
    """Which to discard. ``reason`` goes to the timeline and the audit log: no personal data."""

    reason = fields.String(load_default="", validate=validate.Length(max=500))


class DeadLetter(Schema):
    """A message that was given up."""

    id = fields.Integer()
    instance = fields.String()
    direction = fields.String()
    contact = fields.String()
    code = fields.String()
    message = fields.String()
    attempts = fields.Integer()
    first_failed_at = fields.String()
    last_failed_at = fields.String()


class DeadLetterShown(DeadLetter):
    """A dead letter with what its code means and what it asked for."""

    state = fields.String()
    title = fields.String()
    cause = fields.String()
    next_step = fields.String()
    queued_for = fields.String()


class ReplayPlan(Schema):
    """What a replay takes: contacts, calls at most by platform, minutes at most."""

    contacts = fields.Integer()
    calls = fields.Dict(keys=fields.String(), values=fields.Integer())
    minutes = fields.Integer()


class Replayed(Schema):
    """``count`` dead letters fit; so many were queued again, so many can't be read. ``job``: the replay's."""

    count = fields.Integer()
    queued = fields.Integer()
    unreadable = fields.Integer()
    job = fields.Integer(allow_none=True)
    dry_run = fields.Boolean()
    plan = fields.Nested(ReplayPlan)


class Discarded(Schema):
    """``count`` dead letters fit; so many were discarded."""

    count = fields.Integer()
    discarded = fields.Integer()
    dry_run = fields.Boolean()


class Status(Schema):
    """How things stand."""

    idle = fields.Boolean()
    queues = fields.Dict(keys=fields.String(), values=fields.Integer())
    instances = fields.List(fields.Dict())
    platforms = fields.List(fields.Dict())
    processes = fields.List(fields.Dict())
    jobs = fields.Integer()
