"""The contact that a draft is tried on: looked for, pinned, and shown in the mapping and the preview.

What is typed travels in a form's body, never in an address. The draft keeps the id alone.
"""

from dataclasses import dataclass, replace

from flask import request

from console import contact_search
from console.contact_search import Found
from console.web.pages.wizard import Open, keep
from console.web.site import Console
from console.web.words import platform_problem
from core.platforms.errors import PlatformError


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom a search found, for a list to choose from. ``walked``: see ``contact_search.Search``."""

    text: str = ""
    found: tuple[Found, ...] = ()
    walked: int = 0
    asked: bool = False
    problem: str = ""


def press(console: Console, draft: Open, do: str) -> Choice:
    """Carry out a button about the pinned contact. A search that finds just one pins it."""
    if do == "unpin":
        _pin(console, draft, "")
    elif do == "pin":
        _pin(console, draft, request.form.get("contact", "").strip()[:200])
    elif do == "find":
        choice = look_for(console, draft, request.form.get("find", "").strip()[:200])
        if len(choice.found) == 1:
            _pin(console, draft, choice.found[0].id)
        return choice
    return Choice()


def look_for(console: Console, draft: Open, text: str) -> Choice:
    """Contacts of the draft's source that fit; the first ones there are without a text."""
    assert draft.source is not None
    choice = Choice(text, asked=True)
    try:
        search = contact_search.look_for(console.wiring, draft.source, text)
    except PlatformError as error:
        return replace(choice, problem=platform_problem(error))
    return replace(choice, found=search.found, walked=search.walked)


def _pin(console: Console, draft: Open, contact_id: str) -> None:
    draft.form.pinned = contact_id
    keep(console, draft)
