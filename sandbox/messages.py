"""The HTTP messages that the sandbox's parts hand to each other.

Plain values: nothing here knows a socket. The server makes a ``Request`` and writes a ``Response``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NoReturn
from urllib.parse import parse_qs, unquote

JsonObject = dict[str, Any]
Ending = Literal["answer", "reset", "hang"]


@lru_cache(maxsize=256)
def _parsed(query_text: str) -> dict[str, list[str]]:
    # Filters ask for parameters once per contact, so parsing each time would cost more than the filter.
    return parse_qs(query_text, keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Request:
    """One call. ``path`` is still percent-encoded; header names are lower-case."""

    method: str
    path: str
    query_text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def query(self) -> dict[str, list[str]]:
        return _parsed(self.query_text)

    def first(self, name: str, default: str = "") -> str:
        values = self.query.get(name)
        return values[0] if values else default

    def form(self) -> dict[str, str]:
        """The body as an HTML form; the last value of a repeated name wins, a list is joined by ``;``."""
        parsed = parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: ";".join(values) for name, values in parsed.items()}


@dataclass(frozen=True, slots=True)
class Response:
    """One answer, or the want of one.

    ``ending`` "reset" cuts the connection, "hang" keeps silent for ``wait_s`` and then closes it;
    with "answer", ``wait_s`` is the delay before the answer.
    """

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    ending: Ending = "answer"
    wait_s: float = 0.0


class Refusal(Exception):
    """Raised inside a handler: this answer instead of the usual one."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"{response.status} {response.body[:200]!r}")
        self.response = response


def json_response(status: int, body: object, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(status, text.encode(), "application/json;charset=utf-8", headers)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"Out of range float values are not JSON compliant: {text}")


def strict_json(body: bytes) -> Any:
    """Parses strict JSON in UTF-8; NaN and Infinity are refused. Raises ``ValueError``."""
    return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)


def decoded(segment: str) -> str:
    return unquote(segment)
