"""``crosswalk instances versions`` and ``restore``."""

from core.store import audit
from tests.integration.shell import FILE, by_name


def test_an_older_mapping_is_shown_and_saved_again(shell, wiring):
    changed = FILE.replace("values: [lead]", "values: [customer]")
    assert shell("instances", "apply", shell.file(changed)) == 0
    told = shell.json("instances", "versions", "in", "--json")
    assert [(one["number"], one["filters"][0]["values"]) for one in told] == [
        (2, ["customer"]),
        (1, ["lead"]),
    ]
    assert shell("instances", "versions", "in") == 0 and "filter changed: lifecyclestage" in shell.out
    assert shell("instances", "restore", "in", 1, "--dry-run") == 0 and "customer → lead" in shell.out
    assert by_name(wiring, "in").mapping_version == 2
    assert shell("instances", "restore", "in", 1, "--yes") == 0 and "version 3" in shell.err
    now = by_name(wiring, "in")
    assert now.mapping_version == 3 and now.mapping.filters[0].values == ("lead",) and now.enabled
    with wiring.database.reading() as session:
        noted = audit.newest(session, "instance.changed")
    assert "command line" in noted.who and "version 3" in noted.details
    assert shell("instances", "restore", "in", 3, "--yes") == 0 and "already" in shell.err
    assert shell("instances", "restore", "in", 9) == 1 and "no version 9" in shell.err
    assert shell("instances", "restore", "nobody", 1) == 1 and "no instance" in shell.err
