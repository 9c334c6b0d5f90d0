"""The shapes of what people do with one contact: find it, link, unlink, take away what is kept, erase."""

from marshmallow import RAISE, Schema, fields, validate

from console.contacts.finding import LONGEST


class _In(Schema):
    class Meta:
        unknown = RAISE


class Find(_In):
    """An id, email, phone or name. It travels in the body, so that it stands in no address."""

    text = fields.String(required=True, validate=validate.Length(1, LONGEST))


class Place(Schema):
    """A contact of an account."""

    platform = fields.String()
    account = fields.String()
    id = fields.String()


class Candidate(Place):
    """Somebody who fits; ``kept_only``: only Crosswalk still knows the id."""

    name = fields.String()
    email = fields.String()
    linked = fields.List(fields.Nested(Place))
    kept_only = fields.Boolean()


class Found(Schema):
    """Whom a search found. ``problems``: accounts that could not be asked. ``walked``: how many contacts of a
    longer list were looked through."""

    contacts = fields.List(fields.Nested(Candidate))
    problems = fields.List(fields.String())
    walked = fields.Integer()


class Couple(_In):
    """A HubSpot record and a Mainstay contact. ``hubspot``, ``mainstay``: names of their accounts, needed
    where there are several."""

    hubspot_id = fields.String(required=True, validate=validate.Length(1, 80))
    mainstay_id = fields.String(required=True, validate=validate.Length(1, 80))
    hubspot = fields.String(load_default="")
    mainstay = fields.String(load_default="")
    dry_run = fields.Boolean(load_default=False)


class Unlink(Couple):
    """``take_crm_id``: also take the CRM ID from Mainstay's contact where it is this record's."""

    take_crm_id = fields.Boolean(load_default=False)


class Effects(Schema):
    """What it brings about, in sentences; ``done`` is false for a dry run."""

    effects = fields.List(fields.String())
    done = fields.Boolean()


class Whom(_In):
    """``hubspot:ID``, ``mainstay:ID``, or a bare ID; ``account``: needed where two accounts can be meant."""

    contact = fields.String(required=True, validate=validate.Length(1, 80))
    account = fields.String(load_default="")


class Erase(Whom):
    """``dry_run``: only tell whom it reaches."""

    dry_run = fields.Boolean(load_default=False)


class Erased(Schema):
    """Whom it reached. ``queue_cleared``: false where the queue did not answer; what waits there ends at the
    tombstone. ``rows`` is 0 for a dry run."""

    contacts = fields.List(fields.Nested(Place))
    rows = fields.Integer()
    queue_cleared = fields.Boolean()
    done = fields.Boolean()
