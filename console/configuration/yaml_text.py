"""YAML text as plain data, with the line of every part, and ``${NAME}`` from the environment.

All scalars stay the text that was written: ``no``, ``007`` and ``2026-01-02`` are option names and values
here, not a boolean, an octal number and a date. What a value means is the schema's business.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from console.configuration.problems import Path, Refused, place

_NULLS = ("", "~", "null", "Null", "NULL")
_NAME = re.compile(r"\$(\$\{)|\$\{([^{}]*)\}")
MOST_BYTES = 4 * 1024 * 1024
TOO_LONG = f"the file is longer than {MOST_BYTES >> 20} MiB: no configuration needs so much"
_MOST_NODES = 300_000  # aliases counted as often as they are used: nine short lines can ask for a billion
_CORE = "tag:yaml.org,2002:"
_TAGS = {f"{_CORE}{kind}" for kind in "str int float bool null timestamp merge value seq map".split()}


@dataclass(frozen=True, slots=True)
class Document:
    """``content``: dicts, lists, str and None. ``lines``: path → line, counted from 1."""

    content: Any
    lines: Mapping[Path, int]

    def place(self, path: Path) -> str:
        """Where a path stands, for a message; the nearest known line."""
        line = next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), None)
        return place(path, line)


def load(text: str, environment: Mapping[str, str]) -> Document:
    """Read one YAML document; Refused for broken YAML, doubled keys, or a NAME that is not set."""
    if len(text) > MOST_BYTES:
        raise Refused([TOO_LONG])
    reading = _Reading(environment)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = None if node is None else reading.plain(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise Refused([f"{where}this is not valid YAML: {error.problem or error.context}"]) from None
    except yaml.YAMLError:
        raise Refused(["this is not valid YAML: it holds a character that no text file has"]) from None
    except RecursionError:
        raise Refused(["this YAML is nested too deeply"]) from None
    if reading.problems:
        raise Refused(reading.problems)
    return Document(content, reading.lines)


@dataclass(slots=True)
class _Reading:
    environment: Mapping[str, str]
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    inside: list[yaml.Node] = field(default_factory=list)
    nodes: int = 0

    def plain(self, node: yaml.Node, path: Path) -> Any:
        self.nodes += 1
        if self.nodes > _MOST_NODES:
            raise Refused(["the aliases of this YAML stand for more than any configuration holds"])
        self.lines.setdefault(path, node.start_mark.line + 1)
        if any(node is one for one in self.inside):
            self.refuse(path, "an anchor that contains itself")
            return None
        if node.tag not in _TAGS:
            self.refuse(path, f"the tag {node.tag.replace(_CORE, '!!')} is not known here")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        self.inside.append(node)
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.plain(one, (*path, position)) for position, one in enumerate(node.value)]
            return self.mapping(node, path)
        finally:
            self.inside.pop()

    def mapping(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.refuse(path, "a key must be a plain text", key)
            elif key.value == "<<" and key.style is None:  # YAML's merge key
                parts = self.plain(value, path)
                for part in parts if isinstance(parts, list) else [parts]:
                    merged = {**(part if isinstance(part, dict) else {}), **merged}
            elif key.value in own:
                self.refuse((*path, key.value), "this key stands here twice", key)
            else:
                self.lines[(*path, key.value)] = key.start_mark.line + 1
                own[key.value] = self.plain(value, (*path, key.value))
        return {**merged, **own}

    def scalar(self, node: yaml.ScalarNode, path: Path) -> str | None:
        if node.style is None and node.value in _NULLS:
            return None

        def insert(match: re.Match[str]) -> str:
            if match[1]:
                return match[1]  # $${ is a plain ${
            value = self.environment.get(match[2], "")
            if not value:
                state = "empty" if match[2] in self.environment else "not set"
                self.refuse(path, f"${{{match[2]}}} is {state} in the environment", node)
            return value

        return _NAME.sub(insert, node.value)

    def refuse(self, path: Path, what: str, node: yaml.Node | None = None) -> None:
        line = node.start_mark.line + 1 if node else self.lines.get(path)
        self.problems.append(f"{place(path, line)}: {what}" if path or line else what)


def escaped(text: str) -> str:
    """The text as it must stand in a file, so that reading gives it back."""
    return text.replace("${", "$${")
