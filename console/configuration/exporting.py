"""Prints the store as a configuration file, without secrets: applying it again keeps the stored ones."""

from typing import Any

import yaml

from console.configuration.stored import Stored, StoredAccount
from console.configuration.yaml_text import escaped
from core.domain.fields import Platform, WhenEmpty
from core.domain.instances import Instance

_HEAD = """\
# Crosswalk: accounts and instances. Secrets are left out; applying this file keeps the stored ones.
# Elsewhere, add access_token, api_token and webhook_secret: see `crosswalk instances apply --help`.
"""


def export(stored: Stored) -> str:
    """The file, YAML, ending in a newline."""
    return _HEAD + yaml.safe_dump(
        document(stored), allow_unicode=True, sort_keys=False, default_flow_style=None, width=110
    )


def document(stored: Stored) -> dict[str, Any]:
    """The file as plain data."""
    accounts: dict[str, Any] = {}
    for one in stored.accounts:
        accounts.setdefault(str(one.account.platform), []).append(_account(one))
    return {"accounts": accounts, "instances": [instance_document(one) for one in stored.instances]}


def _account(stored: StoredAccount) -> dict[str, Any]:
    account = stored.account
    entry: dict[str, Any] = {"name": escaped(account.name)}
    if account.platform is Platform.HUBSPOT:
        entry["portal_id"] = int(account.external_id)
    else:
        entry["org_id"] = escaped(account.external_id)
    if stored.field_types:
        entry["field_types"] = {name: escaped(kind) for name, kind in stored.field_types.items()}
    return entry


def instance_document(instance: Instance) -> dict[str, Any]:
    """One instance in the file's form."""
    entry: dict[str, Any] = {"name": escaped(instance.name)}
    if instance.description:
        entry["description"] = escaped(instance.description)
    entry |= {
        "direction": str(instance.direction),
        "hubspot": escaped(instance.hubspot.name),
        "mainstay": escaped(instance.mainstay.name),
        "enabled": instance.enabled,
        "mappings": [],
    }
    for row in instance.mapping.rows:
        line: dict[str, Any] = {"mainstay": escaped(row.mainstay.name), "hubspot": escaped(row.hubspot.name)}
        if row.when_empty is not WhenEmpty.KEEP:
            line["when_empty"] = str(row.when_empty)
        if row.options:
            line["options"] = {ours: escaped(theirs) for ours, theirs in row.options}
        entry["mappings"].append(line)
    if instance.mapping.filters:
        entry["filters"] = [
            {"field": escaped(one.field.name), "values": [escaped(value) for value in one.values]}
            for one in instance.mapping.filters
        ]
    return entry
