"""HubSpot's switches: what is documented is the default, what is unknown can be had either way."""

from dataclasses import dataclass, field

from sandbox.settings import Settings

CLIENT_SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"  # noqa: S105 (the docs' own example)


@dataclass
class HubSpotSettings(Settings):
    """Figures from HubSpot's usage guide and search guide (facts of 2026-11-23).

    ``event_names``: classic (``contact.…``), generic (``object.…``) or both.
    ``subscribed_properties``: None means all. ``static_write_source_id``: what a static token's writes carry;
    "app" is the app's id, anything else that text.
    ``required_on_create``: a portal's own validation rule; only API version 2026-09 enforces it.
    """

    app_id: int = 54321
    client_id: str = "sandbox-client"
    client_secret: str = CLIENT_SECRET
    app_scopes: list[str] = field(default_factory=list)
    oauth_redirect_uris: list[str] = field(default_factory=list)
    oauth_expires_in_s: int = 1800
    rotate_refresh_token: bool = False
    numbered_paths: bool = True

    limit_burst_static: int = 190
    limit_burst_oauth: int = 110
    limit_search_per_s: int = 5
    limit_daily: int = 625_000
    retry_after_on_429: bool = False

    search_lag_s: float = 0.0
    search_max_results: int = 10_000
    empty_as_null: bool = True
    identity_required_on_create: bool = True
    required_on_create: list[str] = field(default_factory=list)
    batch_update_partial: bool = False
    batch_read_follows_merges: bool = False
    shuffle_results: bool = False
    lifecycle_forward_only: bool = True
    rewrite_trim: bool = False
    rewrite_lowercase_email: bool = False
    rewrite_phone: bool = False

    event_names: str = "classic"
    subscribed_types: list[str] = field(
        default_factory=lambda: [
            "creation",
            "propertyChange",
            "deletion",
            "restore",
            "merge",
            "privacyDeletion",
        ]
    )
    subscribed_properties: list[str] | None = None
    equal_value_fires: bool = False
    merge_sends_deletions: bool = False
    merge_object_id: str = "new"
    restore_change_flag: str = ""
    static_write_source_id: str = "app"
    retry_keeps_event_id: bool = True
    mix_portals_in_post: bool = False
    legacy_signature_v1: bool = True

    def nullable(self) -> frozenset[str]:
        return frozenset({"subscribed_properties"})
