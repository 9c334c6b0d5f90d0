"""The shapes of what owners look after: users, the audit log."""

from marshmallow import RAISE, Schema, fields, validate

from console.access import Role
from console.people import LONGEST

_ROLE = validate.OneOf([str(one) for one in Role])


class _In(Schema):
    class Meta:
        unknown = RAISE


class NewUser(_In):
    """Somebody who may sign in."""

    email = fields.String(required=True, validate=validate.Length(1, LONGEST))
    role = fields.String(load_default=str(Role.VIEWER), validate=_ROLE)
    name = fields.String(load_default="", validate=validate.Length(max=LONGEST))


class NewRole(_In):
    """What a user may do from now on."""

    role = fields.String(required=True, validate=_ROLE)


class User(Schema):
    """A user of the console."""

    id = fields.Integer()
    email = fields.String()
    name = fields.String()
    role = fields.String()
    created_at = fields.String()
    disabled_at = fields.String(allow_none=True)


class Invited(User):
    """``link`` sets a password, once, within three days."""

    link = fields.String()


class AuditQuery(_In):
    """``action``: a whole action, such as contact.linked, or its first part. ``user``: a user's number."""

    since = fields.String(load_default="")
    until = fields.String(load_default="")
    action = fields.String(load_default="")
    user = fields.Integer(load_default=0, validate=validate.Range(0, 2**31 - 1))
    before = fields.Integer(load_default=0, validate=validate.Range(0, 2**53))
    limit = fields.Integer(load_default=100, validate=validate.Range(1, 1_000))


class AuditEntry(Schema):
    """One change; ``origin``: a network address, or the command line's machine."""

    id = fields.Integer()
    at = fields.String()
    who = fields.String()
    origin = fields.String()
    action = fields.String()
    subject = fields.String()
    details = fields.List(fields.String())


class AuditPage(Schema):
    """``older``: the next page's ``before``, null at the end."""

    entries = fields.List(fields.Nested(AuditEntry))
    older = fields.Integer(allow_none=True)
