"""Whatever a file holds, reading it gives a configuration or a refusal; what is exported reads back."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from console.configuration.exporting import export
from console.configuration.problems import Refused
from console.configuration.reading import read
from console.configuration.stored import Stored, StoredAccount
from console.configuration.yaml_text import load
from core.domain.fields import Direction, Field, Filter, Mapping, Platform, Row, WhenEmpty
from core.domain.instances import Account, Instance
from core.store.accounts import Credentials
from tests.unit.console.fakes import ENVIRONMENT, FILE

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1).map(
    lambda text: text.strip() or "x"
)


def settles(text):
    try:
        read(text, ENVIRONMENT)
    except Refused as refusal:
        assert refusal.problems
        assert all(refusal.problems)


@given(st.text())
def test_any_text_is_read_or_refused(text):
    settles(text)


@given(st.dictionaries(st.sampled_from(["accounts", "instances", "other"]), TREES))
def test_any_tree_is_read_or_refused(tree):
    settles(yaml.safe_dump(tree))


@given(st.integers(0, len(FILE) - 1), st.text(max_size=3))
def test_any_slip_of_the_pen_is_read_or_refused(position, slip):
    settles(FILE[:position] + slip + FILE[position + 1 :])


@given(NAMES, NAMES, NAMES, st.sampled_from(WhenEmpty), st.lists(NAMES, min_size=1, max_size=3))
def test_what_is_exported_reads_back(name, mainstay, hubspot, when_empty, values):
    portal, river = (Account(1, Platform.HUBSPOT, name, "1"), Account(2, Platform.MAINSTAY, name, "r"))
    row = Row(
        Field(mainstay, "m"), Field(hubspot, "h"), when_empty, tuple((v, v) for v in dict.fromkeys(values))
    )
    mapping = Mapping((row,), (Filter(Field(hubspot, "h"), tuple(values)),))
    instance = Instance(3, name[:180], Direction.INCOMING, portal, river, mapping, True, description=name)
    accounts = tuple(StoredAccount(one, Credentials(1, {}), {}) for one in (portal, river))
    if len(name) > 180:
        return
    configuration = read(export(Stored(accounts, (instance,))), {})
    (entry,) = configuration.instances
    assert (entry.name, entry.description, entry.hubspot, entry.mainstay) == (name, name, name, name)
    assert (entry.rows[0].mainstay, entry.rows[0].hubspot, entry.rows[0].when_empty) == (
        mainstay,
        hubspot,
        when_empty,
    )
    assert tuple(entry.rows[0].options.items()) == row.options
    assert entry.filters[0].values == tuple(values)


@given(st.dictionaries(st.from_regex(r"[A-Z]{1,5}", fullmatch=True), st.text(min_size=1), min_size=1))
def test_names_are_inserted_as_they_are(environment):
    text = "\n".join(f"{name}: '${{{name}}}'" for name in environment)
    assert load(text, environment).content == environment
