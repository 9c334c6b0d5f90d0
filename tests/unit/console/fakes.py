"""Platforms in memory for the configuration's tests: who a token belongs to, and which fields there are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from core.domain.fields import Field, FieldType, Option, Platform
from core.domain.instances import Account
from core.platforms.errors import AuthenticationFailed, Unavailable
from core.platforms.ports import HubSpot, Mainstay

HUBSPOT_FIELDS = (
    Field("firstname", "First name"),
    Field("lastname", "Last name"),
    Field("phone", "Phone", FieldType.PHONE),
    Field("email", "Email", FieldType.EMAIL),
    Field("admithub_id", "Mainstay ID"),
    Field(
        "lifecyclestage", "Stage", FieldType.CHOICE, (Option("lead", "Lead"), Option("opportunity", "Opp"))
    ),
    Field("program", "Program", FieldType.CHOICE, (Option("nursing_bsn", "Nursing"), Option("law", "Law"))),
    Field("num_forms", "Forms", FieldType.NUMBER, read_only="calculated"),
    Field("birth", "Birth", FieldType.DATE),
    Field("hs_object_id", "Record ID", FieldType.NUMBER, read_only="calculated"),
)
MAINSTAY_FIELDS = (
    Field("first_name", "First name"),
    Field("last_name", "Last name"),
    Field("phone", "Phone", FieldType.PHONE),
    Field("email", "Email", FieldType.EMAIL),
    Field("can_text", "Can text", FieldType.BOOL, read_only="consent"),
    Field("custom.Program", "Program"),
    Field("custom.Alt Email", "Alt Email"),
)


@dataclass
class FakeClient:
    """The two methods that the configuration asks of a client."""

    owner: str
    catalogue: tuple[Field, ...]
    failure: Exception | None = None

    def external_id(self) -> str:
        if self.failure:
            raise self.failure
        return self.owner

    def fields(self) -> list[Field]:
        if self.failure:
            raise self.failure
        return list(self.catalogue)


@dataclass
class FakePlatforms:
    """``owners``: token → portal or organisation. ``calls`` counts the clients that were made."""

    owners: dict[str, str] = field(default_factory=lambda: {"hs-token": "62515", "ms-token": "river"})
    down: bool = False
    calls: int = 0

    def hubspot(self, portal: str, token: str) -> HubSpot:
        return cast(HubSpot, self._client(Platform.HUBSPOT, token, HUBSPOT_FIELDS))

    def mainstay(self, organisation: str, token: str, field_types: Mapping[str, str]) -> Mainstay:
        typed = tuple(
            Field(one.name, one.label, FieldType(field_types.get(one.label, one.type)))
            for one in MAINSTAY_FIELDS
        )
        return cast(Mainstay, self._client(Platform.MAINSTAY, token, typed))

    def connected(self, account: Account) -> HubSpot:
        return cast(HubSpot, FakeClient(account.external_id, HUBSPOT_FIELDS, self._failure(account.platform)))

    def _failure(self, platform: Platform) -> Exception | None:
        return Unavailable(platform, "no connection") if self.down else None

    def _client(self, platform: Platform, token: str, catalogue: tuple[Field, ...]) -> FakeClient:
        self.calls += 1
        failure = self._failure(platform)
        if failure is None and token not in self.owners:
            failure = AuthenticationFailed(platform, "401")
        return FakeClient(self.owners.get(token, ""), catalogue, failure)


FILE = """\
accounts:
  hubspot:
    - name: main-portal
      portal_id: 62515
      access_token: ${HUBSPOT_TOKEN}
  mainstay:
    - name: river-university
      org_id: river
      api_token: ${MAINSTAY_TOKEN}
      webhook_secret: ${RIVER_WEBHOOK_SECRET}
      field_types: {Alt Email: email}
instances:
  - name: hubspot-to-mainstay
    description: New leads into the chatbot
    direction: incoming
    hubspot: main-portal
    mainstay: river-university
    enabled: true
    mappings: &rows
      - {mainstay: first_name, hubspot: firstname}
      - {mainstay: last_name,  hubspot: lastname}
      - {mainstay: phone,      hubspot: phone}
      - {mainstay: email,      hubspot: email}
      - {mainstay: id,         hubspot: admithub_id}
      - {mainstay: custom.Program, hubspot: program, when_empty: clear, options: {Nursing: nursing_bsn}}
    filters:
      - {field: lifecyclestage, values: [lead, opportunity]}
  - name: mainstay-to-hubspot
    direction: outgoing
    hubspot: main-portal
    mainstay: river-university
    enabled: true
    mappings: *rows
"""
ENVIRONMENT = {
    "HUBSPOT_TOKEN": "hs-token",
    "MAINSTAY_TOKEN": "ms-token",
    "RIVER_WEBHOOK_SECRET": "whsec_c2VjcmV0c2VjcmV0",
}


def changed(old: str, new: str, text: str = FILE) -> str:
    """The file with one part replaced; the part must be there."""
    assert old in text, f"{old!r} is not in the file"
    return text.replace(old, new, 1)


def words(error: Any) -> str:
    """All problems of a refusal in one text."""
    return "\n".join(error.value.problems)
