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
