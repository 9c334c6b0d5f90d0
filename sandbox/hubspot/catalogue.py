"""The properties of a portal's contacts: what they are called, of which type, and who may write them.

The default set follows HubSpot's names; the custom ones are what a university would add.
Source: https://developers.hubspot.com/docs/api-reference/latest/crm/properties/guide, 2026-03 (facts §4.6).
"""

from dataclasses import dataclass, field

from sandbox.messages import JsonObject

FIELD_TYPES = {
    "string": ("text", "textarea", "phonenumber", "html", "file"),
    "number": ("number",),
    "bool": ("booleancheckbox",),
    "enumeration": ("select", "radio", "checkbox", "booleancheckbox"),
    "date": ("date",),
    "datetime": ("date",),
}
LIFECYCLE = (
    "subscriber lead marketingqualifiedlead salesqualifiedlead opportunity customer evangelist other".split()
)
_LEAD_STATUS = "NEW OPEN IN_PROGRESS OPEN_DEAL UNQUALIFIED ATTEMPTED_TO_CONTACT CONNECTED BAD_TIMING".split()
_CREATED = "2024-01-01T00:00:00Z"


@dataclass(slots=True)
class Property:
    """One property definition. ``options`` are (value, label) pairs, in display order."""

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str = "contactinformation"
    options: list[tuple[str, str]] = field(default_factory=list)
    read_only: bool = False
    calculated: bool = False
    hidden: bool = False
    unique: bool = False
    sensitive: bool = False
    archived: bool = False
    defined_by_hubspot: bool = True
    description: str = ""

    @property
    def is_multiple(self) -> bool:
        return self.type == "enumeration" and self.field_type == "checkbox"

    @property
    def writable(self) -> bool:
        return not (self.read_only or self.calculated)

    def as_json(self) -> JsonObject:
        custom = not self.defined_by_hubspot
        return {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": self.description,
            "groupName": self.group,
            "options": [
                {"label": label, "value": value, "displayOrder": n, "hidden": False}
                for n, (value, label) in enumerate(self.options)
            ],
            "displayOrder": -1,
            "calculated": self.calculated,
            "externalOptions": False,
            "hasUniqueValue": self.unique,
            "hidden": self.hidden,
            "hubspotDefined": self.defined_by_hubspot,
            "archived": self.archived,
            "formField": self.writable and not self.hidden,
            "dataSensitivity": "sensitive" if self.sensitive else "non_sensitive",
            "createdAt": _CREATED,
            "updatedAt": _CREATED,
            "modificationMetadata": {
                "archivable": custom,
                "readOnlyDefinition": not custom,
                "readOnlyOptions": not custom,
                "readOnlyValue": not self.writable,
            },
        }


Catalogue = dict[str, Property]


def default_catalogue(unique_admithub_id: bool = False) -> Catalogue:
    """A fresh catalogue: HubSpot's own properties and a university's."""
    properties = [
        *_standard(),
        *_system(),
        *_custom(unique_admithub_id),
    ]
    return {each.name: each for each in properties}


def _standard() -> list[Property]:
    texts = {
        "firstname": "First Name",
        "lastname": "Last Name",
        "email": "Email",
        "company": "Company Name",
        "jobtitle": "Job Title",
        "address": "Street Address",
        "city": "City",
        "state": "State/Region",
        "zip": "Postal Code",
        "country": "Country/Region",
        "website": "Website URL",
        "salutation": "Salutation",
    }
    phones = {"phone": "Phone Number", "mobilephone": "Mobile Phone Number", "fax": "Fax Number"}
    return [
        *(Property(name, label) for name, label in texts.items()),
        *(Property(name, label, field_type="phonenumber") for name, label in phones.items()),
        Property(
            "lifecyclestage",
            "Lifecycle Stage",
            "enumeration",
            "radio",
            options=[(value, value.capitalize()) for value in LIFECYCLE],
        ),
        Property(
            "hs_lead_status",
            "Lead Status",
            "enumeration",
            "radio",
            options=[(value, value.replace("_", " ").title()) for value in _LEAD_STATUS],
        ),
        Property("date_of_birth", "Date of Birth", "date", "date"),
        Property("graduation_date", "Graduation Date", "date", "date"),
        Property("message", "Message", field_type="textarea"),
    ]


def _system() -> list[Property]:
    hidden_texts = {
        "hs_merged_object_ids": "Merged Contact IDs",
        "hs_object_source": "Record source",
        "hs_object_source_id": "Record source ID",
        "hs_searchable_calculated_phone_number": "Phone number (searchable)",
        "hs_searchable_calculated_mobile_number": "Mobile number (searchable)",
    }
    return [
        Property("hs_object_id", "Record ID", "number", "number", read_only=True),
        Property("createdate", "Create Date", "datetime", "date", read_only=True),
        Property("lastmodifieddate", "Last Modified Date", "datetime", "date", read_only=True),
        Property(
            "hs_additional_emails", "Additional email addresses", "enumeration", "checkbox", read_only=True
        ),
        *(
            Property(name, label, hidden=True, read_only=True, calculated="searchable" in name)
            for name, label in hidden_texts.items()
        ),
        Property("hs_full_name_or_email", "Full name or email", calculated=True, read_only=True),
        Property("num_associated_deals", "Number of deals", "number", "number", calculated=True),
    ]


def _custom(unique_admithub_id: bool) -> list[Property]:
    def custom(name: str, label: str, type_: str = "string", field_type: str = "text") -> Property:
        return Property(name, label, type_, field_type, "university", defined_by_hubspot=False)

    admithub_id = custom("admithub_id", "Mainstay ID")
    admithub_id.unique = unique_admithub_id
    program = custom("program", "Program", "enumeration", "select")
    program.options = [
        ("nursing_bsn", "Nursing"),
        ("biology", "Biology"),
        ("computer_science", "Computer Science"),
        ("business", "Business"),
        ("history", "History"),
        ("education", "Education"),
    ]
    interests = custom("interests", "Interests", "enumeration", "checkbox")
    interests.options = [(each.lower(), each) for each in ("Music", "Sports", "Research", "Volunteering")]
    housing = custom("housing", "Housing", "enumeration", "radio")
    housing.options = [("on_campus", "On campus"), ("off_campus", "Off campus")]
    advisor_notes = custom("disability_support", "Disability support")
    advisor_notes.sensitive = True
    return [
        admithub_id,
        program,
        interests,
        housing,
        advisor_notes,
        custom("application_status", "Application Status"),
        custom("gpa", "GPA", "number", "number"),
        custom("first_generation", "First generation student", "bool", "booleancheckbox"),
        custom("last_campus_visit", "Last campus visit", "datetime", "date"),
    ]
