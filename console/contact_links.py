"""Where a contact can be opened outside: its record in HubSpot, its page in Mainstay."""

from urllib.parse import quote

from core.settings import Settings

CONTACTS = "0-1"  # HubSpot's object type of contacts


def hubspot_record(settings: Settings, portal_id: str, record_id: str | None) -> str:
    """The record's page in HubSpot, empty without an id. Its form is inferred from the one that HubSpot's
    documentation shows for another object type (read 2026-11-23)."""
    if not record_id or not portal_id:
        return ""
    portal, record = quote(portal_id, safe=""), quote(record_id, safe="")
    return f"{settings.hubspot_app_url}/contacts/{portal}/record/{CONTACTS}/{record}"


def mainstay_contact(settings: Settings, told: str | None, mainstay_id: str | None) -> str | None:
    """The contact's page in Mainstay: as the API told it, else by the configured template, else None."""
    if told and told.startswith(("https://", "http://")):  # it becomes a link
        return told
    if not mainstay_id or not settings.mainstay_contact_url:
        return None
    return settings.mainstay_contact_url.replace("{id}", quote(mainstay_id, safe=""))
