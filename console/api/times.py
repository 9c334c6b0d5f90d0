"""Times in queries: the same spellings as on the command line."""

from werkzeug.exceptions import UnprocessableEntity

from console.times import time_ms


def moment_ms(text: str, now_ms: int, *, end: bool = False) -> int:
    """Epoch ms of ``2h`` (ago), a date, or an RFC 3339 time; 422 with a hint otherwise."""
    try:
        return time_ms(text, now_ms, end=end)
    except ValueError as error:
        raise refused("time", str(error)) from None


def moment_or_none(text: str, now_ms: int, *, end: bool = False) -> int | None:
    """``moment_ms``, None for an empty text."""
    return moment_ms(text, now_ms, end=end) if text else None


def refused(member: str, text: str) -> UnprocessableEntity:
    """422 about a member of the request."""
    error = UnprocessableEntity(text)
    error.data = {"messages": {member: [text]}}  # type: ignore[attr-defined]
    return error
