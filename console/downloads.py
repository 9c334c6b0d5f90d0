"""Files that people take away: CSV that no spreadsheet takes for formulas, and JSON Lines. Line by line."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

# What spreadsheets take for the start of a formula, some in wide form too (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class _Line:
    """What a csv writer wrote last."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text = text


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """CSV (RFC 4180), the names of the columns first. No cell can start a formula in a spreadsheet."""
    line = _Line()
    writer = csv.writer(line)
    writer.writerow(columns)
    yield line.text
    for row in rows:
        writer.writerow([_harmless(str("" if cell is None else cell)) for cell in row])
        yield line.text


def json_lines(documents: Iterable[Any]) -> Iterator[str]:
    """One JSON document a line (jsonlines.org)."""
    for one in documents:
        yield json.dumps(one, ensure_ascii=False) + "\n"


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell
