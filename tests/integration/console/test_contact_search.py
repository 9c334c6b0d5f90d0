"""Looking for somebody: by whole values, pieces of them and ids, on both sides, past the first page."""

import pytest

from console import contact_search
from core.domain.fields import Platform
from core.store import accounts
from tests.integration.console import kit

TEXTS = [
    "zed.quill@far.example",
    "+1 (617) 555-9731",
    "6175559731",
    "Zed Quill",
    "zed",
    "Quil",
    "uill",
    "Quill, Zed",
    "far.example",
]


@pytest.fixture(scope="module")
def far(tmp_path_factory):
    """150 people on each side; the one who is looked for came last."""
    with kit.scene(tmp_path_factory.mktemp("far")) as scene:
        scene.connect_both()
        _add(scene, Platform.HUBSPOT, "firstname", "lastname")
        _add(scene, Platform.MAINSTAY, "first_name", "last_name")
        yield scene


def _add(scene, platform, first, last):
    sign = "+1" if platform is Platform.HUBSPOT else ""
    people = [
        {first: "Ann", last: f"Lee{n}", "phone": f"{sign}617777{n:04}", "email": f"a{n}@near.example"}
        for n in range(150)
    ]
    people.append(
        {first: "Zed", last: "Quill", "phone": f"{sign}6175559731", "email": "zed.quill@far.example"}
    )
    if platform is Platform.HUBSPOT:
        people = [{"properties": one} for one in people]
    scene.control(platform, "POST", "contacts", {"contacts": people})


def look(scene, platform, text):
    with scene.wiring.database.reading() as session:
        account = next(one for one in accounts.all_accounts(session) if one.platform is platform)
    return contact_search.look_for(scene.wiring, account, text)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("platform", Platform)
def test_a_contact_beyond_the_first_page_is_found(far, platform, text):
    assert [one.name for one in look(far, platform, text).found] == ["Zed Quill"]


@pytest.mark.parametrize("platform", Platform)
def test_an_id_and_a_piece_of_a_phone_find_it_too(far, platform):
    (zed,) = look(far, platform, "Zed Quill").found
    assert [one.id for one in look(far, platform, zed.id).found] == [zed.id]
    assert zed.id in [one.id for one in look(far, platform, "5559731").found]


@pytest.mark.parametrize("platform", Platform)
def test_nobody_is_found_for_nonsense_and_some_for_nothing(far, platform):
    for text in ("no such person", "nobody@nowhere.example", "+1 212 000 0000", "***", "%", "x" * 500):
        assert look(far, platform, text).found == ()
    assert len(look(far, platform, "").found) == contact_search.LISTED
    assert len(look(far, platform, "Ann").found) == contact_search.LISTED


def test_mainstay_has_no_search_and_the_walk_has_an_end_that_is_told(far, monkeypatch):
    monkeypatch.setattr(contact_search, "MOST_WALKED", 100)
    looked = look(far, Platform.MAINSTAY, "zed")
    assert looked.found == () and looked.walked == 100
