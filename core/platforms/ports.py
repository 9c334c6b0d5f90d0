"""What the consumers ask of the two platform clients.

Batches are the unit of work. A failure of the whole call raises; a failure of one contact comes back as
a ``PlatformError`` in its place, so that one bad contact never fails its neighbours. A client takes a refused
or crashing batch apart by itself until only the culprit is left.

The rules know what a client shows and takes by name and form: a client translates where its platform has
others. Of ``Mainstay``, the chatbot's side:

- fields ``id`` ``crm_id`` ``first_name`` ``last_name`` ``phone`` ``email``, and ``custom.NAME`` for those
  that people made; ``previous_phone`` in an answer where the platform tells it.
- ``crm_id`` and ``phone`` are unique in the organisation, blanks aside: that makes the claim of a record and
  a repeated create safe. A taken one is a Conflict whose ``fields`` say DUPLICATE_CRM_ID, DUPLICATE_CONTACT.
- values to write come as ``core.domain.values.wire`` makes them: ten digits for a phone, JSON's numbers, a
  list of several choices. Values that were read may have any form that ``canonical`` knows there.
- ``Contact.left_out`` for whoever is archived or a test, ``modified_ms`` by the platform's own clock.
- every call waits for the budget that ``throttle.bucket_of`` names.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core.domain.contacts import Contact
from core.domain.fields import Field
from core.platforms.errors import PlatformError

Values = Mapping[str, Any]  # field name → raw value in the platform's own form
Answer = Contact | PlatformError


@dataclass(frozen=True, slots=True)
class Page:
    """A page of contacts. ``cursor`` asks for the next one; empty at the end. ``total`` where it is told."""

    contacts: tuple[Contact, ...]
    cursor: str = ""
    total: int | None = None


class HubSpot(Protocol):
    """One portal. All ids are strings. Every method: AuthenticationFailed, RateLimited, Unavailable, …"""

    def background(self) -> "HubSpot":
        """The same portal for backfills and sweeps: live calls go first."""

    def while_ours(self, ours: Callable[[], bool]) -> "HubSpot":
        """The same portal for a batch, whose calls begin only while ``ours()``."""

    def read(self, ids: Sequence[str], names: Sequence[str], *, history: bool = False) -> dict[str, Answer]:
        """By record id, any number. Every asked id is a key. A merged-away id leads to its survivor
        (``Contact.id`` then differs from the key); a missing one is NotFound."""

    def read_by(self, name: str, values: Sequence[str], names: Sequence[str]) -> dict[str, Answer]:
        """By ``email`` (additional emails included) or a unique property. Missing values are left out."""

    def email_holder(self, email: str, names: Sequence[str]) -> Contact | None:
        """Who has this address, an additional one too: asked alone, where a batch finds nobody and yet
        HubSpot says that the address is taken."""

    def search_names(
        self, pairs: Sequence[tuple[str, str]], first: str, last: str, names: Sequence[str]
    ) -> list[Contact]:
        """All contacts whose (``first``, ``last``) properties are one of ``pairs``, case-insensitively.

        Search lags behind writes by an unknown time (documented as "a few moments")."""

    def search_text(self, text: str, names: Sequence[str], most: int) -> list[Contact]:
        """At most ``most`` (≤ 200) contacts whose name, email or phone holds ``text``, as people type it. A
        phone: area code and local number, digits only. Lags behind writes like ``search_names``."""

    def search_created(self, since_ms: int, equal: Values, names: Sequence[str]) -> list[Contact]:
        """Contacts created at or after ``since_ms`` with these property values: for open create intents."""

    def create(self, items: Mapping[str, Values], names: Sequence[str]) -> dict[str, Answer]:
        """Create; keys are the caller's trace ids. A taken email is Conflict with ``existing_id``."""

    def upsert(self, items: Mapping[str, Values], unique: str, names: Sequence[str]) -> dict[str, Answer]:
        """Create or update by the value of the unique property ``unique`` (part of each item's values)."""

    def update(self, items: Mapping[str, Values], names: Sequence[str]) -> dict[str, Answer]:
        """Update by record id."""

    def modified_page(self, since_ms: int, names: Sequence[str], cursor: str = "") -> Page:
        """Contacts modified at or after ``since_ms``, oldest first, past the 10,000-result window."""

    def list_page(self, names: Sequence[str], cursor: str = "") -> Page:
        """All contacts, for backfill and reconcile."""

    def fields(self) -> list[Field]:
        """The property catalogue of contacts."""

    def external_id(self) -> str:
        """The portal id that the token belongs to. Also the cheap probe of a held account."""


class Mainstay(Protocol):
    """One organisation. Calls run side by side within the budget."""

    def background(self) -> "Mainstay":
        """The same organisation for backfills and sweeps: live calls go first."""

    def while_ours(self, ours: Callable[[], bool]) -> "Mainstay":
        """The same organisation for a batch, whose calls begin only while ``ours()``."""

    def get(self, keys: Sequence[str]) -> dict[str, Answer]:
        """By Mainstay ID, CRM ID or phone: the platform looks at all three (facts/mainstay.md §6.1), so the
        caller checks what came back. Hidden contacts included. Missing: NotFound. Every key is answered."""

    def read(self, ids: Sequence[str], changed_ms: tuple[int, int]) -> dict[str, Answer]:
        """By Mainstay ID, like ``get``, of contacts that changed between these two times (epoch ms, as far as
        is known): where many are asked for, pages of the list take the place of single reads."""

    def create(self, items: Mapping[str, Values]) -> dict[str, Answer]:
        """Create; keys are the caller's. A taken phone or CRM ID is Conflict naming the field."""

    def update(self, items: Mapping[str, Values]) -> dict[str, Answer]:
        """Update by Mainstay ID. Only the given fields are sent; None clears."""

    def modified_page(self, since_ms: int, cursor: str = "") -> Page:
        """Contacts modified at or after ``since_ms``, hidden ones included; ``since_ms`` 0 = all."""

    def fields(self) -> list[Field]:
        """Default and custom fields. A custom field whose type is not told is text."""

    def external_id(self) -> str:
        """The organisation id that the token belongs to. Also the cheap probe of a held account."""
