"""Switching an instance off and on: at once, and nothing accepted after it is on gets lost."""

from pathlib import Path

from tests.end_to_end.scene import configuration, scene

ANA = {"firstname": "Ana", "lastname": "Ruiz", "phone": "6175550100", "email": "ana@example.edu"}


def test_an_edit_right_after_enabling_arrives(tmp_path: Path) -> None:
    """The receiver's table may still say that nobody wants it: then it looks again before it says so."""
    on = configuration("incoming")
    off = on.replace("enabled: true", "enabled: false")
    with scene(tmp_path) as one:
        one.apply(on)
        one.start("incoming")
        record = one.hubspot.create(**ANA)
        one.settle()
        [contact] = one.mainstay.all()
        for number in range(6):
            one.apply(off)
            one.hubspot.edit(record, firstname=f"Off {number}")
            one.settle()
            assert not one.mainstay.get(contact["id"])["first_name"].startswith(f"Off {number}")
            one.apply(on)
            one.hubspot.edit(record, firstname=f"On {number}")
            one.settle()
            assert one.mainstay.get(contact["id"])["first_name"] == f"On {number}"
