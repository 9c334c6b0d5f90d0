"""The shapes of problems, activity and home. Those of the command line's --json."""

from marshmallow import RAISE, Schema, fields, validate

from console.activities import STATES
from core.domain.codes import Code
from core.domain.fields import Direction
from core.store.counts import BOUND

_CODES = validate.OneOf([str(one) for one in Code])


class _In(Schema):
    class Meta:
        unknown = RAISE


class ProblemGroup(Schema):
    """A problem: one per cause. ``more``: there are more contacts than ``contacts`` tells."""

    instance = fields.String(allow_none=True)
    account = fields.String(allow_none=True)
    direction = fields.String()
    code = fields.String()
    title = fields.String()
    contacts = fields.Integer()
    more = fields.Boolean()
    first_seen = fields.String()
    last_seen = fields.String()
    who = fields.String()
    next_step = fields.String()
    state = fields.String()
    by = fields.String(allow_none=True)
    until = fields.String(allow_none=True)
    until_contacts = fields.Integer(allow_none=True)
    note = fields.String(allow_none=True)


class Which(_In):
    """Which problem: a code, and an instance or account where the code alone is not enough."""

    code = fields.String(required=True, validate=_CODES)
    instance = fields.String(load_default="")
    account = fields.String(load_default="")


class Retry(Which):
    """``first``: only the five contacts that wait longest, now."""

    first = fields.Boolean(load_default=False)


class Tried(Schema):
    """How one contact ended."""

    contact = fields.String()
    outcome = fields.String()
    code = fields.String(allow_none=True)


class Retried(Schema):
    """The job that tries all of them, or how the first ones ended."""

    job = fields.Integer(allow_none=True)
    tried = fields.List(fields.Nested(Tried))


class ProblemState(Which):
    """``until`` (a time to come) is needed to snooze; ``until_contacts`` may end it earlier."""

    state = fields.String(required=True, validate=validate.OneOf(["acknowledged", "snoozed", "open"]))
    until = fields.String(load_default="")
    until_contacts = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, BOUND))
    note = fields.String(load_default="", validate=validate.Length(max=500))


class Home(Schema):
    """How everything stands."""

    sentence = fields.String()
    waiting = fields.Integer(allow_none=True)
    in_sync = fields.String()
    excluded_24h = fields.String()
    failing = fields.String()
    tended = fields.String()
    dead_letters = fields.Integer()
    held = fields.List(fields.String())
    without_a_process = fields.List(fields.String())
    directions = fields.List(fields.Dict())
    problems = fields.List(fields.Nested(ProblemGroup))


class ActivityQuery(Schema):
    """What to show; ``before`` pages by the ``older`` of the last answer."""

    since = fields.String(load_default="")
    until = fields.String(load_default="")
    instance = fields.String(load_default="")
    direction = fields.String(load_default="", validate=validate.OneOf(["", *(str(d) for d in Direction)]))
    state = fields.String(load_default="", validate=validate.OneOf(["", *STATES]))
    code = fields.String(load_default="", validate=validate.OneOf(["", *(str(c) for c in Code)]))
    contact = fields.String(load_default="")
    job = fields.Integer(load_default=0, validate=validate.Range(0, 2**62))
    before = fields.Integer(load_default=0, validate=validate.Range(0, 2**62))
    limit = fields.Integer(load_default=100, validate=validate.Range(1, 1000))


class Happened(Schema):
    """What became of one change."""

    id = fields.Integer()
    at = fields.String()
    occurred_at = fields.String()
    instance = fields.String()
    direction = fields.String()
    hubspot_id = fields.String(allow_none=True)
    mainstay_id = fields.String(allow_none=True)
    outcome = fields.String()
    code = fields.String(allow_none=True)
    cause = fields.String()
    attempt = fields.Integer()
    filter = fields.List(fields.Dict())
    matching = fields.List(fields.Dict())
    fields_ = fields.List(fields.Dict(), attribute="fields", data_key="fields")
    notes = fields.List(fields.String())


class ActivityPage(Schema):
    """Newest first; ``older`` is null at the end."""

    entries = fields.List(fields.Nested(Happened))
    older = fields.Integer(allow_none=True)
