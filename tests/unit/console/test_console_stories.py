"""What a timeline entry and a line of the demo's story say: names, ids and reasons."""

import pytest
from click.testing import CliRunner

from console.cli.contact_option import CONTACT
from console.demo.story import line
from console.timelines import EMPTY, in_short
from core.domain.fields import Platform
from core.store.outcomes import OutcomeRow


def row(**changes):
    given = {
        "message_id": "m",
        "generation": 0,
        "direction": "incoming",
        "outcome": "updated",
        "cause": "event",
        "occurred_at_ms": 1_795_428_000_000,
        "accepted_at_ms": 1_795_428_000_100,
        "finished_at_ms": 1_795_428_000_400,
        "hubspot_account_id": 1,
        "hubspot_id": "101",
        "mainstay_id": "ah1",
        "story": {"fields": [{"field": "email", "did": "write"}, {"field": "phone", "did": "same"}]},
    }
    return OutcomeRow(**{**given, **changes})


@pytest.mark.parametrize(
    ("story", "outcome", "text"),
    [
        ({"fields": [{"field": "a", "did": "write"}, {"field": "b", "did": "kept"}]}, "updated", "wrote a"),
        ({"matching": [{"result": "error", "reason": "two fit"}]}, "error", "two fit"),
        (
            {"matching": [{"result": "matched", "reason": "by email"}], "notes": ["n1", "n2"]},
            "gone",
            "n1; n2",
        ),
        (
            {
                "filter": [
                    {"field": "stage", "wanted": ["a", "b"], "held": False},
                    {"field": "x", "held": True},
                ]
            },
            "filtered",
            "stage is not a or b",
        ),
        ({"filter": [{"field": "archived", "held": False}]}, "filtered", "archived"),
        ({}, "unchanged", ""),
    ],
)
def test_an_entry_in_one_line(story, outcome, text):
    assert in_short({"outcome": outcome, **EMPTY, **story}) == text


def test_a_line_of_the_story():
    told = line(row())
    assert "HubSpot → Mainstay  101 → ah1 " in told
    assert told.endswith("updated: wrote email  (0.4 s after the change)")
    told = line(
        row(direction="outgoing", outcome="error", code="crm-id-not-found", story={}, hubspot_id=None)
    )
    assert "Mainstay → HubSpot  ah1 " in told
    assert told.endswith("error (crm-id-not-found)")
    assert "HubSpot → Mainstay  101" in line(row(direction="account", outcome="handled", mainstay_id=None))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hubspot:101", (Platform.HUBSPOT, "101")),
        ("Mainstay: ah1 ", (Platform.MAINSTAY, "ah1")),
        ("101", (None, "101")),
    ],
)
def test_contacts_as_people_write_them(text, expected):
    assert CONTACT.convert(text, None, None) == expected


def test_help_wraps_nothing_away():
    from console.cli.main import crosswalk

    result = CliRunner().invoke(crosswalk, ["dead", "replay", "--help"])
    assert result.exit_code == 0
    for option in ("--instance", "--code", "--since", "--limit", "--dry-run"):
        assert option in result.output
