"""Reading a configuration file: its form, its places, the environment."""

import textwrap

import pytest

from console.configuration.problems import Refused
from console.configuration.reading import read
from console.configuration.yaml_text import escaped, load
from core.domain.fields import Direction, Platform
from core.domain.mapping_check import RawFilter, RawRow
from tests.unit.console.fakes import ENVIRONMENT, FILE, changed, words


def refused(text, environment=ENVIRONMENT):
    with pytest.raises(Refused) as error:
        read(text, environment)
    return words(error)


def test_reads_the_contracts_example():
    configuration = read(FILE, ENVIRONMENT)
    portal, organisation = configuration.accounts
    assert (portal.platform, portal.name, portal.external_id) == (Platform.HUBSPOT, "main-portal", "62515")
    assert portal.token == "hs-token"
    assert (organisation.external_id, organisation.token) == ("river", "ms-token")
    assert organisation.credentials["webhook_secrets"] == ["whsec_c2VjcmV0c2VjcmV0"]
    assert organisation.field_types == {"Alt Email": "email"}
    incoming, outgoing = configuration.instances
    assert (incoming.direction, incoming.enabled) == (Direction.INCOMING, True)
    assert incoming.rows[0] == RawRow("first_name", "firstname", "keep", {})
    assert incoming.rows[5] == RawRow("custom.Program", "program", "clear", {"Nursing": "nursing_bsn"})
    assert incoming.filters == (RawFilter("lifecyclestage", ("lead", "opportunity")),)
    assert outgoing.rows == incoming.rows
    assert outgoing.filters == ()


def test_secrets_never_show():
    assert "token" not in repr(read(FILE, ENVIRONMENT)).replace("credentials", "")
    assert "whsec" not in repr(read(FILE, ENVIRONMENT))


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("accounts:", "acounts: {} # here\naccounts:", "acounts"),
        ("portal_id: 62515", "portal_id: 62515\n      portal: 1 # here", "accounts.hubspot #1.portal"),
        ("org_id: river", "org_id: river\n      token: x # here", "accounts.mainstay #1.token"),
        ("  mainstay:\n    - name", "  slack: [] # here\n  mainstay:\n    - name", "accounts.slack"),
        ("enabled: true", "enabled: true\n    matching: fuzzy # here", "instances #1.matching"),
        ("hubspot: lastname}", "hubspot: lastname, kind: x} # here", "instances #1.mappings row 2.kind"),
        (
            "values: [lead, opportunity]}",
            "values: [lead], any: true} # here",
            "instances #1.filters row 1.any",
        ),
    ],
)
def test_an_unknown_key_anywhere_is_refused_with_its_place(old, new, place):
    text = changed(old, new)
    told = refused(text)
    line = next(n for n, one in enumerate(text.splitlines(), 1) if "# here" in one)
    assert f"line {line}: {place}: is not a key that is known here" in told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "direction: incoming",
            "direction: sideways",
            "instances #1.direction: must be incoming or outgoing",
        ),
        ("enabled: true", "enabled: maybe", "instances #1.enabled: must be true or false"),
        ("when_empty: clear", "when_empty: drop", "mappings row 6.when_empty: must be keep or clear"),
        ("portal_id: 62515", "portal_id: main", "accounts.hubspot #1.portal_id: must be a number"),
        ("org_id: river", "org_id:", "accounts.mainstay #1.org_id: is empty"),
        ("- name: main-portal\n      portal_id", "- portal_id", "accounts.hubspot #1.name: is missing"),
        ("values: [lead, opportunity]", "values: []", "filters row 1.values: needs at least one value"),
        ("values: [lead, opportunity]", "values: lead", "filters row 1.values: must be a list of values"),
        (", values: [lead, opportunity]", "", "filters row 1.values: is missing"),
        (
            "{Alt Email: email}",
            "{Alt Email: letter}",
            "field_types.Alt Email: is no type; the types are text",
        ),
        ("{mainstay: first_name, hubspot: firstname}", "first_name", "mappings row 1: must be a group"),
        ("mappings: &rows", "mappings: &rows {}\n    description2:", "instances #1.mappings: must be a list"),
        ("${RIVER_WEBHOOK_SECRET}", "abc", "it starts with whsec_"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(old, new, told):
    assert told in refused(changed(old, new))


def test_a_webhook_secret_is_never_quoted():
    told = refused(changed("${RIVER_WEBHOOK_SECRET}", "hunter2hunter2"))
    assert "hunter2" not in told


def test_every_missing_name_is_named():
    told = refused(FILE, {"HUBSPOT_TOKEN": ""})
    assert "${HUBSPOT_TOKEN} is empty in the environment" in told
    assert "line 9: accounts.mainstay #1.api_token: ${MAINSTAY_TOKEN} is not set" in told
    assert "${RIVER_WEBHOOK_SECRET} is not set" in told


def test_broken_yaml_tells_line_and_column():
    assert refused("accounts:\n  - {a: 1\nb: 2\n").startswith("line 3, column 2: this is not valid YAML")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file must hold accounts"),
        ("- 1", "the file must hold accounts"),
        ("a: 1\n---\nb: 2", "not valid YAML"),
        ("instances: []\ninstances: []", "line 2: instances: this key stands here twice"),
        ("accounts: &a\n  hubspot: *a", "an anchor that contains itself"),
        ("instances: !!python/object:os.system {}", "is not known here"),
        ("instances: [" * 4000, "nested too deeply"),
        ("a: \x00", "not valid YAML"),
        ("? [a]\n: 1", "a key must be a plain text"),
        (
            "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 10}]\n" for n in range(1, 10)),
            "aliases of this YAML stand for more",
        ),
        ("#" * (4 * 1024 * 1024 + 1), "the file is longer than 4 MiB"),
    ],
)
def test_what_is_no_configuration_is_refused(text, told):
    assert told in refused(text)


def test_two_of_one_name_are_refused():
    told = refused(changed("name: mainstay-to-hubspot", "name: hubspot-to-mainstay"))
    assert "instances #2: line 13: instances #1 has the name 'hubspot-to-mainstay' too" in told


def test_two_accounts_of_one_portal_are_refused():
    told = refused(changed("  mainstay:\n", "    - {name: second, portal_id: 62515}\n  mainstay:\n"))
    assert "accounts.hubspot #2 (second): line 3: accounts.hubspot #1 has the same portal_id" in told


def test_words_stay_words():
    text = changed("values: [lead, opportunity]", "values: [no, 007, 1.50, 2026-01-02, ~x, true]")
    values = read(text, ENVIRONMENT).instances[0].filters[0].values
    assert values == ("no", "007", "1.50", "2026-01-02", "~x", "true")


def test_a_name_from_the_environment_is_never_yaml():
    text = "description: ${NAME}"
    assert load(text, {"NAME": "a: {b}\nc: ${OTHER} # x"}).content == {
        "description": "a: {b}\nc: ${OTHER} # x"
    }


def test_an_escaped_name_stays():
    assert load(f"a: {escaped('costs ${NAME}')}", {}).content == {"a": "costs ${NAME}"}


def test_merge_keys_are_merged_and_own_keys_win():
    document = load("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3", {})
    assert document.content["y"] == {"a": "1", "b": "3"}


def test_what_the_file_does_not_say_is_none():
    text = changed("    enabled: true\n", "")
    assert read(text, ENVIRONMENT).instances[0].enabled is None
    silent = changed("      webhook_secret: ${RIVER_WEBHOOK_SECRET}\n", "")
    assert "webhook_secrets" not in read(silent, ENVIRONMENT).accounts[1].credentials
    removed = changed("${RIVER_WEBHOOK_SECRET}", "")
    assert read(removed, ENVIRONMENT).accounts[1].credentials["webhook_secrets"] is None


def test_a_row_at_fault_is_named_as_the_file_calls_it():
    told = refused(changed("values: [lead, opportunity]", "values: []"))
    assert "filters row 1.values: needs at least one value (hubspot-to-mainstay, lifecyclestage)" in told
    told = refused(changed("hubspot: firstname}", "hubspot: firstname, when_empty: maybe}"))
    assert "must be keep or clear (hubspot-to-mainstay, first_name ↔ firstname)" in told


def test_the_example_of_the_help_is_a_file():
    from click.testing import CliRunner

    from console.cli.configuring import apply

    help_text = CliRunner().invoke(apply, ["--help"]).output
    example = textwrap.dedent(help_text[help_text.index("    accounts:") : help_text.index("Options:")])
    read_in = read(example, {"HUBSPOT_TOKEN": "x", "MAINSTAY_TOKEN": "y"})
    assert [one.name for one in read_in.accounts] == ["portal", "river"] and read_in.instances[0].rows
