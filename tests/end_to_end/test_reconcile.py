"""Reconcile: both sides compared by the rules of a sync; the differences queued; lost deletions found."""

import csv
import io
import json
from collections import Counter
from pathlib import Path

import pytest

from consumers.jobs.reconcile import Row, State, reconcile
from core.platforms.errors import Unavailable
from core.store import links
from core.store.links import Pair
from tests.end_to_end.clockwork import contact, job_of, page_calls, record
from tests.end_to_end.processes import deployment
from tests.end_to_end.scene import Scene, configuration, scene

LEADS = {"incoming": "[{field: lifecyclestage, values: [lead]}]"}


def compared(one: Scene, name: str = "incoming", *, fix: bool = False) -> dict[str, Row]:
    """The rows by contact; everybody once."""
    rows = list(reconcile(one.wiring, one.instance(name), fix=fix))
    assert len({row.contact for row in rows}) == len(rows)
    return {row.contact: row for row in rows}


def states(rows: dict[str, Row]) -> dict[str, str]:
    return {contact: str(row.state) for contact, row in rows.items()}


def deaf(one: Scene) -> None:
    one.settle()
    one.hubspot.set(webhooks=False)
    one.mainstay.set(webhooks=False)


def test_every_way_two_sides_can_stand(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming", filters=LEADS))
        one.start("incoming")
        same, edited, excluded, erased = (
            one.hubspot.create(**record(number, lifecyclestage="lead")) for number in range(4)
        )
        deaf(one)
        tied = {c["crm_id"]: c["id"] for c in one.mainstay.all()}
        one.hubspot.edit(edited, lastname="Vega", email="vega@example.edu")
        one.hubspot.edit(excluded, lifecyclestage="customer")
        one.hubspot.archive(erased)
        new = one.hubspot.create(**record(10, lifecyclestage="lead"))
        wrong = one.hubspot.create(**record(11, lifecyclestage="lead", phone="12"))
        alone = one.mainstay.create(**contact(20))
        one.mainstay.archive(one.mainstay.create(**contact(21)))
        before = one.outcomes()
        rows = compared(one)
        assert states(rows) == {
            f"hubspot:{same}": "in sync",
            f"hubspot:{edited}": "differs",
            f"hubspot:{excluded}": "excluded",
            f"hubspot:{erased}": "gone",
            f"hubspot:{new}": "only here",
            f"hubspot:{wrong}": "error",
            f"mainstay:{alone}": "only there",
        }
        differs = rows[f"hubspot:{edited}"]
        assert differs.counterpart == f"mainstay:{tied[edited]}"
        assert differs.fields == ("last_name", "email")
        assert "Vega" not in str(differs) and "vega" not in str(differs)
        assert rows[f"hubspot:{excluded}"].why == "lifecyclestage is not lead"
        assert rows[f"hubspot:{wrong}"].code == "invalid-phone"
        assert rows[f"hubspot:{erased}"].counterpart == f"mainstay:{tied[erased]}"
        assert one.outcomes() == before and one.codes() == [] and not any(one.depths().queues.values())


def test_fix_brings_both_sides_in_step_and_drops_dead_links(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("incoming")
        edited, erased = (one.hubspot.create(**record(number)) for number in range(2))
        deaf(one)
        one.hubspot.edit(edited, lastname="Vega")
        one.hubspot.archive(erased)
        new = one.hubspot.create(**record(10))
        told = Counter(states(compared(one, fix=True)).values())
        job = job_of(one, "reconcile", "incoming")
        assert (job.state, job.queued, job.counts) == ("done", 3, dict(told)) and sum(told.values()) == 3
        one.settle()
        now = {c["crm_id"]: c["last_name"] for c in one.mainstay.all()}
        assert now == {edited: "Vega", erased: "Ruiz1", new: "Ruiz10"}
        pair = Pair(one.instance("incoming").hubspot.id, one.instance("incoming").mainstay.id)
        with one.wiring.database.reading() as session:
            assert {link.hubspot_id for link in links.page(session, pair, 0)} == {edited, new}
        again = compared(one)
        assert states(again).pop(f"hubspot:{edited}") == "in sync"
        [left] = [row for row in again.values() if row.state is not State.IN_SYNC]
        assert (left.state, left.why) == (
            State.ONLY_THERE,
            f"its CRM ID {erased} leads to no HubSpot record",
        )


def test_a_lost_merge_is_found_and_followed(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        one.start("incoming")
        first = one.hubspot.create(**record(1))
        deaf(one)
        second = one.hubspot.create(firstname="Ana", lastname="Ruiz1", email="other@example.edu")
        one.hubspot.set(merge_object_id="new")
        one.hubspot.post("merge", primary=first, other=second)
        survivor = next(r["id"] for r in one.hubspot.all())
        assert survivor not in (first, second)
        compared(one, fix=True)
        one.settle()
        [person] = one.mainstay.all()
        assert person["crm_id"] == survivor
        assert set(states(compared(one)).values()) == {"in sync"}


def test_the_other_direction(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("outgoing"))
        one.start("outgoing")
        same, edited, erased = (one.mainstay.create(**contact(number)) for number in range(3))
        deaf(one)
        record_of = {c["id"]: c["crm_id"] for c in one.mainstay.all()}
        one.mainstay.edit(edited, email="vega@example.edu")
        one.hubspot.archive(record_of[erased])
        new = one.mainstay.create(**contact(10))
        hidden = one.mainstay.create(**contact(11))
        one.mainstay.archive(hidden)
        alone = one.hubspot.create(**record(20))
        rows = compared(one, "outgoing")
        assert states(rows) == {
            f"mainstay:{same}": "in sync",
            f"mainstay:{edited}": "differs",
            f"mainstay:{erased}": "gone",
            f"mainstay:{new}": "only here",
            f"mainstay:{hidden}": "excluded",
            f"hubspot:{alone}": "only there",
        }
        assert rows[f"mainstay:{edited}"].fields == ("email",)
        assert rows[f"mainstay:{erased}"].code == "crm-id-not-found"


def test_two_way_a_value_that_has_to_travel_the_other_way_differs_too(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing"))
        one.start()
        known = one.hubspot.create(**record(1))
        deaf(one)
        [person] = one.mainstay.all()
        one.mainstay.edit(person["id"], last_name="Vega")
        row = compared(one, fix=True)[f"hubspot:{known}"]
        assert (row.state, row.fields, row.why) == (State.DIFFERS, ("last_name",), "changed in Mainstay")
        one.settle()
        assert one.hubspot.get(known)["lastname"] == "Vega"


def test_it_reads_pages_not_contacts_where_it_can(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing"))
        one.start()
        for number in range(20):
            one.mainstay.create(**contact(number))
        deaf(one)
        before = page_calls(one)
        assert len(compared(one, "outgoing")) == 20
        after = page_calls(one)
        # HubSpot: one batch read of the records, one page of the list. Mainstay: the total and the page.
        assert {name: after[name] - before[name] for name in after} == {"hubspot": 2, "mainstay": 2}


def test_a_platform_that_does_not_answer_is_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumers.jobs.forecast.AGAIN_S", (0.01, 0.02))
    with scene(tmp_path) as one:
        one.apply(configuration("incoming"))
        deaf(one)
        one.hubspot.create(**record(1))
        one.mainstay.fault(kind="503", times=2)
        assert set(states(compared(one)).values()) == {"only here"}, "it stumbled, and then answered"
        one.mainstay.fault(kind="503")
        with pytest.raises(Unavailable):
            compared(one, fix=True)
        assert not any(one.depths().queues.values())
        assert one.idle()


@pytest.mark.processes
def test_by_command(tmp_path: Path) -> None:
    with deployment(tmp_path) as one:
        one.apply(configuration("incoming"))
        deaf(one)
        new = one.hubspot.create(**record(1))
        told = json.loads(one.crosswalk("reconcile", "incoming", "--json"))
        assert told["counts"] == {
            **dict.fromkeys(("in sync", "differs", "only there", "excluded", "gone", "error"), 0),
            "only here": 1,
        }
        [row] = told["contacts"]
        assert (row["state"], row["contact"], row["counterpart"]) == ("only here", f"hubspot:{new}", None)
        [line] = csv.DictReader(io.StringIO(one.crosswalk("reconcile", "incoming", "--format", "csv")))
        assert (line["state"], line["contact"]) == ("only here", f"hubspot:{new}")
        assert f"only here  hubspot:{new}" in one.crosswalk("reconcile", "incoming", "--fix")
        one.start("incoming")
        one.settle()
        assert [c["crm_id"] for c in one.mainstay.all()] == [new]
        assert json.loads(one.crosswalk("reconcile", "incoming", "--json"))["counts"]["in sync"] == 1
