"""A contact as a platform's API returned it: raw values by field name, and what else the rules need."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.domain.fields import Platform


@dataclass(frozen=True, slots=True)
class Contact:
    """One HubSpot record or one Mainstay contact.

    ``values`` holds the platform's raw values by field name (HubSpot: internal property name; Mainstay:
    ``first_name``, ``crm_id``, ``custom.Program``). ``modified_ms`` is the platform's own modified time.
    ``changed_ms`` says when a HubSpot property last changed, where the history was asked for, and
    ``changed_by`` what changed it (``CRM_UI``, a form's or an integration's name).
    ``left_out`` says why the contact never travels and is never written (archived, test contact), else "".
    """

    platform: Platform
    id: str
    values: Mapping[str, Any] = field(repr=False)
    modified_ms: int = 0
    changed_ms: Mapping[str, int] = field(default_factory=dict)
    changed_by: Mapping[str, str] = field(default_factory=dict)
    left_out: str = ""
    url: str = ""  # Mainstay's conversation_record_url
    merged_ids: tuple[str, ...] = ()  # HubSpot: the ids of records merged into this one

    @property
    def crm_id(self) -> str:
        """Mainstay only: the CRM ID it carries, or empty."""
        return str(self.values.get("crm_id") or "").strip()
