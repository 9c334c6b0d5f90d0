"""How commands print: JSON alone on stdout, tables for people, CSV for spreadsheets, messages on stderr."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from console.downloads import csv_lines


def say(text: str) -> None:
    """A message for the person at the terminal."""
    click.echo(plain(text), err=True)


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def print_json_list(items: Iterable[Any]) -> None:
    """One JSON list on stdout, written as it comes."""
    first = True
    for item in items:
        click.echo("[" if first else ",")
        click.echo("  " + json.dumps(item, ensure_ascii=False), nl=False)
        first = False
    click.echo("[]" if first else "\n]")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """A table; ``empty`` is said where there are no rows. Off a terminal: aligned columns, nothing cut."""
    cells = [[plain(str("" if cell is None else cell)) for cell in row] for row in rows]
    if not cells:
        say(empty)
        return
    if sys.stdout.isatty():
        table = Table(*columns, box=None, pad_edge=False, header_style="bold")
        for row in cells:
            table.add_row(*(Text(cell) for cell in row))
        Console().print(table)
        return
    widths = [max(len(row[n]) for row in [list(columns), *cells]) for n in range(len(columns))]
    for row in [list(columns), *cells]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """CSV (RFC 4180) on stdout. No cell can start a formula in a spreadsheet."""
    sys.stdout.writelines(csv_lines(columns, rows))


def plain(text: str) -> str:
    """No control characters: a platform's text must not steer the terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "�" for letter in text)
