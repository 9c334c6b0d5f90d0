"""Masking: two people stay two, and nobody can be called or written to."""

import pytest

from console.masking import masked, masked_preview


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("maria.lopez@river.edu", "m•••@•••.edu"),
        ("x@localhost", "x•••@•••"),
        ("(617) 555-0142", "••• 42"),
        ("+1 617 555 0142", "••• 42"),
        ("2004-11-23", "••• 23"),
        ("María", "M•••"),
        ("3.9", "3•••"),
        ("", ""),
        (None, None),
    ],
)
def test_values_are_hidden_but_for_their_kind(value, shown):
    assert masked(value) == shown


def test_a_preview_keeps_what_was_decided_and_hides_the_values():
    told = {
        "outcome": "update",
        "filter": {
            "passed": True,
            "reasons": [{"field": "city", "actual": "Boston", "held": True}, {"field": "archived"}],
        },
        "changes": [
            {"field": "email", "before": None, "after": "a@b.co", "reason": "differs"},
            {"field": "crm_id", "before": None, "after": "4711", "reason": "set"},
        ],
        "fields": [{"field": "city", "before": "Salem", "after": "Salem", "reason": "same"}],
    }
    shown = masked_preview(told)
    assert "Boston" not in str(shown) and "Salem" not in str(shown) and "a@b.co" not in str(shown)
    assert shown["changes"][0]["after"] == "a•••@•••.co" and shown["changes"][1]["after"] == "4711"
    assert shown["outcome"] == "update" and told["changes"][0]["after"] == "a@b.co"
