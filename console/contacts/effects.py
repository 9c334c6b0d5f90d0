"""What making a link or taking it apart brings about, in sentences without a value."""

from collections.abc import Iterator

from console.contacts.reading import Tie
from console.contacts.rows import Reader, pairs
from core.domain.fields import Direction


def effects_of_link(tie: Tie, reader: Reader) -> list[str]:
    """What the link brings about, in sentences without a value. ``tie``: as ``examine`` gave it."""
    told = [f"From then on the two count as one contact: {'; '.join(_ways(tie))}."]
    differing = [one for one in pairs(tie, reader, []) if one.state == "differs"]
    if not differing:
        told.append("All mapped fields are the same on both sides, so the next sync would write nothing.")
    else:
        names = ", ".join(one.mainstay.label for one in differing)
        told.append(
            "Nothing is written now, and nothing counts as agreed. These fields differ, and the next sync"
            f" settles them (a blank yields to a filled one, else the side being synced wins): {names}."
        )
    if any(one.mainstay.name == "phone" and one.hubspot.shown and one.mainstay.shown for one in differing):
        told.append(
            "The phones differ: a sync from HubSpot ends as crm-id-phone-conflict until they are the same."
        )
    return told


def effects_of_unlink(tie: Tie, reader: Reader) -> list[str]:
    """What taking the link apart brings about. ``tie``: as the platforms answered, or not."""
    told = ["The two no longer count as one contact, and what both sides agreed on is forgotten."]
    told.append("Nothing is deleted in HubSpot or Mainstay; the timeline stays.")
    same = [one for one in pairs(tie, reader, []) if one.state == "same" and one.hubspot.shown]
    keys = [one.mainstay.label for one in same if one.mainstay.name == "phone" or one.hubspot.name == "email"]
    if tie.hubspot.contact is None or tie.mainstay.contact is None:
        told.append("One side could not be read, so it can't be said whether a sync would link them again.")
    elif keys:
        told.append(
            f"They have the same {' and '.join(keys)}: the next change of either would be matched by it and"
            " link them again. Change it on one side first if they are two people."
        )
    if holds_id(tie):
        told.append(
            "HubSpot’s record holds the Mainstay ID, by which a sync finds this contact: clear it there."
        )
    return told


def holds_crm_id(tie: Tie) -> bool:
    """Whether Mainstay's contact carries this record's id."""
    contact = tie.mainstay.contact
    return contact is not None and contact.crm_id == tie.hubspot.id


def holds_id(tie: Tie) -> bool:
    """Whether HubSpot's record carries this contact's Mainstay ID."""
    return tie.mainstay.id in mainstay_ids(tie)


def mainstay_ids(tie: Tie) -> set[str]:
    """The Mainstay IDs that HubSpot's record holds, in the properties that the instances map."""
    contact = tie.hubspot.contact
    mapped = [one.mapping.id_row for one in tie.instances]
    values = [contact.values.get(row.hubspot.name) for row in mapped if row and contact is not None]
    return {str(value).strip() for value in values if value}


def _ways(tie: Tie) -> Iterator[str]:
    for one in tie.instances:
        incoming = one.direction is Direction.INCOMING
        source, target = ("HubSpot", "Mainstay") if incoming else ("Mainstay", "HubSpot")
        off = "" if one.enabled else ", once it is switched on"
        yield f"changes in {source} are carried to {target} by {one.name}{off}"
