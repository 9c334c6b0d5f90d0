"""What differs between a file's entry and what is stored, told in words. Values of secrets are never told."""

from typing import Any

from console.configuration.entries import AccountEntry, InstanceEntry
from console.configuration.stored import StoredAccount
from core.domain.fields import Filter, Row
from core.domain.fields import Mapping as FieldMapping
from core.domain.instances import Instance

_TOLD = {
    "access_token": "new access token",
    "api_token": "new API token",
    "webhook_secrets": "new webhook secret",
}


def account_details(entry: AccountEntry, stored: StoredAccount) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The credentials that change, and everything that changes in words."""
    before = stored.credentials.values
    changed = {name: value for name, value in entry.credentials.items() if before.get(name) != value}
    details = []
    if entry.name != stored.account.name:
        details.append(f"name: {stored.account.name} → {entry.name}")
    for name, value in changed.items():
        if name in _TOLD:
            details.append(_TOLD[name] if value else "webhook secret removed")
    if changed and not details:
        details.append("a static token takes the place of the connected app")
    if entry.field_types is not None and dict(entry.field_types) != dict(stored.field_types):
        details.append("field types")
    return changed, tuple(details)


def instance_details(
    entry: InstanceEntry, mapping: FieldMapping, enabled: bool, stored: Instance
) -> tuple[str, ...]:
    """What changes about an instance, row by row."""
    details = []
    if entry.description != stored.description:
        details.append("description")
    if enabled != stored.enabled:
        details.append("enabled" if enabled else "disabled")
    details += mapping_details(stored.mapping, mapping)
    if mapping != stored.mapping and not any(one.startswith(("mapping", "filter")) for one in details):
        details.append("mapping: the order, or the fields as the platforms describe them")
    return tuple(details)


def mapping_details(before: FieldMapping, after: FieldMapping) -> list[str]:
    """What changes from one mapping to another, row by row and filter by filter."""
    return _rows(before.rows, after.rows) + _filters(before.filters, after.filters)


def told_row(row: Row) -> str:
    """A row in one line: ``email ↔ email``."""
    return f"{row.mainstay.name} ↔ {row.hubspot.name}"


def _rows(before: tuple[Row, ...], after: tuple[Row, ...]) -> list[str]:
    old, new = {row.key: row for row in before}, {row.key: row for row in after}
    return (
        [f"mapping added: {told_row(row)}" for key, row in new.items() if key not in old]
        + [f"mapping removed: {told_row(row)}" for key, row in old.items() if key not in new]
        + [
            f"mapping changed: {told_row(row)}{_what_changed(old[key], row)}"
            for key, row in new.items()
            if key in old and (row.when_empty, row.options) != (old[key].when_empty, old[key].options)
        ]
    )


def _filters(before: tuple[Filter, ...], after: tuple[Filter, ...]) -> list[str]:
    """A field may have several filters; where it has one before and one after, that one's change is told."""
    old, new = _by_field(before), _by_field(after)
    single = [name for name in new if len(new[name]) == len(old.get(name, ())) == 1]
    return (
        [
            f"filter added: {name} ({', '.join(values)})"
            for name in new
            for values in new[name]
            if name not in single and values not in old.get(name, ())
        ]
        + [
            f"filter removed: {name}" + (f" ({', '.join(values)})" if len(old[name]) > 1 else "")
            for name in old
            for values in old[name]
            if name not in single and values not in new.get(name, ())
        ]
        + [
            f"filter changed: {name} ({', '.join(old[name][0])} → {', '.join(new[name][0])})"
            for name in single
            if new[name] != old[name]
        ]
    )


def _by_field(filters: tuple[Filter, ...]) -> dict[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for one in filters:
        found.setdefault(one.field.name, []).append(one.values)
    return found


def _what_changed(before: Row, after: Row) -> str:
    """In brackets: what a blank does now, and that options differ."""
    told = [f"if empty: {after.when_empty}"] if before.when_empty != after.when_empty else []
    told += ["options"] if before.options != after.options else []
    return f" ({', '.join(told)})" if told else ""
