"""Two-way fields: who wins, echoes cost nothing, and what a platform rewrites does not start a ping-pong."""

from pathlib import Path

import pytest

from tests.end_to_end.scene import MAPPINGS, Scene, configuration, scene, until

ANA = {"firstname": "Ana", "lastname": "Ruiz", "phone": "(617) 555-0100", "email": "ana@example.edu"}
PROGRAM = MAPPINGS + "      - {mainstay: custom.Program, hubspot: city}\n"


def linked(one: Scene, mappings: str = MAPPINGS) -> tuple[str, str]:
    """A pair in step, two-way, consumers running: (HubSpot id, Mainstay id)."""
    one.apply(configuration("incoming", "outgoing", mappings=mappings))
    one.start()
    record = one.hubspot.create(**ANA)
    one.settle()
    [contact] = one.mainstay.all()
    return record, contact["id"]


def test_edits_of_different_fields_at_the_same_time_both_survive(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        record, contact = linked(one)
        one.stop()
        one.hubspot.edit(record, firstname="Anna")
        one.mainstay.edit(contact, email="anna@example.edu")
        one.start()
        one.settle()
        for side in (one.hubspot.get(record), one.mainstay.get(contact)):
            assert "Anna" in (side.get("firstname"), side.get("first_name"))
            assert side["email"] == "anna@example.edu"
        assert one.codes() == []


@pytest.mark.parametrize("first", ["incoming", "outgoing"])
@pytest.mark.parametrize("winner", ["hubspot", "mainstay"])
def test_edits_of_one_field_on_both_sides_the_later_wins(tmp_path: Path, first: str, winner: str) -> None:
    """Whichever direction looks first."""
    with scene(tmp_path) as one:
        record, contact = linked(one)
        one.stop()
        if winner == "hubspot":
            one.mainstay.edit(contact, last_name="Mainstay")
            until(one.mainstay.quiet)
            one.hubspot.edit(record, lastname="HubSpot")
        else:
            one.hubspot.edit(record, lastname="HubSpot")
            until(one.hubspot.quiet)
            one.mainstay.edit(contact, last_name="Mainstay")
        until(lambda: one.hubspot.quiet() and one.mainstay.quiet())
        one.start(first)
        until(lambda: not any(n for a, n in one.depths().queues.items() if a.lane == first))
        one.start("outgoing" if first == "incoming" else "incoming")
        one.settle()
        value = "HubSpot" if winner == "hubspot" else "Mainstay"
        assert one.hubspot.get(record)["lastname"] == value
        assert one.mainstay.get(contact)["last_name"] == value
        assert one.codes() == []


def test_a_blank_under_keep_does_not_travel_and_the_other_side_stays(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        record, contact = linked(one)
        one.hubspot.edit(record, email="")
        one.settle()
        assert one.mainstay.get(contact)["email"] == "ana@example.edu"
        assert not one.hubspot.get(record).get("email")
        one.mainstay.edit(contact, email="new@example.edu")
        one.settle()
        assert one.hubspot.get(record)["email"] == "new@example.edu"


def test_a_blank_under_clear_travels(tmp_path: Path) -> None:
    mappings = MAPPINGS + "      - {mainstay: custom.High School, hubspot: city, when_empty: clear}\n"
    with scene(tmp_path) as one:
        one.mainstay.post("custom-fields", name="High School") if not has_field(one, "High School") else None
        record, contact = linked(one, mappings)
        one.hubspot.edit(record, city="Boston Latin")
        one.settle()
        assert one.mainstay.get(contact)["custom"]["High School"] == "Boston Latin"
        one.mainstay.edit(contact, custom={"High School": ""})
        one.settle()
        assert not one.hubspot.get(record).get("city")


def has_field(one: Scene, name: str) -> bool:
    return any(name in contact.get("custom", {}) for contact in one.mainstay.all())


def test_echoes_of_updates_cost_no_call_on_either_platform(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        record, contact = linked(one)
        one.stop()
        one.start("incoming")
        one.hubspot.edit(record, firstname="Anna")
        until(lambda: one.mainstay.get(contact)["first_name"] == "Anna")
        until(lambda: one.hubspot.quiet() and one.mainstay.quiet())
        until(lambda: not any(n for a, n in one.depths().queues.items() if a.lane == "incoming"))
        before = one.hubspot.calls(), one.mainstay.calls()
        one.start("outgoing")
        one.settle()
        assert (one.hubspot.calls(), one.mainstay.calls()) == before


def test_platforms_that_rewrite_start_no_ping_pong(tmp_path: Path) -> None:
    hubspot = {"rewrite_trim": True, "rewrite_lowercase_email": True, "rewrite_phone": True}
    mainstay = {"rewrite_trim": True, "rewrite_lowercase_email": True}
    with scene(tmp_path, hubspot_options=hubspot, mainstay_options=mainstay) as one:
        record, contact = linked(one)
        one.hubspot.edit(record, email="Ana.RUIZ@Example.EDU", firstname="  Ana Maria ")
        one.settle()
        one.mainstay.edit(contact, email="A.Ruiz@EXAMPLE.edu", phone="6175550188")
        one.settle()
        writes = total_writes(one)
        one.hubspot.edit(record, lastname="Ruiz Vega")
        one.settle()
        assert total_writes(one) == writes + 1
        assert one.hubspot.get(record)["email"].lower() == "a.ruiz@example.edu"
        assert one.mainstay.get(contact)["first_name"] == "Ana Maria"
        assert one.codes() == []


def total_writes(one: Scene) -> int:
    return sum(
        int(account["total_writes"])
        for side in (one.hubspot, one.mainstay)
        for account in side.counters()["accounts"].values()
    )


def test_a_late_echo_of_an_old_value_brings_nothing_back(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        record, contact = linked(one)
        one.mainstay.set(delivery_delay_s=1.0)
        one.hubspot.edit(record, firstname="Anna")
        until(lambda: one.mainstay.get(contact)["first_name"] == "Anna")
        one.hubspot.edit(record, firstname="Annette")
        one.settle()
        assert one.hubspot.get(record)["firstname"] == "Annette"
        assert one.mainstay.get(contact)["first_name"] == "Annette"


def test_a_late_echo_of_what_was_written_over_costs_no_call(tmp_path: Path) -> None:
    with scene(tmp_path) as one:
        record, contact = linked(one)
        one.hubspot.set(delivery_delay_s=2.0)
        for name in ("Anna", "Annette", "Anne"):
            one.mainstay.edit(contact, first_name=name)
            until(lambda name=name: one.hubspot.get(record)["firstname"] == name)  # type: ignore[misc]
        before = one.hubspot.calls(), one.mainstay.calls()
        one.settle()
        assert (one.hubspot.calls(), one.mainstay.calls()) == before
        one.hubspot.edit(record, firstname="Anna")  # by hand, and later: that is news
        one.settle()
        assert one.mainstay.get(contact)["first_name"] == "Anna"


def test_duplicate_and_shuffled_deliveries_end_in_step(tmp_path: Path) -> None:
    switches = {"duplicate_deliveries": True, "shuffle_deliveries": True}
    with scene(tmp_path, hubspot_options=switches, mainstay_options=switches) as one:
        record, contact = linked(one)
        for number in range(5):
            one.hubspot.edit(record, firstname=f"Ana{number}")
            one.mainstay.edit(contact, email=f"ana{number}@example.edu")
        one.settle()
        assert one.mainstay.get(contact)["first_name"] == one.hubspot.get(record)["firstname"]
        assert one.mainstay.get(contact)["email"] == one.hubspot.get(record)["email"]
        assert one.codes() == []
        before = total_writes(one)
        one.settle()
        assert total_writes(one) == before


def test_an_edit_of_the_options_is_asserted_by_the_next_sync(tmp_path: Path) -> None:
    """What both sides agreed on under other options is no agreement any more."""
    row = "      - {{mainstay: custom.Program, hubspot: city, options: {{{}}}}}\n"
    with scene(tmp_path) as one:
        one.apply(configuration("incoming", mappings=MAPPINGS + row.format("Nursing: nurse")))
        one.start("incoming")
        record = one.hubspot.create(**ANA, city="nurse")
        one.settle()
        [contact] = one.mainstay.all()
        assert contact["custom"]["Program"] == "Nursing"
        one.apply(configuration("incoming", mappings=MAPPINGS + row.format("Biology: nurse")))
        one.hubspot.edit(record, firstname="Anna")
        one.settle()
        assert one.mainstay.get(contact["id"])["custom"]["Program"] == "Biology"


def test_what_was_skipped_travels_once_the_conflict_is_put_right(tmp_path: Path) -> None:
    """The event that puts the phone back carries the agreed value; the skipped event's note must go too."""
    mappings = MAPPINGS + "      - {mainstay: custom.Notes, hubspot: city}\n"
    with scene(tmp_path) as one:
        one.mainstay.post("custom-fields", name="Notes")
        one.apply(configuration("incoming", mappings=mappings))
        one.start("incoming")
        record = one.hubspot.create(**ANA)
        one.settle()
        [contact] = one.mainstay.all()
        one.hubspot.edit(record, phone="6175550144", city="with another phone")
        one.settle()
        assert one.codes() == ["crm-id-phone-conflict"]
        one.hubspot.edit(record, phone=ANA["phone"])
        one.settle()
        assert one.mainstay.get(contact["id"])["custom"]["Notes"] == "with another phone"
        assert all(entry.resolved_at_ms for entry in one.log())


def test_what_the_filter_kept_back_travels_once_it_lets_through(tmp_path: Path) -> None:
    filters = {"incoming": "[{field: lifecyclestage, values: [lead]}]"}
    with scene(tmp_path, hubspot_options={"lifecycle_forward_only": False}) as one:
        one.apply(configuration("incoming", filters=filters))
        one.start("incoming")
        record = one.hubspot.create(**ANA, lifecyclestage="lead")
        one.settle()
        [contact] = one.mainstay.all()
        one.hubspot.edit(record, lifecyclestage="customer", firstname="Anna")
        one.settle()
        assert one.mainstay.get(contact["id"])["first_name"] == "Ana"
        one.hubspot.edit(record, lifecyclestage="lead")
        one.settle()
        assert one.mainstay.get(contact["id"])["first_name"] == "Anna"


@pytest.mark.parametrize(
    "rule", [{"kind": "503", "times": 1}, {"kind": "reset", "times": 2}, {"kind": "429", "times": 1}]
)
def test_the_crm_id_is_set_though_the_echo_came_between(tmp_path: Path, rule: dict[str, object]) -> None:
    """Setting it fails once; meanwhile HubSpot's event about the new record agrees on every field."""
    with scene(tmp_path, ladder="1s,1s,1s") as one:
        one.apply(configuration("incoming", "outgoing"))
        one.start()
        one.mainstay.fault(method="PATCH", **rule)
        contact = one.mainstay.create(
            first_name="Ben", last_name="Okafor", phone="6175550123", email="ben@example.edu"
        )
        one.settle()
        [record] = one.hubspot.all()
        assert one.mainstay.get(contact)["crm_id"] == record["id"]
        assert one.codes() == []


def test_the_crm_id_is_set_after_an_email_match_though_it_failed_first(tmp_path: Path) -> None:
    with scene(tmp_path, ladder="1s,1s,1s") as one:
        one.apply(configuration("incoming", "outgoing"))
        record = one.hubspot.create(firstname="Ben", lastname="Okafor", email="ben@example.edu")
        one.start("outgoing")
        one.mainstay.fault(method="PATCH", kind="503", times=1)
        contact = one.mainstay.create(
            first_name="Ben", last_name="Okafor", phone="6175550123", email="ben@example.edu"
        )
        until(lambda: one.mainstay.get(contact)["crm_id"] == record)
        one.start("incoming")
        one.settle()
        assert len(one.mainstay.all()) == 1


def test_a_problem_is_told_once_though_our_own_writes_come_back(tmp_path: Path) -> None:
    """The Mainstay ID that the outgoing direction writes into HubSpot is no change of the contact."""
    rows = MAPPINGS + "      - {mainstay: id, hubspot: admithub_id}\n"
    rows += "      - {mainstay: custom.Birth Date, hubspot: city}\n"
    with scene(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing", mappings=rows))
        one.start()
        record = one.hubspot.create(**ANA, city="one day in May")
        one.settle()
        assert one.hubspot.get(record)["admithub_id"]
        assert [(entry.field, entry.resolved_at_ms) for entry in one.log()] == [("custom.Birth Date", None)]
        one.hubspot.edit(record, admithub_id="")
        one.settle()
        one.hubspot.edit(record, city="one day in June")
        one.settle()
        assert [entry.resolved_at_ms is None for entry in one.log()] == [False, True]


def test_a_match_by_phone_leaves_the_crm_id_to_the_other_direction(tmp_path: Path) -> None:
    """Equal values make no echo of the contact's event while its CRM ID is still to be set."""
    with scene(tmp_path) as one:
        one.apply(configuration("incoming", "outgoing"))
        contact = one.mainstay.create(
            first_name="Ana", last_name="Ruiz", phone="6175550100", email="ana@example.edu"
        )
        record = one.hubspot.create(**ANA)
        one.start("incoming")
        until(lambda: not any(n for a, n in one.depths().queues.items() if a.lane == "incoming"))
        assert one.mainstay.get(contact)["crm_id"] is None
        one.start("outgoing")
        one.settle()
        assert one.mainstay.get(contact)["crm_id"] == record
