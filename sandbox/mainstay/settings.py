"""Mainstay's switches: most of its API is unconfirmed in public, so most of it can be switched."""

from dataclasses import dataclass, field

from sandbox.settings import Settings


@dataclass
class MainstaySettings(Settings):
    """The defaults are the proposed contract (facts of 2026-11-23, §5 and §8).

    ``duplicate_status``: 400 or 409 for a taken phone or CRM ID. ``key_order``: which meaning of the
    ambiguous key wins. ``null_means``: clear, ignore or refuse; ``read_only_fields`` and
    ``unknown_custom_fields``: ignore or refuse; ``crm_id_writes``: take or refuse. ``list_order``: created
    or modified.
    """

    max_events_per_post: int = 1
    single_object: bool = True
    auth_scheme: str = "APIToken"
    limit_per_s: int = 10
    page_size: int = 100
    allow_put: bool = False
    bulk: bool = True
    duplicate_status: int = 400
    key_order: list[str] = field(default_factory=lambda: ["id", "crm_id", "phone"])
    required_on_create: list[str] = field(default_factory=lambda: ["first_name", "last_name", "phone"])
    null_means: str = "clear"
    read_only_fields: str = "ignore"
    unknown_custom_fields: str = "refuse"
    crm_id_writes: str = "take"
    custom_field_types: bool = False
    default_fields_wrapped: bool = True
    modified_name: str = "modified"
    modified_since_inclusive: bool = True
    list_order: str = "created"
    list_archived: bool = True
    show_previous_phone: bool = False
    show_record_url: bool = True
    equal_write_counts: bool = False
    api_writes_fire: bool = True
    rewrite_trim: bool = False
    rewrite_lowercase_email: bool = False
    app_url: str = "https://app.mainstay.com"
