"""What the pages say about the directions: in the words of the help article and of contract §6."""

from dataclasses import dataclass

from core.domain.fields import Direction


@dataclass(frozen=True, slots=True)
class DirectionText:
    """A direction in words: who sends to whom, what is needed first, and how contacts are matched."""

    title: str
    summary: str
    prerequisites: tuple[str, ...]
    rules: tuple[tuple[str, str], ...]  # what is looked at, and what then


_ACCOUNTS = (
    "A HubSpot user who may connect apps (Super Admin, or “App Marketplace Access”)",
    "Mainstay API access: an API token of your organisation",
)
_INCOMING_RULES = """\
Mainstay ID: If the HubSpot record carries one, it is that contact, and all fields can be updated. If no
 contact has it, that is an error.
CRM ID and phone: Otherwise a contact with the same CRM ID, the same phone, or both is updated: all fields but
 Mainstay ID, CRM ID and Phone. If the two disagree, that is an error and the contact is skipped.
Nobody found: Otherwise a new contact is created in Mainstay.
"""
_OUTGOING_RULES = """\
CRM ID: If the Mainstay contact carries one, it is that HubSpot record, and all fields can be updated. If
 there is no such record, that is an error.
Email: Otherwise a HubSpot contact with the same email is looked for.
Name and phone: Otherwise HubSpot is searched for the same First name and Last name, checked against the
 phone: there may be many John Smiths.
Nobody found: Otherwise a new contact is created in HubSpot. In each case its Record ID is set as CRM ID
 on the Mainstay contact for next time.
"""


def _rules(text: str) -> tuple[tuple[str, str], ...]:
    """A line per rule; a line that begins with a space goes on with the one before."""
    pairs = (line.split(": ", 1) for line in text.replace("\n ", " ").splitlines())
    return tuple((what, then) for what, then in pairs)


DIRECTIONS = {
    Direction.INCOMING: DirectionText(
        "HubSpot → Mainstay",
        "Sends contact data from HubSpot into Mainstay: new leads reach the chatbot, and changes follow.",
        (*_ACCOUNTS, "First name, Last name and Phone filled in HubSpot for contacts that shall be created"),
        _rules(_INCOMING_RULES),
    ),
    Direction.OUTGOING: DirectionText(
        "Mainstay → HubSpot",
        "Sends contact data from Mainstay to HubSpot: what students tell the chatbot reaches the CRM.",
        (*_ACCOUNTS, "An Email field in Mainstay, built in or custom: HubSpot needs one"),
        _rules(_OUTGOING_RULES),
    ),
}
