"""The shapes of work on many contacts. Those of the command line's --json."""

from marshmallow import RAISE, Schema, fields, validate


class _In(Schema):
    class Meta:
        unknown = RAISE


class StartBackfill(_In):
    """Never more than ``max_creates`` creates; stops at ``max_errors`` errors."""

    max_creates = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1))
    max_errors = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1))


class Backfill(Schema):
    """How a backfill stands. ``outcomes``: how its contacts ended so far."""

    job = fields.Integer()
    instance = fields.String()
    state = fields.String()
    queued = fields.Integer()
    total = fields.Integer(allow_none=True)
    outcomes = fields.Dict(keys=fields.String(), values=fields.Integer())
    note = fields.String(allow_none=True)


class Example(Schema):
    """A contact of a verdict."""

    contact = fields.String()
    target = fields.String(allow_none=True)
    code = fields.String(allow_none=True)
    why = fields.String()


class Forecast(Schema):
    """What a backfill would do. ``would``: verdict → contacts; ``calls``: what finding out took."""

    instance = fields.String()
    direction = fields.String()
    contacts = fields.Integer()
    would = fields.Dict(keys=fields.String(), values=fields.Integer())
    codes = fields.Dict(keys=fields.String(), values=fields.Integer())
    examples = fields.Dict(keys=fields.String(), values=fields.List(fields.Nested(Example)))
    calls = fields.Dict(keys=fields.String(), values=fields.Integer())
    warning = fields.String(allow_none=True)


class StartSweep(_In):
    """Instead of the watermark: an RFC 3339 time, a date, or ``2h``. ``paced``: as a job."""

    since = fields.String(load_default="")
    paced = fields.Boolean(load_default=False)


class Swept(Schema):
    """How many contacts were queued; the job's number of a paced one."""

    queued = fields.Integer()
    job = fields.Integer()


class Reconcile(_In):
    """``fix`` queues what differs, is only in the source, or is gone. ``paced``: as a job."""

    fix = fields.Boolean(load_default=False)
    paced = fields.Boolean(load_default=False)


class WhatIf(_In):
    """``last``: so many of the newest events. ``configuration``: a file as JSON, of which this instance
    counts; without it, how the events ended is compared with what they would become today."""

    last = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    configuration = fields.Dict(load_default=None, allow_none=True)


class Ends(Schema):
    """How many contacts end otherwise."""

    before = fields.String()
    after = fields.String()
    contacts = fields.Integer()


class EndsOtherwise(Schema):
    """One contact that ends otherwise; ``fields``: the target's that are written otherwise."""

    contact = fields.String()
    before = fields.String()
    before_code = fields.String(allow_none=True)
    after = fields.String()
    after_code = fields.String(allow_none=True)
    fields_ = fields.List(fields.String(), attribute="fields", data_key="fields")
    why = fields.String()


class Diff(Schema):
    """The last events planned again. ``left``: contacts for which there was no time; ``not_asked``: those
    that a platform did not answer for."""

    instance = fields.String()
    events = fields.Integer()
    contacts = fields.Integer()
    looked_at = fields.Integer()
    left = fields.Integer()
    same = fields.Dict(keys=fields.String(), values=fields.Integer())
    turns = fields.List(fields.Nested(Ends))
    different = fields.List(fields.Nested(EndsOtherwise))
    not_asked = fields.List(fields.String())


class Compared(Schema):
    """How one contact compares. ``state``: in sync, differs, only here, only there, excluded, gone, error."""

    state = fields.String()
    contact = fields.String()
    counterpart = fields.String(allow_none=True)
    fields_ = fields.List(fields.String(), data_key="fields")
    code = fields.String(allow_none=True)
    why = fields.String(allow_none=True)


class Reconciled(Schema):
    """Every contact of both sides, and how many there are of each state; the job's number of a paced one."""

    instance = fields.String()
    direction = fields.String()
    contacts = fields.List(fields.Nested(Compared))
    counts = fields.Dict(keys=fields.String(), values=fields.Integer())
    job = fields.Integer()
    error = fields.Dict(keys=fields.String(), values=fields.String())
