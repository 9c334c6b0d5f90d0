"""Which of HubSpot's events the work needs, and an app's project files that ask for exactly those. Pure.

The files are those of a project-based app: HubSpot's own template (HubSpot/hubspot-project-components on
GitHub) and "Configure webhooks" of its developer platform's pages, both read 2026-11-23. Legacy apps have
subscriptions of the same kinds on their settings page.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.domain.fields import Direction, Field
from core.domain.instances import Instance
from core.platforms.hubspot.oauth import SCOPES

PLATFORM_VERSION = "2026.03"
MOST = 1_000  # subscriptions per app
MOST_AT_ONCE = 10  # requests in flight per portal: HubSpot's default
_NEVER = {  # documented in the webhooks guide
    "hs_lastmodifieddate": "HubSpot offers no subscription for it",
    "num_unique_conversion_events": "HubSpot offers no subscription for it",
}
_CALCULATED = "HubSpot calculates it"  # seen: no event is sent for calculated properties
_ACCOUNTS = ("object.deletion", "object.merge", "object.restore")
PRIVACY_DELETION = "contact.privacyDeletion"


@dataclass(frozen=True, slots=True)
class Wanted:
    """``properties``: whose changes matter, sorted. ``unsendable``: mapped ones that HubSpot never tells of
    (the sweep finds their changes), with the reason."""

    properties: tuple[str, ...]
    unsendable: Mapping[str, str]

    def subscriptions(self) -> list[tuple[str, str]]:
        """(type, property or "") of everything the app has to be subscribed to, for contacts."""
        creations = ["object.creation"] if self.properties else []
        named = [("object.propertyChange", name) for name in self.properties]
        return [(kind, "") for kind in (*creations, *_ACCOUNTS)] + named + [(PRIVACY_DELETION, "")]


def wanted(instances: Iterable[Instance]) -> Wanted:
    """What all instances that read HubSpot map or filter by, enabled or not."""
    fields: dict[str, Field] = {}
    for one in instances:
        if one.direction is Direction.INCOMING:
            fields |= {row.hubspot.name: row.hubspot for row in one.mapping.rows}
            fields |= {each.field.name: each.field for each in one.mapping.filters}
    why = {name: _unsendable(one) for name, one in fields.items() if name != "hs_object_id"}
    return Wanted(
        tuple(sorted(name for name, reason in why.items() if not reason)),
        {name: reason for name, reason in sorted(why.items()) if reason},
    )


def _unsendable(one: Field) -> str:
    return _NEVER.get(one.name) or (one.read_only if one.read_only == _CALCULATED else "")


def project_file(name: str) -> dict[str, Any]:
    """``hsproject.json``."""
    return {"name": name, "srcDir": "src", "platformVersion": PLATFORM_VERSION}


def app_file(name: str, *, static: bool, redirect_url: str) -> dict[str, Any]:
    """``src/app/app-hsmeta.json``. ``static``: a token for one portal; else OAuth, for any number of them."""
    scopes = [one for one in SCOPES if not (static and one == "oauth")]
    oauth = {} if static else {"redirectUrls": [redirect_url]}
    auth = {"type": "static" if static else "oauth", **oauth, "requiredScopes": scopes}
    return {
        "uid": "crosswalk_app",
        "type": "app",
        "config": {
            "name": name,
            "description": "Keeps contacts in step between HubSpot and Mainstay",
            "distribution": "private",
            "auth": {**auth, "optionalScopes": [], "conditionallyRequiredScopes": []},
            "permittedUrls": {"fetch": ["https://api.hubapi.com"], "iframe": [], "img": []},
        },
    }


def webhooks_file(needs: Wanted, target_url: str) -> dict[str, Any]:
    """``src/app/webhooks/webhooks-hsmeta.json``: what ``needs`` asks for, and nothing else."""
    crm_objects = [
        {"subscriptionType": kind, "objectType": "contact"}
        | ({"propertyName": name} if name else {})
        | {"active": True}
        for kind, name in needs.subscriptions()
        if kind != PRIVACY_DELETION
    ]
    return {
        "uid": "crosswalk_webhooks",
        "type": "webhooks",
        "config": {
            "settings": {"targetUrl": target_url, "maxConcurrentRequests": MOST_AT_ONCE},
            "subscriptions": {
                "crmObjects": crm_objects,
                "legacyCrmObjects": [],
                "hubEvents": [{"subscriptionType": PRIVACY_DELETION, "active": True}],
            },
        },
    }


def told(document: Mapping[str, Any]) -> tuple[str, set[tuple[str, str]]]:
    """The target URL and the active subscriptions for contacts of a webhooks file, old and generic forms
    alike, as ``Wanted.subscriptions`` names them. ValueError where it is no such file."""
    config = document.get("config")
    parts = config.get("subscriptions") if isinstance(config, Mapping) else None
    settings = config.get("settings") if isinstance(config, Mapping) else None
    if (
        document.get("type") != "webhooks"
        or not isinstance(parts, Mapping)
        or not isinstance(settings, Mapping)
    ):
        raise ValueError("this is no webhooks-hsmeta.json")
    found = set()
    for group in parts.values():
        for one in group if isinstance(group, list) else ():
            if not isinstance(one, Mapping) or one.get("active") is not True:
                continue
            kind, name = str(one.get("subscriptionType")), str(one.get("propertyName") or "")
            if kind != PRIVACY_DELETION and kind.startswith("contact."):
                kind = f"object.{kind.removeprefix('contact.')}"
            elif kind.startswith("object.") and str(one.get("objectType", "")).lower() not in (
                "contact",
                "0-1",
            ):
                continue
            found.add((kind, name))
    return str(settings.get("targetUrl") or ""), found
