"""The configuration wizard, both ways, without JavaScript: steps, drafts, checks, Finish."""

import re

import pytest

from console.access import Role
from console.web import row_checks
from console.web.drafting import DraftRow
from core.domain.fields import Field, FieldType, Option
from core.store import accounts, audit, drafts, instances, jobs, outcomes, users, watermarks
from core.store.outcomes import OutcomeRow
from tests.integration.console.kit import MAINSTAY_TOKEN, Browser, Scene

ROWS = [("first_name", "firstname"), ("last_name", "lastname"), ("phone", "phone"), ("email", "email")]


def mapping(do, rows=ROWS, filters=(), **more):
    """The mapping page's form."""
    form = {"do": do, "rows": [str(n) for n in range(len(rows))]}
    for n, (mainstay, hubspot) in enumerate(rows):
        form |= {f"row-{n}-mainstay": mainstay, f"row-{n}-hubspot": hubspot, f"row-{n}-when": "keep"}
    form["filters"] = [str(n) for n in range(len(filters))]
    for n, (name, values) in enumerate(filters):
        form |= {f"filter-{n}-field": name, f"filter-{n}-values": values}
    return form | {name.replace("__", "-"): value for name, value in more.items()}


def begun(scene: Scene, direction="incoming", name="Leads", role=Role.ADMIN) -> Browser:
    """A browser on the mapping step of a new instance, and its draft's path."""
    browser = scene.browser(role)
    browser.post("/integrations/hubspot/new", direction=direction)
    browser.wizard = "/".join(browser.path.split("/")[:3])
    browser.post(f"{browser.wizard}/details", name=name, description="For tests", do="next")
    return browser


def finished(scene: Scene, direction="incoming", name="Leads", rows=ROWS, filters=()) -> Browser:
    browser = begun(scene, direction, name)
    browser.send(f"{browser.wizard}/mapping", mapping("next", rows, filters))
    assert browser.path.endswith("/preview"), browser.words()
    browser.post(f"{browser.wizard}/preview", do="finish")
    return browser


@pytest.mark.parametrize("direction", ["incoming", "outgoing"])
def test_the_whole_wizard(scene, direction):
    scene.connect_both()
    browser = begun(scene, direction)
    assert browser.path.endswith("/authentication")
    browser.post(f"{browser.wizard}/authentication", do="next")
    assert browser.path.endswith("/mapping")
    filters = (
        [("lifecyclestage", ["lead", "opportunity"])] if direction == "incoming" else [("email", "a@b.co")]
    )
    rows = [*ROWS, ("custom.Program", "program")]
    browser.send(f"{browser.wizard}/mapping", mapping("next", rows, filters, row_4_type="text"))
    assert browser.path.endswith("/preview"), browser.words()
    browser.post(f"{browser.wizard}/preview", do="finish")
    found = scene.instance("Leads")
    assert (found.direction, found.enabled, found.description) == (direction, False, "For tests")
    assert [row.key for row in found.mapping.rows] == [f"{m}|{h}" for m, h in rows]
    assert found.mapping.filters[0].values == (
        tuple(filters[0][1]) if direction == "incoming" else ("a@b.co",)
    )
    assert browser.path == f"/integrations/hubspot/instances/{found.id}/enable"
    browser.post(browser.path, since="now")
    assert scene.instance("Leads").enabled and "is on" in browser.page
    with scene.wiring.database.reading() as session:
        assert instances.versions(session, found.id)[0].author == scene.user(Role.ADMIN)
        assert drafts.of_user(session, users.by_email(session, scene.user(Role.ADMIN)).id) == []
        actions = [entry.action for entry in audit.entries(session)]
    assert actions[:2] == ["instance.enabled", "instance.created"]


def test_the_first_enabling_offers_existing_contacts_with_a_dry_run(scene):
    scene.connect_both()
    browser = finished(scene)
    page = browser.get(f"{browser.path}?sample=1")
    assert "Of all 12 contacts" in browser.words() and "Existing contacts too" in page
    browser.post(browser.path, since="all", max_creates="none")
    assert browser.status == 400 and "Enter a number" in browser.page
    browser.post(browser.path, since="all", max_creates="5")
    with scene.wiring.database.reading() as session:
        job = jobs.recent(session)[0]
    assert (job.kind, job.state, dict(job.options)) == ("backfill", "running", {"max_creates": 5})


def test_enabling_again_offers_what_changed_meanwhile(scene):
    scene.connect_both()
    browser = finished(scene)
    enable = browser.path
    browser.post(enable, since="now")
    found = scene.instance("Leads")
    browser.post(enable.replace("enable", "switch"), to="off")
    assert not scene.instance("Leads").enabled and "is off" in browser.page
    browser.post(enable.replace("enable", "switch"), to="on")
    assert browser.path == enable and "What changed while it was off" in browser.page
    with scene.wiring.database.transaction() as session:
        off_ms = instances.times(session, found.id).disabled_at_ms
        for number, (cause, at_ms, ended_ms) in enumerate(
            [
                ("event", off_ms - 40, off_ms - 1),
                ("backfill", off_ms - 30, off_ms),
                ("event", off_ms - 20, off_ms),
            ]
        ):
            told = OutcomeRow(
                str(number), 0, "incoming", "disabled", cause, at_ms, at_ms, ended_ms, 1, instance_id=found.id
            )
            outcomes.record(session, [told])
    browser.post(enable, since="off")
    with scene.wiring.database.reading() as session:
        waited_since_ms = off_ms - 20  # the change was in the queue when the instance was switched off
        assert watermarks.get(session, found.id).modified_ms == waited_since_ms


def test_deleting_names_its_effect_and_asks_for_the_name_where_something_waits(scene, monkeypatch):
    scene.connect_both()
    browser = finished(scene)
    found = scene.instance("Leads")
    path = f"/integrations/hubspot/instances/{found.id}/delete"
    assert "Nothing is waiting" in browser.get(path)
    from console import overview

    monkeypatch.setattr(overview, "_waiting", lambda _: {"Leads": 3})
    assert "3 waiting changes" in browser.get(path)
    browser.post(path, name="leads")
    assert browser.status == 400 and scene.instance("Leads") is not None
    browser.post(path, name="Leads")
    assert browser.path == "/integrations/hubspot" and scene.instance("Leads") is None


def test_a_draft_is_kept_at_every_step_and_belongs_to_its_user(scene):
    scene.connect_both()
    browser = begun(scene)
    browser.send(f"{browser.wizard}/mapping", mapping("exit", [*ROWS, ("custom.Program", "")]))
    assert browser.path == "/integrations/hubspot" and "Your drafts" in browser.page
    page = browser.get(f"{browser.wizard}/mapping")
    assert 'value="custom.Program" selected' in page
    assert scene.browser(Role.OWNER).get(f"{browser.wizard}/mapping").count("There is nothing here")
    browser.post(f"{browser.wizard}/discard")
    browser.get(f"{browser.wizard}/mapping")
    assert browser.status == 404


def test_a_blank_name_and_a_taken_one_are_said_at_the_field(scene):
    scene.connect_both()
    finished(scene)
    browser = begun(scene, name="")
    assert browser.status == 400 and 'href="#name"' in browser.page and 'aria-invalid="true"' in browser.page
    browser.post(f"{browser.wizard}/details", name="Leads", description="kept", do="next")
    assert "has this name already" in browser.page and "kept</textarea>" in browser.page


def test_every_problem_of_a_mapping_is_at_its_row_and_in_the_summary(scene):
    scene.connect_both()
    browser = begun(scene)
    rows = [("first_name", "firstname"), ("last_name", "nonsense"), ("first_name", "city"), ("", "zip")]
    page = browser.send(f"{browser.wizard}/mapping", mapping("next", rows, [("lifecyclestage", [])]))
    assert browser.status == 400
    summary = page[page.index('class="summary"') : page.index("</div>", page.index('class="summary"'))]
    for expected in (
        'href="#row-1-hubspot">Row 2: HubSpot has no property',
        'href="#row-2-mainstay">Row 3: Mainstay&#39;s first_name is the target of row 1',
        'href="#row-3-mainstay">Row 4: The Mainstay field is blank',
        'href="#filter-0-values">Filter 1: No values',
        "Phone is not mapped",
        "Email is not mapped",
    ):
        assert expected in summary, (expected, summary)
    assert 'value="nonsense" selected' in page  # nothing that was chosen is lost


def test_rows_are_added_removed_suggested_and_confirmed(scene):
    scene.connect_both()
    browser = begun(scene)
    path = f"{browser.wizard}/mapping"
    assert browser.send(path, mapping("add-row")).count('name="rows"') == 5
    assert browser.send(path, mapping("remove-row:3")).count('name="rows"') == 3
    page = browser.send(path, mapping("suggest"))
    assert 'value="custom.Program" selected' in page and page.count('class="tag new">Suggested') == 6
    assert browser.send(path, mapping("add-filter")).count('name="filters"') == 1
    assert (
        browser.send(path, mapping("remove-filter:0", filters=[("city", "x")])).count('name="filters"') == 0
    )


def test_the_lists_hold_every_field_and_say_why_some_cant_be_written(scene):
    scene.connect_both()
    page = begun(scene, "outgoing").get("/wizard/1/mapping")
    assert re.search(r'<option value="createdate" disabled>.*read-only: HubSpot sets it by itself', page)
    assert re.search(r'<option value="custom.GPA">GPA · custom.GPA', page)
    assert "CRM ID" in page and "Always mapped" in page and "Every Mainstay contact has a first name" in page


def test_choices_are_mapped_by_name_where_mainstay_tells_no_options(scene):
    scene.connect_both()
    browser = begun(scene, "outgoing")
    rows = [*ROWS, ("custom.Program", "program")]
    form = mapping("check", rows)
    form |= {"row-4-option": ["RN", ""], "row-4-becomes": ["nursing_bsn", "biology"]}
    page = browser.send(f"{browser.wizard}/mapping", form)
    assert 'name="row-4-option" value="RN"' in page
    browser.send(f"{browser.wizard}/mapping", form | {"do": "next"})
    browser.post(f"{browser.wizard}/preview", do="finish")
    assert scene.instance("Leads").mapping.row_for("custom.Program").options == (("RN", "nursing_bsn"),)


def test_choices_are_mapped_option_by_option_where_both_sides_tell_them():
    ours = Field(
        "custom.Program", "Program", FieldType.CHOICE, (Option("RN", "RN"), Option("Biology", "Bio"))
    )
    theirs = Field(
        "program", "P", FieldType.CHOICE, (Option("nursing", "Nursing"), Option("biology", "Biology"))
    )
    lines = row_checks.option_lines(
        DraftRow("custom.Program", "program", options={"RN": "nursing"}), ours, theirs
    )
    assert [(one.mainstay, one.chosen, one.automatic) for one in lines] == [
        ("RN", "nursing", ""),
        ("Biology", "", "Biology"),
    ]


def test_the_type_of_a_custom_field_can_be_told(scene):
    _, mainstay_id = scene.connect_both()
    rows = [*ROWS, ("custom.Birth Date", "date_of_birth")]
    browser = begun(scene)
    browser.send(f"{browser.wizard}/mapping", mapping("next", rows) | {"row-4-type": "date"})
    browser.post(f"{browser.wizard}/preview", do="finish")
    found = scene.instance("Leads")
    assert found.mapping.row_for("custom.Birth Date").mainstay.type is FieldType.DATE
    with scene.wiring.database.reading() as session:
        assert accounts.field_types(session, mainstay_id) == {"Birth Date": "date"}


def test_a_field_that_disappeared_is_red_and_holds_nothing_else_up(scene):
    scene.connect_both()
    finished(scene, rows=[*ROWS, ("custom.GPA", "gpa")])
    found = scene.instance("Leads")
    book = scene.hubspot.world.portals["62515"].book
    book.catalogue["gpa"].archived = True
    browser = scene.browser(Role.ADMIN)
    browser.post(f"/integrations/hubspot/instances/{found.id}/edit")
    path = browser.path.replace("details", "mapping")
    browser.get(path)
    page = browser.send(path, mapping("refresh", [*ROWS, ("custom.GPA", "gpa")]))
    assert "HubSpot no longer has this field" in page and "mapping-row wrong" in page
    assert page.count("Both are") == 4  # the other rows are as good as before
    browser.send(path, mapping("next"))
    assert browser.path.endswith("/preview")
    browser.post(browser.path, do="finish")
    assert scene.instance("Leads").mapping_version == 2


@pytest.mark.parametrize("platform", ["hubspot", "mainstay"])
def test_a_platform_that_is_away_is_said_and_the_draft_is_kept(scene, platform):
    scene.connect_both()
    browser = begun(scene)
    path = f"{browser.wizard}/mapping"
    browser.get(path)
    getattr(scene, platform).faults.add({"kind": "500"})
    page = browser.send(path, mapping("refresh", [*ROWS, ("custom.GPA", "gpa")]))
    assert "does not answer at the moment" in page and "Your draft is kept" in page
    assert 'value="custom.GPA" selected' in page
    browser.send(path, mapping("next"))
    browser.post(f"{browser.wizard}/preview", do="finish")
    assert scene.instance("Leads") is None and "can&#39;t be asked" in browser.page
    browser.get("/integrations/hubspot")
    assert "Your drafts" in browser.page


def test_a_preview_shows_filter_matching_and_every_field(scene):
    scene.connect_both()
    browser = begun(scene)
    browser.send(f"{browser.wizard}/mapping", mapping("next", filters=[("lifecyclestage", ["customer"])]))
    contact = re.search(r'<option value="(\d+)"', browser.page)[1]
    browser.get(f"{browser.wizard}/preview?contact={contact}&sample=1")
    words = browser.words()
    assert "Filtered out: nothing would be written" in words
    assert "Lifecycle Stage needs customer" in words and "Of all 12 contacts" in words
    browser.send(f"{browser.wizard}/mapping", mapping("next"))
    browser.get(f"{browser.wizard}/preview?contact={contact}")
    assert "Matching" in browser.words() and "Field by field" in browser.words()
    browser.post(f"{browser.wizard}/preview", do="find", find="nobody at all")
    assert "Nobody fits" in browser.words() and "nobody" not in browser.path


def test_the_count_writes_nothing(scene):
    scene.connect_both()
    browser = begun(scene)
    before = scene.mainstay.export_state(), scene.hubspot.export_state()
    browser.get(f"{browser.wizard}/preview?sample=1")
    assert "6 would be created" in browser.words()
    assert (scene.mainstay.export_state(), scene.hubspot.export_state()) == before


def test_an_edit_of_an_enabled_instance_says_what_will_change_and_makes_a_version(scene):
    scene.connect_both()
    browser = finished(scene)
    browser.post(browser.path, since="now")
    found = scene.instance("Leads")
    browser.post(f"/integrations/hubspot/instances/{found.id}/edit")
    wizard = browser.path.removesuffix("/details")
    assert "Leads is on" in browser.words()
    browser.post(f"{wizard}/details", name="New leads", do="next")
    browser.send(f"{wizard}/mapping", mapping("next", [*ROWS, ("custom.GPA", "gpa")]))
    words = browser.words()
    assert "name: Leads → New leads" in words and "mapping added: custom.GPA ↔ gpa" in words
    browser.post(f"{wizard}/preview", do="finish")
    after = scene.instance("New leads")
    assert (after.id, after.enabled, after.mapping_version) == (found.id, True, 2)


def test_versions_are_compared_and_restored(scene):
    scene.connect_both()
    browser = finished(scene)
    found = scene.instance("Leads")
    base = f"/integrations/hubspot/instances/{found.id}"
    browser.post(f"{base}/edit")
    wizard = browser.path.removesuffix("/details")
    browser.send(f"{wizard}/mapping", mapping("next", [*ROWS, ("custom.GPA", "gpa")]))
    browser.post(f"{wizard}/preview", do="finish")
    browser.get(f"{base}/versions?from=1&to=2")
    assert "From version 1 to version 2 mapping added: custom.GPA ↔ gpa" in browser.words()
    browser.post(f"{base}/versions/1/restore")
    assert "mapping removed: custom.GPA ↔ gpa" in browser.words()
    browser.post(browser.path, do="finish")
    after = scene.instance("Leads")
    assert after.mapping_version == 3 and after.mapping == found.mapping


def test_two_editors_at_once_do_not_overwrite_each_other_in_silence(scene):
    scene.connect_both()
    finished(scene)
    base = f"/integrations/hubspot/instances/{scene.instance('Leads').id}"
    one, other = scene.browser(Role.ADMIN), scene.browser(Role.OWNER)
    for browser in (one, other):
        browser.post(f"{base}/edit")
        browser.wizard = browser.path.removesuffix("/details")
    one.send(f"{one.wizard}/mapping", mapping("next", [*ROWS, ("custom.GPA", "gpa")]))
    one.post(f"{one.wizard}/preview", do="finish")
    other.send(f"{other.wizard}/mapping", mapping("next", [*ROWS, ("custom.Program", "program")]))
    other.post(f"{other.wizard}/preview", do="finish")
    assert other.status == 400 and "Somebody saved another version" in other.page
    other.post(f"{other.wizard}/preview", do="finish", overwrite="yes")
    assert scene.instance("Leads").mapping_version == 3


def test_accounts_are_added_by_token_in_the_wizard_and_legacy_keys_are_ignored(scene):
    browser = begun(scene)
    path = f"{browser.wizard}/authentication"
    browser.send(path, {"do": "mainstay-test", "mainstay_token": "wrong"})
    assert "Mainstay does not accept this token" in browser.page
    browser.send(path, {"do": "mainstay-test", "mainstay_token": MAINSTAY_TOKEN})
    assert "It belongs to the organisation river" in browser.page
    browser.send(path, {"do": "mainstay-token", "mainstay_token": MAINSTAY_TOKEN})
    browser.send(path, {"do": "hubspot-token", "hubspot_token": "pat-na1-sandbox", "api_key": "legacy"})
    browser.send(path, {"do": "next"})
    assert browser.path.endswith("/mapping")
    with scene.wiring.database.reading() as session:
        for account in accounts.all_accounts(session):
            held = accounts.credentials(session, scene.wiring.sealer, account.id).values
            assert "legacy" not in str(held) and held["connected_by"] == scene.user(Role.ADMIN)


def test_a_conflict_with_another_instance_is_told_when_switching_on(scene):
    scene.connect_both()
    browser = finished(scene)
    with scene.wiring.database.transaction() as session:
        found = instances.by_name(session, "Leads")
        other = accounts.create(
            session,
            scene.wiring.sealer,
            platform="hubspot",
            name="Other",
            external_id="1",
            values={"access_token": "x"},
            now_ms=1,
        )
        made = instances.create(
            session,
            name="Rival",
            direction=found.direction,
            hubspot=other,
            mainstay=found.mainstay,
            mapping=found.mapping,
            now_ms=1,
        )
        instances.set_enabled(session, made.id, True, 1)
    browser.post(browser.path, since="now")
    assert browser.status == 400 and "would both write" in browser.page
    assert not scene.instance("Leads").enabled


def test_a_new_name_is_saved_though_a_field_is_gone_and_a_platform_is_away(scene):
    scene.connect_both()
    finished(scene, rows=[*ROWS, ("custom.GPA", "gpa")])
    found = scene.instance("Leads")
    scene.hubspot.world.portals["62515"].book.catalogue["gpa"].archived = True
    scene.mainstay.faults.add({"kind": "500"})
    browser = scene.browser(Role.ADMIN)
    browser.post(f"/integrations/hubspot/instances/{found.id}/edit")
    wizard = browser.path.removesuffix("/details")
    browser.post(f"{wizard}/details", name="Students", description="Renamed", do="next")
    browser.post(f"{wizard}/preview", do="finish")
    after = scene.instance("Students")
    assert (after.id, after.description, after.mapping_version) == (found.id, "Renamed", 1)
    assert after.mapping == found.mapping
