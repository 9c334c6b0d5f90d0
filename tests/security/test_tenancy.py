"""Two portals and two organisations in one deployment: nothing of one ever reaches the other.

Records of the two portals have the same ids (the sandbox gives them so on purpose).
"""

import json
from pathlib import Path
from typing import Any

import pytest

from core.domain.fields import Platform
from core.store import erasure, models
from tests.end_to_end.scene import MAINSTAY_SECRET, MAPPINGS, Scene, configuration, scene
from tests.unit.webhooks import kit

ANA = {"firstname": "Ana", "lastname": "Ruiz", "phone": "(617) 555-0100", "email": "ana@example.edu"}
BO = {"firstname": "Bo", "lastname": "Lind", "phone": "(617) 555-0177", "email": "bo@example.edu"}
ACCOUNTS = (
    ("  mainstay:\n", "    - {name: second, portal_id: 70001, access_token: second-token}\n  mainstay:\n"),
    ("instances:\n", "    - {name: lake, org_id: lake, api_token: lake-token}\ninstances:\n"),
    ("hubspot: [{name: portal,", "hubspot:\n    - {name: portal,"),
    ("pat-na1-sandbox}]", "pat-na1-sandbox}"),
)


def two_tenants() -> str:
    text = configuration("incoming", "outgoing")
    for old, new in ACCOUNTS:
        text = text.replace(old, new, 1)
    for direction in ("incoming", "outgoing"):
        lines = [f"  - name: {direction}-lake", f"    direction: {direction}", "    hubspot: second"]
        lines += ["    mainstay: lake", "    enabled: true", "    mappings:" + MAPPINGS.rstrip()]
        text += "\n".join(lines) + "\n"
    return text


def of(one: Scene, side: str, tenant: str) -> list[dict[str, Any]]:
    """The contacts of the second portal or organisation."""
    found: list[dict[str, Any]] = getattr(one, side).ask("GET", f"contacts?{tenant}")["contacts"]
    return found


def test_two_tenants_with_the_same_record_ids_never_meet(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.hubspot.post("portals", portal=70001, tokens=["second-token"])
        one.mainstay.post("orgs", org="lake", tokens=["lake-token"], webhook_secrets=[MAINSTAY_SECRET])
        one.apply(two_tenants())
        one.start()
        ana = one.hubspot.create(**ANA)
        bo = str(one.hubspot.ask("POST", "contacts?portal=70001", {"properties": BO})["id"])
        assert ana == bo, "the two portals have records of one id"
        one.settle()
        [river], [lake] = one.mainstay.all(), of(one, "mainstay", "org=lake")
        assert (river["first_name"], lake["first_name"]) == ("Ana", "Bo")
        one.hubspot.ask("PATCH", f"contacts/{bo}?portal=70001", {"properties": {"firstname": "Bob"}})
        one.mainstay.edit(river["id"], last_name="Ruiz-Vega")
        one.settle()
        assert one.hubspot.get(ana)["lastname"] == "Ruiz-Vega"
        [second] = of(one, "hubspot", "portal=70001")
        assert (second["properties"]["firstname"], second["properties"]["lastname"]) == ("Bob", "Lind")
        assert of(one, "mainstay", "org=lake")[0]["first_name"] == "Bob"
        assert one.mainstay.get(river["id"])["first_name"] == "Ana"
        with one.wiring.database.reading() as session:
            links = {(row.hubspot_account_id, row.mainstay_id) for row in session.query(models.Link)}
            assert len(links) == 2 and len({account for account, _ in links}) == 2
            for row in session.query(models.Outcome):
                pair = (one.instance("incoming"), one.instance("incoming-lake"))
                allowed = {(i.hubspot.id, i.mainstay.id) for i in pair}
                assert row.instance_id == 0 or (row.hubspot_account_id, row.mainstay_account_id) in allowed
        # The erasure of one leaves the other.
        one.hubspot.post("privacy-delete", id=ana)
        one.settle()
        with one.wiring.database.reading() as session:
            [left] = session.query(models.Link)
            assert left.mainstay_id == lake["id"]
            assert session.query(models.Outcome).filter_by(hubspot_id=bo).count() > 0
            key, second_account = one.wiring.digest_key(), one.instance("incoming-lake").hubspot.id
            assert erasure.buried(session, key, second_account, [bo]) == {}
        assert one.codes() == [] and one.dead() == []


@pytest.mark.parametrize("secret", [kit.GLOBAL_SECRET, kit.LAKE_SECRET, kit.SECRET])
def test_an_organisation_with_its_own_secret_is_spoken_for_by_that_alone(secret: str) -> None:
    here = kit.site()
    if secret == kit.SECRET:
        raw = kit.raw_of(kit.told("river"))
        headers = kit.hubspot_headers(raw, secret=secret)
        assert here.client.post("/webhooks/mainstay", data=raw, headers=headers).status_code == 401
    else:
        assert here.mainstay(kit.told("river"), secret=secret).status_code == 401
        assert here.mainstay([kit.told("river"), kit.told("lake")], secret=secret).status_code in (204, 401)
    assert here.queue.messages == []  # lake has no enabled instance here
    assert here.mainstay(kit.told("river"), secret=kit.RIVER_SECRET).status_code == 204
    assert [message.address for message in here.queue.messages] == [kit.TO_OUTGOING]


@pytest.mark.parametrize("secret", [kit.RIVER_SECRET, kit.LAKE_SECRET])
def test_an_organisations_secret_speaks_for_nobody_else(secret: str) -> None:
    here = kit.site()
    assert here.mainstay(kit.told("hill"), secret=secret).status_code == 401
    assert here.mainstay([kit.told("hill"), kit.told("nowhere")], secret=secret).status_code == 401
    assert here.queue.messages == []


def test_a_request_for_one_endpoint_is_refused_at_the_other() -> None:
    here = kit.site()
    hubspot, mainstay = kit.raw_of([kit.change()]), kit.raw_of(kit.told())
    signed = kit.hubspot_headers(hubspot), kit.mainstay_headers(mainstay)
    assert here.client.post("/webhooks/mainstay", data=hubspot, headers=signed[0]).status_code == 401
    assert here.client.post("/webhooks/hubspot", data=mainstay, headers=signed[1]).status_code == 401
    # Even under one and the same secret, a body that both would read.
    both = kit.raw_of([kit.change(), kit.told()])
    uri = "https://sync.example.edu/webhooks/mainstay"
    headers = kit.hubspot_headers(both, uri=uri)
    assert here.client.post("/webhooks/hubspot", data=both, headers=headers).status_code == 401
    assert here.queue.messages == []


def test_a_replayed_request_changes_nothing_and_an_old_one_is_refused(tmp_path: Path) -> None:
    """Within the five minutes a replay says once more "look at this contact": nothing is written."""
    raw = kit.raw_of([kit.change()])
    for away_ms in (-300_001, 300_001, -86_400_000, 10**15):
        headers = kit.hubspot_headers(raw, at_ms=kit.NOW_MS + away_ms)
        assert kit.site().client.post("/webhooks/hubspot", data=raw, headers=headers).status_code == 401
    with scene(tmp_path) as one:
        one.hubspot.set(duplicate_deliveries=True)
        one.mainstay.set(duplicate_deliveries=True)
        one.apply(configuration("incoming", "outgoing"))
        one.start()
        one.hubspot.create(**ANA)
        one.settle()
        writes = [side.counters()["accounts"] for side in (one.hubspot, one.mainstay)]
        assert len(one.mainstay.all()) == 1 and one.codes() == []
        one.settle()
        assert [side.counters()["accounts"] for side in (one.hubspot, one.mainstay)] == writes


def test_an_app_speaks_for_the_portals_that_are_connected_and_for_no_other() -> None:
    here = kit.site()
    body = [kit.change(portalId=number) for number in (1, 999, 62515)]
    body += [kit.change(portalId="62515 "), kit.change(portalId=[62515]), kit.change(portalId=True)]
    assert here.hubspot(body).status_code == 204
    assert {message.address for message in here.queue.messages} == {kit.TO_INCOMING}
    assert len(here.queue.messages) == 1 and "999" not in json.dumps([m.contact for m in here.queue.messages])


def test_accounts_are_found_by_platform_too() -> None:
    """A portal's number is no organisation's name."""
    here = kit.site()
    assert here.mainstay(kit.told("62515"), secret=kit.GLOBAL_SECRET).status_code in (204, 401)
    assert here.queue.messages == []
    assert kit.TABLE.account(Platform.MAINSTAY, "62515") is None
