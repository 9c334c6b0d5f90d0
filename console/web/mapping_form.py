"""The mapping page's form: what the browser sent, as rows and filters, and what its buttons ask for.

Names: ``row-3-mainstay``, ``row-3-hubspot``, ``row-3-when``, ``row-3-type``, ``row-3-option`` with
``row-3-becomes`` (two lists side by side), ``filter-1-field``, ``filter-1-values`` (boxes or lines). ``rows``
and ``filters`` list the numbers in order.
"""

from werkzeug.datastructures import MultiDict

from console.web.drafting import WHEN_EMPTY, DraftFilter, DraftRow, Form
from core.domain.fields import FieldType

Given = MultiDict[str, str]
MOST_ROWS = 500


def take_over(form: Form, given: Given) -> None:
    """Replace the form's rows, filters and types by what was sent."""
    form.rows = [_row(given, n) for n in given.getlist("rows")[:MOST_ROWS]]
    form.filters = [_filter(given, n) for n in given.getlist("filters")[:MOST_ROWS]]
    for number, row in zip(given.getlist("rows"), form.rows, strict=False):
        kind = given.get(f"row-{number}-type", "")
        if row.mainstay.startswith("custom.") and kind in list(FieldType):
            form.field_types[row.mainstay.removeprefix("custom.")] = kind


def press(form: Form, do: str) -> str:
    """Carry out a button that changes the rows; the id of the element to go to, or empty."""
    what, _, number = do.partition(":")
    at = int(number) if number.isdigit() else -1
    if what == "add-row":
        form.rows.append(DraftRow())
        return f"row-{len(form.rows) - 1}-mainstay"
    if what == "add-filter":
        form.filters.append(DraftFilter())
        return f"filter-{len(form.filters) - 1}-field"
    if what == "remove-row" and 0 <= at < len(form.rows):
        del form.rows[at]
        return f"row-{min(at, len(form.rows) - 1)}-mainstay" if form.rows else "add-row"
    if what == "remove-filter" and 0 <= at < len(form.filters):
        del form.filters[at]
        return "add-filter"
    if what == "confirm-row" and 0 <= at < len(form.rows):
        form.rows[at].suggested = False
        return f"row-{at}-mainstay"
    return ""


def _row(given: Given, number: str) -> DraftRow:
    when = given.get(f"row-{number}-when", "keep")
    names = given.getlist(f"row-{number}-option")
    becomes = given.getlist(f"row-{number}-becomes")
    options = {
        name.strip(): other.strip()
        for name, other in zip(names, becomes, strict=False)
        if name.strip() and other.strip()
    }
    return DraftRow(
        mainstay=given.get(f"row-{number}-mainstay", "").strip(),
        hubspot=given.get(f"row-{number}-hubspot", "").strip(),
        when_empty=when if when in WHEN_EMPTY else "keep",
        options=options,
        suggested=given.get(f"row-{number}-suggested") == "yes",
    )


def _filter(given: Given, number: str) -> DraftFilter:
    lines = [line.strip() for text in given.getlist(f"filter-{number}-values") for line in text.splitlines()]
    return DraftFilter(given.get(f"filter-{number}-field", "").strip(), [*dict.fromkeys(filter(None, lines))])
