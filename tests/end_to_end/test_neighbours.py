"""One portal that serves two organisations, and another program that writes under our own app id."""

from pathlib import Path
from typing import Any

from tests.end_to_end.scene import MAINSTAY_SECRET, MAPPINGS, Scene, configuration, scene

ANA = {"firstname": "Ana", "lastname": "Ruiz", "phone": "(617) 555-0100", "email": "ana@example.edu"}
LAKE = "    - {name: lake, org_id: lake, api_token: lake-token}\n"


def two_organisations() -> str:
    """River both ways, lake incoming only: two organisations may not write one portal (contract §3)."""
    text = configuration("incoming", "outgoing").replace("instances:\n", LAKE + "instances:\n")
    lake = ["  - name: to-lake", "    direction: incoming", "    hubspot: portal", "    mainstay: lake"]
    return text + "\n".join([*lake, "    enabled: true", "    mappings:" + MAPPINGS.rstrip()]) + "\n"


def at_lake(one: Scene) -> list[dict[str, Any]]:
    """Lake's contacts."""
    found: list[dict[str, Any]] = one.mainstay.ask("GET", "contacts?org=lake")["contacts"]
    return found


def calls(one: Scene) -> tuple[int, int]:
    return one.hubspot.calls(), one.mainstay.calls()


def test_one_portal_serves_two_organisations(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.mainstay.post("orgs", org="lake", tokens=["lake-token"], webhook_secrets=[MAINSTAY_SECRET])
        one.apply(two_organisations())
        one.start()
        record = one.hubspot.create(**ANA)
        one.settle()
        [river], [lake] = one.mainstay.all(), at_lake(one)
        assert river["crm_id"] == lake["crm_id"] == record and river["id"] != lake["id"]
        one.mainstay.edit(river["id"], first_name="Anna")
        one.settle()
        assert one.hubspot.get(record)["firstname"] == "Anna"
        assert at_lake(one)[0]["first_name"] == "Anna"
        before = calls(one)
        one.settle()
        assert calls(one) == before
        assert one.codes() == []


def test_another_program_under_our_app_id_is_no_echo(tmp_path: Path) -> None:
    with scene(tmp_path, environment={"CROSSWALK_HUBSPOT_APP_ID": "54321"}) as one:
        one.apply(configuration("incoming", "outgoing"))
        one.start()
        record = one.hubspot.create(**ANA)
        one.settle()
        [contact] = one.mainstay.all()
        edit = {"properties": {"lastname": "Ruiz Vega"}, "source_type": "INTEGRATION", "source_id": "54321"}
        one.hubspot.ask("PATCH", f"contacts/{record}", edit)
        one.settle()
        assert one.mainstay.get(contact["id"])["last_name"] == "Ruiz Vega"
