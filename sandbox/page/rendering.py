"""Fills the page's templates."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sandbox.messages import Response

_FOLDER = Path(__file__).parent
_TEMPLATES = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def html_response(template: str, status: int = 200, **values: object) -> Response:
    text = _TEMPLATES.get_template(template).render(**values)
    return Response(status, text.encode(), "text/html; charset=utf-8", (("Cache-Control", "no-store"),))


def stylesheet() -> Response:
    return Response(200, (_FOLDER / "style.css").read_bytes(), "text/css; charset=utf-8")


def see_other(location: str) -> Response:
    return Response(303, headers=(("Location", location),))
