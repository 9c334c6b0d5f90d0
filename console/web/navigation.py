"""The menu: one line per place, with the right that it asks for and the paths that belong to it."""

from dataclasses import dataclass

from console.access import Right


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the menu. ``prefixes``: current wherever the path begins so, and on the place itself."""

    endpoint: str
    title: str
    icon: str
    right: Right
    prefixes: tuple[str, ...]


PLACES = (
    Place("home", "Home", "home", Right.VIEW, ("/home",)),
    Place("browse", "Integrations", "plug", Right.VIEW, ("/integrations", "/wizard", "/connect")),
    Place("sync_log", "Sync Log", "log", Right.VIEW, ("/sync-log", "/problems", "/activity")),
    Place("contacts", "Contacts", "person", Right.VIEW, ("/contacts",)),
    Place("dead_letters", "Dead letters", "tray", Right.VIEW, ("/dead-letters",)),
    Place("jobs", "Jobs", "bars", Right.VIEW, ("/jobs",)),
    Place("what_if", "What if", "bulb", Right.VIEW, ("/what-if",)),
    Place("accounts", "Accounts", "key", Right.VIEW, ("/accounts",)),
    Place("health", "Health", "pulse", Right.VIEW, ("/health",)),
    Place("alerts", "Alerts", "bell", Right.VIEW, ("/alerts",)),
    Place("people", "Users", "users", Right.OWN, ("/users",)),
    Place("tokens", "API tokens", "code", Right.OWN, ("/tokens",)),
    Place("audit_log", "Audit log", "list", Right.OWN, ("/audit",)),
    Place("error_help", "Help", "help", Right.VIEW, ("/help",)),
)
