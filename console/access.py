"""Who may do what in the console and in the JSON API. Checked on the server, for every route."""

from enum import StrEnum


class Right(StrEnum):
    """What a route asks for."""

    VIEW = "view"
    PERSONAL = "personal"  # contacts' values in clear; masked otherwise (console/masking.py)
    TRIAGE = "triage"  # problems: try again, acknowledge, snooze
    CONFIGURE = "configure"  # accounts, instances, mappings, syncs by hand
    OPERATE = "operate"  # dead letters, jobs
    OWN = "own"  # users, API tokens, the audit log


class Role(StrEnum):
    """What a user is."""

    VIEWER = "viewer"
    ADMIN = "integration-admin"
    OPERATOR = "operator"
    OWNER = "owner"

    @property
    def title(self) -> str:  # type: ignore[override]
        """As people read it."""
        return _TITLES[self]

    @property
    def explained(self) -> str:
        """One line for whoever gives the role."""
        return _EXPLAINED[self]

    def may(self, right: Right) -> bool:
        """Whether this role has the right."""
        return right in _RIGHTS[self]


_TITLES = {
    Role.VIEWER: "Viewer",
    Role.ADMIN: "Integration admin",
    Role.OPERATOR: "Operator",
    Role.OWNER: "Owner",
}
_EXPLAINED = {
    Role.VIEWER: "sees everything but contacts' personal data, changes nothing",
    Role.ADMIN: "connects accounts, sets integrations up, retries contacts",
    Role.OPERATOR: "looks after dead letters, queues and running jobs",
    Role.OWNER: "everything, including users and API tokens",
}
_RIGHTS = {
    Role.VIEWER: frozenset({Right.VIEW}),
    Role.ADMIN: frozenset({Right.VIEW, Right.PERSONAL, Right.TRIAGE, Right.CONFIGURE}),
    Role.OPERATOR: frozenset({Right.VIEW, Right.PERSONAL, Right.TRIAGE, Right.OPERATE}),
    Role.OWNER: frozenset(Right),
}


def role_of(text: str) -> Role | None:
    """The role of that name, or None."""
    return next((role for role in Role if role == text.strip().lower()), None)
