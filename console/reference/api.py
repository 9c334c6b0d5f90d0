"""deploy/api.md: the JSON API's paths and shapes, from the OpenAPI document that it serves itself."""

from collections.abc import Iterator, Mapping
from typing import Any

from console.api.register import register_api
from console.web.app import create_app
from core.settings import Settings
from core.wiring import connect

_HEAD = """\
# JSON API

Made from the code by `make reference`; don't edit. The same as OpenAPI 3.1 is at `/api/v1/openapi.json` of the
console. A bearer token (console → your account → API tokens, or `crosswalk tokens add`) has the roles of whom it was made for:

    curl -H "Authorization: Bearer $TOKEN" https://console.example.edu/api/v1/status

What goes wrong is told as `application/problem+json` (RFC 9457): 401 without a token, 403 without the right, 404, 409,
422 with the member that is wrong, 429, 503.
"""
_METHODS = ("get", "post", "put", "patch", "delete")


def document() -> dict[str, Any]:
    """The OpenAPI document. Nothing is connected for it."""
    settings = Settings.from_env(
        {"CROSSWALK_SECRET_KEY": "reference", "CROSSWALK_DATABASE_URL": "sqlite:///reference.db"}
    )
    app = create_app(connect(settings), register_api)
    with app.test_request_context():
        found: dict[str, Any] = app.test_client().get("/api/v1/openapi.json").json or {}
    return found


def page(document: Mapping[str, Any]) -> str:
    """The page, Markdown."""
    lines = [_HEAD, "## Paths", ""]
    for path, operations in sorted(document["paths"].items()):
        for method in _METHODS:
            if method in operations:
                lines += _operation(path, method, operations[method], operations.get("parameters", []))
    lines += ["## Shapes", ""]
    for name, shape in sorted(document["components"]["schemas"].items()):
        lines += [f"### {name}", "", *_members(shape), ""]
    return "\n".join(lines).rstrip() + "\n"


def _operation(path: str, method: str, told: Mapping[str, Any], shared: list[Any]) -> Iterator[str]:
    yield f"### {method.upper()} {path}"
    yield ""
    if said := " ".join(f"{told.get('summary', '')} {told.get('description', '')}".split()):
        yield said
        yield ""
    for one in [*shared, *told.get("parameters", [])]:
        if "name" in one:
            yield f"- {one['in']} `{one['name']}`: {_type(one.get('schema', {}))}{_note(one)}"
    body = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body:
        yield f"- body: {_type(body)}"
    for status, answer in sorted(told.get("responses", {}).items()):
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        if status.isdigit() and int(status) < 400:
            yield f"- {status}" + (f": {_type(schema)}" if schema else "")
    yield ""


def _members(shape: Mapping[str, Any]) -> Iterator[str]:
    yield "| member | type |"
    yield "|---|---|"
    needed = shape.get("required", [])
    for name, one in shape.get("properties", {}).items():
        yield f"| `{name}`{' (needed)' if name in needed else ''} | {_type(one)}{_note(one)} |"


def _note(one: Mapping[str, Any]) -> str:
    said = " ".join(str(one.get("description", "")).split())
    return f". {said}".replace("|", "\\|") if said else ""


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "allOf" in schema or "anyOf" in schema or "oneOf" in schema:
        several = schema.get("allOf") or schema.get("anyOf") or schema["oneOf"]
        return " or ".join(_type(one) for one in several)
    kind = schema.get("type", "anything")
    told = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if "items" in schema:
        return f"list of {_type(schema['items'])}"
    if schema.get("enum"):
        return ", ".join(f"`{one}`" for one in schema["enum"])
    form = schema.get("format")
    return f"{told} ({form})" if form else told
