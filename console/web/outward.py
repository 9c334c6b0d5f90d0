"""Where a listed contact leads: its own page here, and its records on both platforms."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import url_for
from sqlalchemy.orm import Session

from console.contact_links import hubspot_record, mainstay_contact
from core.domain.fields import Platform
from core.domain.instances import Account
from core.settings import Settings
from core.store import accounts, instances


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as a table shows it; addresses are empty where there is none."""

    hubspot_id: str
    mainstay_id: str
    page: str
    hubspot: str
    mainstay: str


@dataclass(frozen=True, slots=True)
class Places:
    """What the addresses are made from. ``between``: instance id → its two accounts, HubSpot's first.
    ``alone``: HubSpot's account where there is but one, for what is no instance's."""

    settings: Settings
    between: Mapping[int, tuple[Account, Account]]
    alone: Account | None = None

    def of(
        self, instance_id: int, hubspot_id: str | None, mainstay_id: str | None, told: str | None
    ) -> Contact:
        """A contact's places. ``told``: its page as Mainstay's API told it."""
        portal, organisation = self.between.get(instance_id, (self.alone, None))
        page = ""
        if hubspot_id:
            page = page_of(f"hubspot:{hubspot_id}", portal)
        elif mainstay_id:
            page = page_of(f"mainstay:{mainstay_id}", organisation)
        return Contact(
            hubspot_id or "",
            mainstay_id or "",
            page,
            hubspot_record(self.settings, portal.external_id if portal else "", hubspot_id),
            mainstay_contact(self.settings, told, mainstay_id) or "",
        )


def places(session: Session, settings: Settings) -> Places:
    """From the accounts and instances as they are stored."""
    between = {one.id: (one.hubspot, one.mainstay) for one in instances.all_instances(session, deleted=True)}
    known = [one for one in accounts.all_accounts(session) if one.platform is Platform.HUBSPOT]
    return Places(settings, between, known[0] if len(known) == 1 else None)


def page_of(contact: str, account: Account | None) -> str:
    """The contact's page (``platform:ID``): an id may stand in an address, a name may not. Without an account
    that page asks which one is meant."""
    platform, _, contact_id = contact.partition(":")
    if account is None or account.platform != platform:
        return url_for("contact_anywhere", platform=platform, contact_id=contact_id)
    return url_for("contact", platform=platform, account_id=account.id, contact_id=contact_id)
