"""Reads a configuration file: text in, entries out, or every problem of the text at once."""

from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import ValidationError

from console.configuration import schema, yaml_text
from console.configuration.entries import AccountEntry, Configuration, InstanceEntry
from console.configuration.problems import Path, Refused
from console.configuration.yaml_text import Document
from core.domain.fields import Direction, Platform
from core.domain.mapping_check import RawFilter, RawRow
from core.platforms.mainstay.catalogue import field_type

_ID = {Platform.HUBSPOT: "portal_id", Platform.MAINSTAY: "org_id"}
_WORDS = {  # marshmallow's own words, in ours
    "Unknown field.": "is not a key that is known here",
    "Invalid input type.": "must be a group of keys and values",
}


def read(text: str, environment: Mapping[str, str]) -> Configuration:
    """The file as data. ``${NAME}`` comes from ``environment``. Refused with every problem of the text."""
    document = yaml_text.load(text, environment)
    if not isinstance(document.content, dict):
        raise Refused(["the file must hold accounts: and instances:; see `crosswalk instances apply --help`"])
    try:
        loaded = schema.File().load(document.content)
    except ValidationError as error:
        raise Refused(
            [
                f"{document.place(path)}: {what}{_called(document.content, path)}"
                for path, what in _flat(error.messages, ())
            ]
        ) from None
    configuration = Configuration(
        accounts=tuple(_accounts(loaded.get("accounts", {}), document)),
        instances=tuple(
            _instance(one, document.place(("instances", n))) for n, one in enumerate(loaded["instances"])
        ),
    )
    problems = [*_doubles(configuration)]
    if problems:
        raise Refused(problems)
    return configuration


def _flat(messages: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """marshmallow's nested answer as (path, what)."""
    if isinstance(messages, dict):
        for key, inner in messages.items():
            # "_schema" is the group itself; "key" and "value" are marshmallow's words for parts of a Dict.
            yield from _flat(inner, path if key in ("_schema", "key", "value") else (*path, key))
    elif isinstance(messages, list):
        for inner in messages:
            yield from _flat(inner, path)
    else:
        yield path, _WORDS.get(str(messages), str(messages))


def _called(content: Any, path: Path) -> str:
    """What the file itself calls the instance and the row at fault: `` (leads, phone ↔ phone)``."""
    names = []
    for part in path:
        inside = content.get(part) if isinstance(content, dict) else None
        if isinstance(content, list) and isinstance(part, int) and part < len(content):
            inside = content[part]
        content = inside
        if isinstance(content, dict):
            told = [content.get(key) for key in ("name", "mainstay", "hubspot", "field")]
            told = told[:1] if told[0] else told  # an instance has accounts, too
            names.append(" ↔ ".join(one for one in told if isinstance(one, str)))
    found = ", ".join(filter(None, names))
    return f" ({found})" if found else ""


def _accounts(loaded: dict[str, Any], document: Document) -> Iterator[AccountEntry]:
    for n, one in enumerate(loaded.get("hubspot", ())):
        credentials: dict[str, Any] = {}
        if "access_token" in one:  # a static token takes an OAuth grant's place
            credentials = {"access_token": one["access_token"], "refresh_token": None, "expires_at_ms": None}
        place = document.place(("accounts", "hubspot", n))
        yield AccountEntry(Platform.HUBSPOT, one["name"], one["portal_id"], place, credentials)
    for n, one in enumerate(loaded.get("mainstay", ())):
        credentials = {}
        if "api_token" in one:
            credentials["api_token"] = one["api_token"]
        if "webhook_secret" in one:
            secrets = (one["webhook_secret"] or "").split(",")
            credentials["webhook_secrets"] = [s.strip() for s in secrets if s.strip()] or None
        types = one.get("field_types")
        if types is not None:
            types = {name.removeprefix("custom."): str(field_type(kind)) for name, kind in types.items()}
        place = document.place(("accounts", "mainstay", n))
        yield AccountEntry(Platform.MAINSTAY, one["name"], one["org_id"], place, credentials, types)


def _instance(loaded: dict[str, Any], place: str) -> InstanceEntry:
    return InstanceEntry(
        name=loaded["name"],
        direction=Direction(loaded["direction"]),
        hubspot=loaded["hubspot"],
        mainstay=loaded["mainstay"],
        rows=tuple(
            RawRow(row["mainstay"], row["hubspot"], row["when_empty"], row.get("options", {}))
            for row in loaded["mappings"]
        ),
        filters=tuple(RawFilter(one["field"], tuple(one["values"])) for one in loaded["filters"]),
        description=loaded["description"] or "",
        enabled=loaded.get("enabled"),
        place=place,
    )


def _doubles(configuration: Configuration) -> Iterator[str]:
    """Two of one name; two accounts of one portal or organisation."""
    names: dict[object, str] = {}
    ids: dict[object, str] = {}
    for account in configuration.accounts:
        if account.key in names:
            yield f"{account.place}: {names[account.key]} has the name {account.name!r} too"
        names.setdefault(account.key, account.place)
        identity = (account.platform, account.external_id)
        if identity in ids:
            yield f"{account.place} ({account.name}): {ids[identity]} has the same {_ID[account.platform]}"
        ids.setdefault(identity, account.place)
    for instance in configuration.instances:
        if instance.name in names:
            yield f"{instance.place}: {names[instance.name]} has the name {instance.name!r} too"
        names.setdefault(instance.name, instance.place)
