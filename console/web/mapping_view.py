"""The mapping page's rows and filters as it shows them: their check, what is gone, what is not mapped."""

from dataclasses import dataclass

from console.web import row_checks
from console.web.catalogue import Fields
from console.web.drafting import DraftFilter, DraftRow, Form
from console.web.errors import FormErrors
from console.web.row_checks import Checked, OptionLine
from console.web.sample_values import Sample
from core.domain.fields import Direction, Field, Filter, Platform, Row, WhenEmpty


@dataclass(frozen=True, slots=True)
class RowView:
    """A row as the page shows it. ``gone``: platforms that no longer have the row's field."""

    number: int
    row: DraftRow
    mainstay: Field | None
    hubspot: Field | None
    level: str
    words: str
    required: str
    options: list[OptionLine]
    gone: tuple[str, ...]
    problems: list[str]
    sample: Sample | None


@dataclass(frozen=True, slots=True)
class FilterView:
    """A filter as the page shows it; ``field`` None while nothing is chosen, or where it is gone."""

    number: int
    filter: DraftFilter
    field: Field | None
    gone: bool
    problems: list[str]


def checked_as_shown(form: Form, mainstay: Fields, hubspot: Fields) -> Checked:
    """The check of the filled rows, under the numbers that the page gives them, blank ones counted."""
    checked = row_checks.check(form, mainstay, hubspot)
    rows = [n for n, row in enumerate(form.rows) if not row.blank]
    filters = [n for n, one in enumerate(form.filters) if one.field or one.values]
    return Checked(
        checked.mapping,
        {rows[n]: what for n, what in checked.rows.items()},
        {filters[n]: what for n, what in checked.filters.items()},
        checked.whole,
    )


def collect(errors: FormErrors, checked: Checked, form: Form) -> None:
    """Every problem at its field, for the summary too."""
    for n, problems in sorted(checked.rows.items()):
        for problem in problems:
            errors.add(f"row-{n}-{_culprit(problem, form.rows[n])}", f"Row {n + 1}: {problem}")
    for n, problems in sorted(checked.filters.items()):
        for problem in problems:
            where = "field" if "value" not in problem else "values"
            errors.add(f"filter-{n}-{where}", f"Filter {n + 1}: {problem}")
    for problem in checked.whole:
        errors.add("add-row", problem)


def _culprit(problem: str, row: DraftRow) -> str:
    return "hubspot" if "HubSpot" in problem.split(";")[0] or not row.hubspot else "mainstay"


def row_view(
    form: Form, n: int, mainstay: Fields, hubspot: Fields, checked: Checked, sample: Sample | None
) -> RowView:
    """A row with the verdict on it."""
    row = form.rows[n]
    ours, theirs = mainstay.by_name.get(row.mainstay), hubspot.by_name.get(row.hubspot)
    level, words = row_checks.verdict(form.direction, ours, theirs)
    problems = checked.rows.get(n, [])
    gone = [
        fields.account.platform.title
        for fields, name in ((mainstay, row.mainstay), (hubspot, row.hubspot))
        if name and name != "id" and fields.by_name and name not in fields.by_name
    ]
    return RowView(
        number=n,
        row=row,
        mainstay=ours,
        hubspot=theirs,
        level="bad" if problems and not row.blank else level,
        words="" if problems else words,
        required=_required(row),
        options=row_checks.option_lines(row, ours, theirs),
        gone=tuple(gone),
        problems=[] if row.blank else problems,
        sample=sample,
    )


def _required(row: DraftRow) -> str:
    if row.hubspot == "email":
        return row_checks.EMAIL
    return row_checks.REQUIRED.get(row.mainstay, "")


def filter_view(form: Form, n: int, source: Fields, checked: Checked) -> FilterView:
    """A filter and what is wrong with it."""
    one = form.filters[n]
    known = source.by_name.get(one.field)
    gone = bool(one.field and known is None and source.by_name)
    return FilterView(n, one, known, gone, checked.filters.get(n, []) if one.field else [])


@dataclass(frozen=True, slots=True)
class Unmapped:
    """Fields of one side that no row carries and that could be: ``fields`` by their labels."""

    platform: Platform
    fields: list[str]


def unmapped(form: Form, mainstay: Fields, hubspot: Fields) -> list[Unmapped]:
    """The source's side first. Of the target only what can be written."""
    found = []
    for fields in (hubspot, mainstay) if form.direction is Direction.INCOMING else (mainstay, hubspot):
        platform = fields.account.platform
        on = "hubspot" if platform is Platform.HUBSPOT else "mainstay"
        used = {getattr(row, on) for row in form.rows}
        left = [one.label for one in fields.ordered() if one.name not in used and not one.read_only]
        found.append(Unmapped(platform, left))
    return found


def complete_rows(form: Form, mainstay: Fields, hubspot: Fields) -> dict[int, Row]:
    """The rows both of whose fields are there, by their number on the page."""
    found = {}
    for n, row in enumerate(form.rows):
        ours, theirs = mainstay.by_name.get(row.mainstay), hubspot.by_name.get(row.hubspot)
        if row.mainstay == "id":
            ours = ours or Field("id", "Mainstay ID")
        if ours and theirs:
            found[n] = Row(ours, theirs, WhenEmpty(row.when_empty), tuple(row.options.items()))
    return found


def complete_filters(form: Form, source: Fields) -> list[Filter]:
    """The filters that have a field and a value."""
    return [
        Filter(source.by_name[one.field], tuple(one.values))
        for one in form.filters
        if one.field in source.by_name and one.values
    ]
