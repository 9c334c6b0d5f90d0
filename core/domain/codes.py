"""The codes of errors: one name for the Sync Log, the metrics label, the help page and the API.

Called by whoever reports or shows a problem. Four codes are Mainstay's own (its Import Error Dictionary,
read 2026-11-23, facts/mainstay.md §3) and keep Mainstay's meaning; all others are Crosswalk's.
"""

from dataclasses import dataclass
from enum import StrEnum


class Who(StrEnum):
    """Who has to act on a code."""

    ADMIN = "an admin"
    NOBODY = "nobody yet"
    OPERATOR = "an operator"


class Code(StrEnum):
    """Every code there is, as it stands in the Sync Log."""

    BLANK_REQUIRED = "blank-required-data-in-record"
    OUT_OF_SYNC = "contact-out-of-sync"
    DUPLICATE_CONTACT = "duplicate-contact"
    DUPLICATE_CRM_ID = "duplicate-unique-id-crmId"
    MAINSTAY_ID_NOT_FOUND = "mainstay-id-not-found"
    CRM_ID_NOT_FOUND = "crm-id-not-found"
    CRM_ID_PHONE_CONFLICT = "crm-id-phone-conflict"
    AMBIGUOUS_NAME = "ambiguous-name-match"
    ALREADY_LINKED = "already-linked"
    INVALID_PHONE = "invalid-phone"
    INVALID_EMAIL = "invalid-email"
    INVALID_VALUE = "invalid-value"
    UNKNOWN_OPTION = "unknown-option"
    MISSING_FIELD = "missing-field"
    READ_ONLY_FIELD = "read-only-field"
    AUTHENTICATION_FAILED = "authentication-failed"
    PERMISSION_MISSING = "permission-missing"
    RATE_LIMITED = "rate-limited"
    PLATFORM_UNAVAILABLE = "platform-unavailable"
    UNEXPECTED_ANSWER = "unexpected-answer"
    UNREADABLE_MESSAGE = "unreadable-message"

    @property
    def retryable(self) -> bool:
        """Tried again by itself, up the retry ladder; all other codes wait for a person."""
        return self in _RETRYABLE

    @property
    def of_platform(self) -> bool:
        """A platform could not be asked, which says nothing about the contact."""
        return self.retryable or self in (Code.AUTHENTICATION_FAILED, Code.PERMISSION_MISSING)


_RETRYABLE = frozenset({Code.RATE_LIMITED, Code.PLATFORM_UNAVAILABLE, Code.UNEXPECTED_ANSWER})


@dataclass(frozen=True, slots=True)
class Help:
    """What an admin reads about a code: a title in plain words, the cause, one next step, and an example (of
    nobody's data)."""

    title: str
    cause: str
    next_step: str
    who: Who
    example: str


# Mainstay's own, from its Import Error Dictionary (read 2026-11-23, facts/mainstay.md §3).
MAINSTAY_CODES = frozenset(
    {Code.BLANK_REQUIRED, Code.OUT_OF_SYNC, Code.DUPLICATE_CONTACT, Code.DUPLICATE_CRM_ID}
)

HELP: dict[Code, Help] = {
    Code.BLANK_REQUIRED: Help(
        "First name, last name or phone is missing",
        "Mainstay needs all three to create a contact, and the HubSpot record lacks at least one of them.",
        "Fill the missing field in HubSpot, or add a filter that leaves such contacts out.",
        Who.ADMIN,
        "Ana Diaz has no phone in HubSpot, and Mainstay has no contact of hers yet: she can't be created.",
    ),
    Code.OUT_OF_SYNC: Help(
        "Phone kept: HubSpot still has this contact's previous number",
        "The phone was changed in Mainstay; HubSpot carries the old one. The other fields were updated.",
        "Correct the phone in HubSpot if Mainstay's number is right.",
        Who.ADMIN,
        "A parent's number was replaced by the student's in Mainstay; HubSpot still sends the parent's.",
    ),
    Code.DUPLICATE_CONTACT: Help(
        "Another Mainstay contact already has this phone",
        "A phone can belong to one Mainstay contact only, so Mainstay refused this one.",
        "Open both contacts in Mainstay and keep the phone on the right one.",
        Who.ADMIN,
        "Twins share a mobile: the second one can't be created with the same number.",
    ),
    Code.DUPLICATE_CRM_ID: Help(
        "Another Mainstay contact already has this CRM ID",
        "A CRM ID can belong to one Mainstay contact only, so Mainstay refused this one.",
        "Open both contacts in Mainstay and clear the CRM ID on the wrong one.",
        Who.ADMIN,
        "Two Mainstay contacts were made for one HubSpot record 4711; only one can carry that CRM ID.",
    ),
    Code.MAINSTAY_ID_NOT_FOUND: Help(
        "The Mainstay ID in HubSpot doesn't exist",
        "The HubSpot record names a Mainstay ID that no Mainstay contact has.",
        "Correct that property in HubSpot, or clear it so that CRM ID and phone are used to match.",
        Who.ADMIN,
        "HubSpot's admithub_id says 5f0c…, but that contact was removed in Mainstay.",
    ),
    Code.CRM_ID_NOT_FOUND: Help(
        "The HubSpot record no longer exists",
        "The Mainstay contact's CRM ID names a HubSpot record that was deleted or never existed.",
        "Clear the CRM ID on the Mainstay contact so that email and name are used to match.",
        Who.ADMIN,
        "Mainstay's contact carries CRM ID 4711, and record 4711 was deleted in HubSpot.",
    ),
    Code.CRM_ID_PHONE_CONFLICT: Help(
        "CRM ID and phone don't belong together",
        "The CRM ID leads to one Mainstay contact, the phone to another or to a different number.",
        "Open both contacts, put the right phone on the right one, then sync this contact again.",
        Who.ADMIN,
        "CRM ID 4711 belongs to Ana Diaz, but the phone on the record is Ben Diaz's in Mainstay.",
    ),
    Code.AMBIGUOUS_NAME: Help(
        "Several HubSpot contacts have this name and phone",
        "More than one HubSpot record fits by first name, last name and phone.",
        "Set the CRM ID or an email on the Mainstay contact, or merge the records in HubSpot.",
        Who.ADMIN,
        "Two records John Smith with the same phone stand in HubSpot, and the contact has no email.",
    ),
    Code.ALREADY_LINKED: Help(
        "This HubSpot record belongs to another Mainstay contact",
        "The record that matches is already tied to a different Mainstay contact of the organisation.",
        "Open both Mainstay contacts and decide which one keeps the record.",
        Who.ADMIN,
        "A second Mainstay contact has the email of record 4711, which is tied to another contact.",
    ),
    Code.INVALID_PHONE: Help(
        "The phone number isn't valid",
        "Mainstay holds ten-digit numbers of the configured region only; this one is not one of them.",
        "Correct the phone in the source, for example 617 555 0100.",
        Who.ADMIN,
        "The phone is 555-0100: three digits of it are missing.",
    ),
    Code.INVALID_EMAIL: Help(
        "The email address isn't valid",
        "The target platform refuses this email address.",
        "Correct the address in the source.",
        Who.ADMIN,
        "The address is ana@river: it lacks its ending.",
    ),
    Code.INVALID_VALUE: Help(
        "A value doesn't fit its field",
        "The value can't be converted to the target field's type, or the target platform refuses it.",
        "Change the value in the source, or change the mapping row.",
        Who.ADMIN,
        "“unknown” stands in a field that is mapped to a date.",
    ),
    Code.UNKNOWN_OPTION: Help(
        "The target doesn't know this choice",
        "The chosen option has no counterpart on the other platform.",
        "Add the option on the target, or add it to the mapping row's options.",
        Who.ADMIN,
        "Program is Nursing in Mainstay, and HubSpot's list has Nursing (BSN) only.",
    ),
    Code.MISSING_FIELD: Help(
        "A mapped field was deleted",
        "The mapping names a field that one of the platforms no longer has.",
        "Open the mapping and remove the row, or create the field again.",
        Who.ADMIN,
        "The property program was deleted in HubSpot after it was mapped.",
    ),
    Code.READ_ONLY_FIELD: Help(
        "A mapped field is read-only",
        "The target platform doesn't let anyone write this field.",
        "Open the mapping and choose another field for the row.",
        Who.ADMIN,
        "A row writes into a calculated HubSpot property.",
    ),
    Code.AUTHENTICATION_FAILED: Help(
        "The connection has expired or was revoked",
        "The platform refuses the stored credentials. Waiting changes are kept and resume by themselves.",
        "Connect the account again with a new token. For Mainstay, check that API access is switched on.",
        Who.ADMIN,
        "The private app's token was rotated in HubSpot and not here.",
    ),
    Code.PERMISSION_MISSING: Help(
        "The connection lacks a permission",
        "The platform accepts the credentials but doesn't allow this call.",
        "Connect the account again and grant the permission that the message names.",
        Who.ADMIN,
        "The token may read contacts and not write them (crm.objects.contacts.write).",
    ),
    Code.RATE_LIMITED: Help(
        "The platform asks us to slow down",
        "More calls were made than the platform allows at the moment.",
        "Nothing to do: it is tried again by itself.",
        Who.NOBODY,
        "Another program uses up the portal's calls, hour after hour.",
    ),
    Code.PLATFORM_UNAVAILABLE: Help(
        "The platform can't be reached",
        "The platform did not answer, or answered that it is out of order.",
        "It is tried again by itself; a dead letter can be replayed once the platform answers.",
        Who.NOBODY,
        "HubSpot answers 502 for longer than the retry ladder lasts.",
    ),
    Code.UNEXPECTED_ANSWER: Help(
        "The platform answered something we don't understand",
        "The answer was not in the documented form.",
        "It is tried again by itself. If it stays, give the technical details to an operator.",
        Who.NOBODY,
        "A proxy answered with a web page instead of the platform's JSON.",
    ),
    Code.UNREADABLE_MESSAGE: Help(
        "A queued message can't be read",
        "A message in the queue is damaged or was written by an unknown version.",
        "Open the dead letter; discard it after a sweep of the instance has found the change again.",
        Who.OPERATOR,
        "A newer version wrote the message, and an older one was started again.",
    ),
}
