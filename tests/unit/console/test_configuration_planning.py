"""What a file would change, and every refusal of the contract, by name of the row."""

import textwrap
from dataclasses import replace

import pytest

from console.cli.configuring import apply
from console.configuration.entries import Configuration
from console.configuration.plan import Verb
from console.configuration.planning import plan
from console.configuration.problems import Refused
from console.configuration.reading import read
from console.configuration.stored import Stored, StoredAccount
from core.domain.fields import Platform
from core.domain.instances import Account, Instance
from core.store.accounts import Credentials
from tests.unit.console.fakes import ENVIRONMENT, FILE, FakePlatforms, changed, words

PORTAL = Account(1, Platform.HUBSPOT, "main-portal", "62515")
RIVER = Account(2, Platform.MAINSTAY, "river-university", "river")
OCEAN = Account(3, Platform.MAINSTAY, "ocean-college", "ocean")
SECRETS = {"api_token": "ms-token", "webhook_secrets": ["whsec_c2VjcmV0c2VjcmV0"]}


def kept(account, values, field_types=None):
    return StoredAccount(account, Credentials(1, values), field_types or {})


def planned(text=FILE, stored=None, platforms=None, *, prune=False):
    configuration = read(text, ENVIRONMENT)
    return plan(configuration, stored or Stored(), platforms or FakePlatforms(), prune=prune)


def refused(text=FILE, stored=None, platforms=None):
    with pytest.raises(Refused) as error:
        planned(text, stored, platforms)
    return words(error)


def test_the_example_of_the_commands_help_is_a_good_file():
    lines = (apply.help or "").splitlines()
    example = "\n".join(lines[[line.strip() for line in lines].index("accounts:") :])
    environment = {"HUBSPOT_TOKEN": "hs-token", "MAINSTAY_TOKEN": "ms-token"}
    made = plan(read(textwrap.dedent(example), environment), Stored(), FakePlatforms())
    assert [one.verb for one in made.instances] == [Verb.CREATE]


def test_a_name_stands_on_one_line():
    told = refused(changed("name: hubspot-to-mainstay", 'name: "a\\nb"'))
    assert "holds a line break or another control character" in told


def as_stored(made):
    """The store after a plan was carried out."""
    accounts = (
        kept(PORTAL, {"access_token": "hs-token"}),
        kept(RIVER, SECRETS, {"Alt Email": "email"}),
    )
    instances = tuple(
        Instance(
            10 + n,
            one.name,
            one.entry.direction,
            PORTAL,
            RIVER,
            one.mapping,
            one.enabled,
            description=one.entry.description,
        )
        for n, one in enumerate(made.instances)
    )
    return Stored(accounts, instances)


def verbs(made):
    return [one.verb for one in (*made.accounts, *made.instances)]


def test_an_empty_store_gets_everything():
    made = planned()
    assert verbs(made) == [Verb.CREATE] * 4
    assert made.instances[0].enabled
    assert [row.key for row in made.instances[0].mapping.rows][:2] == [
        "first_name|firstname",
        "last_name|lastname",
    ]


def test_a_second_plan_has_nothing_to_do():
    assert planned(stored=as_stored(planned())).nothing_to_do


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("      - {mainstay: first_name, hubspot: firstname}\n", "", "Mainstay's first_name is not mapped"),
        ("      - {mainstay: last_name,  hubspot: lastname}\n", "", "Mainstay's last_name is not mapped"),
        ("      - {mainstay: phone,      hubspot: phone}\n", "", "Mainstay's phone is not mapped"),
        ("      - {mainstay: email,      hubspot: email}\n", "", "HubSpot's email is not mapped"),
        ("mainstay: email,", "mainstay: custom.Program,", "mappings row 4 (email → custom.Program)"),
        (
            "{mainstay: id, ",
            "{mainstay: email, hubspot: lastname}\n      - {mainstay: id, ",
            "mappings row 5 (lastname → email): Mainstay's email is the target of row 4 already",
        ),
        ("custom.Program,", "custom.Nothing,", "mappings row 6 (program → custom.Nothing): Mainstay has no"),
        (
            "hubspot: program,",
            "hubspot: programme,",
            "mappings row 6 (programme → custom.Program): HubSpot has",
        ),
        (
            "mainstay: custom.Program, hubspot: program",
            "mainstay: can_text, hubspot: program",
            "row 6 (program",
        ),
        (
            "mainstay: id,         hubspot: admithub_id",
            "mainstay: crm_id, hubspot: hs_object_id",
            "row 5 (hs_obj",
        ),
        ("hubspot: email}", "hubspot: birth}", "mappings row 4 (birth → email)"),
        ("field: lifecyclestage", "field: stage", "filters row 1 (stage): HubSpot has no property 'stage'"),
        (
            "{Nursing: nursing_bsn}",
            "{Nursing: nursing_xyz}",
            "mappings row 6 (program → custom.Program): options",
        ),
    ],
)
def test_a_bad_mapping_is_refused_by_its_row(old, new, told):
    problems = refused(changed(old, new))
    assert told in problems
    assert "instances #1 (hubspot-to-mainstay): " in problems


def test_a_read_only_target_is_refused():
    text = changed(
        "hubspot: admithub_id}", "hubspot: admithub_id}\n      - {mainstay: last_name, hubspot: num_forms}"
    )
    assert "instances #2 (mainstay-to-hubspot): mappings row 6 (last_name → num_forms)" in refused(text)


@pytest.mark.parametrize(("platform", "name"), [("HubSpot", "main-portal"), ("Mainstay", "river-university")])
def test_an_account_that_nobody_has_is_refused(platform, name):
    text = changed(f"{platform.lower()}: {name}\n", f"{platform.lower()}: other\n")
    assert f"there is no {platform} account 'other', neither in this file nor in the store" in refused(text)


def test_an_account_of_the_store_will_do():
    stored = Stored((kept(PORTAL, {"access_token": "hs-token"}), kept(RIVER, SECRETS)))
    text = FILE[FILE.index("instances:") :]
    assert verbs(planned(text, stored)) == [Verb.CREATE, Verb.CREATE]


def test_a_token_of_another_portal_is_refused():
    told = refused(platforms=FakePlatforms({"hs-token": "777", "ms-token": "river"}))
    assert "accounts.hubspot #1 (main-portal): this token belongs to portal 777, the file says 62515" in told


def test_a_token_of_another_organisation_is_refused():
    told = refused(platforms=FakePlatforms({"hs-token": "62515", "ms-token": "ocean"}))
    assert "this token belongs to organisation ocean, the file says river" in told


def test_a_refused_token_is_told_without_quoting_it():
    told = refused(platforms=FakePlatforms({}))
    assert "(main-portal): HubSpot refuses the token" in told
    assert "(river-university): Mainstay refuses the token" in told
    assert "hs-token" not in told


def test_a_platform_that_is_down_refuses():
    told = refused(platforms=FakePlatforms(down=True))
    assert "HubSpot can't be asked (no connection); nothing was changed" in told


def test_a_new_account_needs_a_token():
    told = refused(changed("      access_token: ${HUBSPOT_TOKEN}\n", ""))
    assert "(main-portal): no token is stored for this account yet; add access_token" in told


def test_secrets_that_are_left_out_stay():
    text = changed("      access_token: ${HUBSPOT_TOKEN}\n", "")
    text = changed(
        "      api_token: ${MAINSTAY_TOKEN}\n      webhook_secret: ${RIVER_WEBHOOK_SECRET}\n", "", text
    )
    assert planned(text, as_stored(planned())).nothing_to_do


def test_new_secrets_are_told_without_their_value():
    platforms = FakePlatforms({"new-token": "62515", "ms-token": "river"})
    made = planned(changed("${HUBSPOT_TOKEN}", "new-token"), as_stored(planned()), platforms)
    assert made.accounts[0].verb is Verb.UPDATE
    assert made.accounts[0].details == ("new access token",)
    assert "new-token" not in str(made.lines()) + repr(made)


def test_an_account_is_found_by_its_portal_and_renamed():
    text = FILE.replace("main-portal", "admissions")
    made = planned(text, as_stored(planned()))
    assert made.accounts[0].details == ("name: main-portal → admissions",)
    assert verbs(made)[2:] == [Verb.UNCHANGED, Verb.UNCHANGED]


def test_a_name_does_not_change_hands():
    platforms = FakePlatforms({"hs-token": "777", "ms-token": "river"})
    told = refused(changed("62515", "777"), as_stored(planned()), platforms)
    assert "an account of this name is stored already, for portal 62515 instead of 777" in told


@pytest.mark.parametrize(
    ("old", "new", "details"),
    [
        ("New leads into", "All leads into", ("description",)),
        ("enabled: true", "enabled: false", ("disabled",)),
        ("when_empty: clear, ", "", ("mapping changed: custom.Program ↔ program (if empty: keep)",)),
        ("[lead, opportunity]", "[lead]", ("filter changed: lifecyclestage (lead, opportunity → lead)",)),
        ("    filters:\n      - {field: lifecyclestage, values: [lead, opportunity]}\n", "", None),
    ],
)
def test_an_update_tells_what_changes(old, new, details):
    made = planned(changed(old, new), as_stored(planned()))
    assert made.instances[0].verb is Verb.UPDATE
    assert made.instances[0].details == (details or ("filter removed: lifecyclestage",))


def test_another_direction_is_another_instance():
    text = FILE[: FILE.index("    filters:")] + FILE[FILE.index("  - name: mainstay-to") :]
    made = planned(changed("direction: incoming", "direction: outgoing", text), as_stored(planned()))
    assert made.instances[0].verb is Verb.REPLACE


def test_enabled_left_out_keeps_what_is_stored_and_starts_off():
    text = changed("    enabled: true\n", "")
    assert not planned(text).instances[0].enabled
    assert planned(text, as_stored(planned())).nothing_to_do


def test_prune_deletes_what_the_file_lacks_and_only_then():
    stored = as_stored(planned())
    text = FILE[: FILE.index("  - name: mainstay-to")]
    assert planned(text, stored).nothing_to_do
    pruned = planned(text, stored, prune=True)
    assert [(one.verb, one.name) for one in pruned.instances][1:] == [(Verb.DELETE, "mainstay-to-hubspot")]


def other_source(enabled=True):
    """A stored instance that writes the same portal from another organisation."""
    made = planned()
    outgoing = as_stored(made).instances[1]
    other = replace(outgoing, id=99, name="ocean-to-hubspot", mainstay=OCEAN, enabled=enabled)
    ocean = kept(OCEAN, {"api_token": "ocean-token"})
    return Stored((*as_stored(made).accounts, ocean), (*as_stored(made).instances[:1], other))


def test_two_sources_of_one_target_are_refused():
    told = refused(stored=other_source())
    assert "the enabled outgoing instances 'mainstay-to-hubspot' and 'ocean-to-hubspot'" in told
    assert "both write the HubSpot account 'main-portal'" in told


def test_a_disabled_one_is_no_conflict():
    assert not planned(stored=other_source(enabled=False)).nothing_to_do


def test_a_pruned_one_is_no_conflict():
    made = planned(stored=other_source(), prune=True)
    assert made.instances[-1].verb is Verb.DELETE


def test_two_of_one_direction_between_the_same_accounts_are_allowed():
    outgoing = FILE[FILE.index("  - name: mainstay-to") :]
    made = planned(FILE + outgoing.replace("mainstay-to-hubspot", "second"))
    assert [one.verb for one in made.instances] == [Verb.CREATE] * 3


def test_every_problem_is_told_at_once():
    text = changed("hubspot: firstname", "hubspot: given")
    text = changed("field: lifecyclestage", "field: stage", text)
    told = refused(text, platforms=FakePlatforms())
    assert "row 1" in told and "filters row 1" in told


def test_an_empty_file_changes_nothing():
    assert plan(Configuration(), as_stored(planned()), FakePlatforms()).nothing_to_do


def test_every_filter_of_a_field_is_in_the_plan():
    one = "      - {field: lifecyclestage, values: [lead, opportunity]}\n"
    two = one + "      - {field: lifecyclestage, values: [lead]}\n"
    first, second = planned(), planned(changed(one, two))
    added, removed = "filter added: lifecyclestage (lead)", "filter removed: lifecyclestage (lead)"
    assert planned(changed(one, two), as_stored(first)).instances[0].details == (added,)
    assert planned(FILE, as_stored(second)).instances[0].details == (removed,)
    assert planned(changed(one, two), as_stored(second)).nothing_to_do
    fresh = planned(changed("    filters:\n" + one, ""))
    both = ("filter added: lifecyclestage (lead, opportunity)", added)
    assert planned(changed(one, two), as_stored(fresh)).instances[0].details == both
