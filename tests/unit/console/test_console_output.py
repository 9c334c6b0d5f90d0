"""What commands print, and how they end badly."""

import json

import pytest

from console.cli import output
from console.cli.failing import Failed, told
from console.configuration.problems import Refused
from core.domain.fields import Platform
from core.platforms.errors import AuthenticationFailed, Unavailable
from core.queue.port import QueueUnavailable
from core.settings import SettingsError
from core.store.database import DatabaseUnavailable
from core.store.sealing import CannotOpen


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_starts_a_formula(cell, capsys):
    output.print_csv(("message",), [[cell]])
    assert "'" + cell.strip() in capsys.readouterr().out.replace("'\t", "'").replace("'\r", "'")


def test_csv_quotes_what_needs_it(capsys):
    output.print_csv(("a", "b", "c"), [['say "hi", now', None, 7]])
    assert capsys.readouterr().out == 'a,b,c\r\n"say ""hi"", now",,7\r\n'


@pytest.mark.parametrize("items", [[], [{"a": 1}], [{"a": "é"}, {"b": None}, 3]])
def test_a_streamed_list_is_one_document(items, capsys):
    output.print_json_list(iter(items))
    assert json.loads(capsys.readouterr().out) == items


def test_a_table_off_a_terminal_cuts_nothing_and_steers_nothing(capsys):
    output.print_table(("Name", "Text"), [["a" * 120, "\x1b[31mred"], ["b", None]], "empty")
    out = capsys.readouterr().out
    assert "a" * 120 in out
    assert "\x1b" not in out
    assert out.splitlines()[0].startswith("Name ")


def test_an_empty_table_says_so_on_stderr(capsys):
    output.print_table(("Name",), [], "There is nothing.")
    assert capsys.readouterr() == ("", "There is nothing.\n")


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (SettingsError(["A is missing", "B is wrong"]), 2, "  A is missing\n  B is wrong"),
        (Refused(["row 1", "row 2"]), 1, "Nothing was changed:\n  row 1\n  row 2"),
        (Failed("there is no instance 'x'"), 1, "There is no instance 'x'."),
        (CannotOpen(), 1, "CROSSWALK_SECRET_KEY"),
        (DatabaseUnavailable("the database does not answer: gone"), 1, "The database does not answer: gone."),
        (QueueUnavailable("no route"), 1, "The queue does not answer: no route."),
        (AuthenticationFailed(Platform.HUBSPOT, "401"), 1, "HubSpot: 401. Give the account a new token"),
        (Unavailable(Platform.MAINSTAY, "time-out"), 1, "Mainstay: time-out. Try again"),
    ],
)
def test_every_failure_is_a_sentence(error, status, sentence, capsys):
    assert told(error) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err


def test_a_fault_of_ours_tells_its_place_and_not_its_text(capsys):
    try:
        raise KeyError("ana@example.edu")
    except KeyError as error:
        assert told(error) == 1
    said = capsys.readouterr().err
    assert "KeyError at test_console_output.py:" in said
    assert "ana@" not in said
