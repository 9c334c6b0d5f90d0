"""Mainstay's calls: the proposed contract and the traps of facts/mainstay.md (§5, §6)."""

from typing import Any

import pytest

from tests.sandbox.receiver import Server

AVA = {"first_name": "Ava", "last_name": "Smith", "phone": "6175550100", "email": "ava@mail.example"}


def make(mainstay: Server, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = mainstay.json("POST", "/contacts/", {**AVA, **fields}, 201)
    return made


def test_the_token_names_its_organisation(mainstay: Server) -> None:
    assert mainstay.json("GET", "/auth_valid") == {"ok": True, "org_id": "river"}
    assert Server(mainstay.url, "APIToken lake-token").json("GET", "/auth_valid")["org_id"] == "lake"


@pytest.mark.parametrize("wrong", ["", "APIToken nobody", "Bearer river-token"])
def test_wrong_tokens_are_401(mainstay: Server, wrong: str) -> None:
    answer = Server(mainstay.url, wrong).call("GET", "/contacts/")
    assert answer.status == 401
    assert set(answer.json()) == {"detail"}


def test_the_scheme_can_be_switched(mainstay: Server) -> None:
    mainstay.settings(auth_scheme="Bearer")
    assert Server(mainstay.url, "Bearer river-token").call("GET", "/auth_valid").status == 200


def test_fields_and_values(mainstay: Server) -> None:
    assert "Application Status" in mainstay.json("GET", "/custom_fields/")["custom_fields"]
    assert "phone" in mainstay.json("GET", "/default_fields/")["default_fields"]
    assert "Nursing" in mainstay.json("GET", "/custom_values/?field=Program")["values"]
    make(mainstay, custom={"High School": "Latin"})
    assert mainstay.json("GET", "/custom_values/?field=High%20School") == {"values": ["Latin"]}
    mainstay.settings(custom_field_types=True, default_fields_wrapped=False)
    typed = {each["name"]: each["type"] for each in mainstay.json("GET", "/custom_fields/")["custom_fields"]}
    assert typed["Birth Date"] == "Date"
    assert isinstance(mainstay.json("GET", "/default_fields/"), list)


def test_create_read_update(mainstay: Server) -> None:
    made = make(mainstay, custom={"GPA": 3.5, "Race/Ethnicity": "x"})
    assert made["id"] == made["admithub_id"]
    assert made["conversation_record_url"].endswith(made["id"])
    path = f"/contacts/{made['id']}/"
    changed = mainstay.json("PATCH", path, {"custom": {"GPA": None, "Program": "Biology"}})
    assert changed["custom"] == {"Race/Ethnicity": "x", "Program": "Biology"}
    assert changed["modified"] > made["modified"]
    again = mainstay.json("PATCH", path, {"first_name": "Ava"})
    assert again["modified"] == changed["modified"], "an equal write is none"
    mainstay.settings(equal_write_counts=True)
    assert mainstay.json("PATCH", path, {"first_name": "Ava"})["modified"] > changed["modified"]
    assert mainstay.call("PATCH", "/contacts/nobody/", {}).status == 404


def test_put_is_off_until_switched(mainstay: Server) -> None:
    path = f"/contacts/{make(mainstay)['id']}/"
    assert mainstay.call("PUT", path, {"first_name": "Eva"}).status == 405
    mainstay.settings(allow_put=True)
    assert mainstay.json("PUT", path, {"first_name": "Eva"})["first_name"] == "Eva"


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"phone": "617-555-0101"}, {"phone"}),
        ({"phone": "+16175550101"}, {"phone"}),
        ({"phone": "617555010"}, {"phone"}),
        ({"phone": ""}, {"phone"}),
        ({"first_name": "x" * 65, "last_name": "x" * 64}, {"first_name"}),
        ({"first_name": True}, {"first_name"}),
        ({"email": "ava"}, {"email"}),
        ({"custom": {"Program": "Chess"}}, {"custom"}),
        ({"custom": {"Birth Date": "29.2.2004"}}, {"custom"}),
        ({"custom": {"Birth Date": "2004-02-30"}}, {"custom"}),
        ({"custom": {"First Generation": "perhaps"}}, {"custom"}),
        ({"custom": {"GPA": "good"}}, {"custom"}),
        ({"custom": {"Alt Email": "ava"}}, {"custom"}),
        ({"custom": {"Parent Phone": "1"}}, {"custom"}),
        ({"custom": {"Unknown": "x"}}, {"custom"}),
        ({"custom": []}, {"custom"}),
    ],
)
def test_refused_values_name_their_field(mainstay: Server, fields: dict[str, Any], names: set[str]) -> None:
    answer = mainstay.call("POST", "/contacts/", {**AVA, "phone": "6175550101", **fields})
    assert answer.status == 400
    assert set(answer.json()) == names
    assert mainstay.control("GET", "contacts")["total"] == 0


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize("name", ["phone", "crm_id"])
def test_phone_and_crm_id_are_unique(mainstay: Server, name: str, status: int) -> None:
    mainstay.settings(duplicate_status=status)
    make(mainstay, crm_id="77")
    other = make(mainstay, phone="6175550101")
    answer = mainstay.call(
        "PATCH", f"/contacts/{other['id']}/", {name: {"phone": "6175550100", "crm_id": "77"}[name]}
    )
    assert answer.status == status
    assert set(answer.json()) == {name}
    lake = Server(mainstay.url, "APIToken lake-token")
    assert make(lake, crm_id="77")["crm_id"] == "77", "unique within an organisation only"


def test_a_freed_key_can_be_taken(mainstay: Server) -> None:
    first = make(mainstay, crm_id="77")
    other = make(mainstay, phone="6175550101")
    mainstay.json("PATCH", f"/contacts/{first['id']}/", {"crm_id": None, "phone": "6175550102"})
    taken = mainstay.json("PATCH", f"/contacts/{other['id']}/", {"crm_id": "77", "phone": "6175550100"})
    assert (taken["crm_id"], taken["phone"]) == ("77", "6175550100")
    assert mainstay.control("GET", f"contacts/{first['id']}")["previous_phone"] == "6175550100"


@pytest.mark.parametrize(
    ("meaning", "status", "left"),
    [("clear", 200, None), ("ignore", 200, "a@b.example"), ("refuse", 400, None)],
)
def test_null_is_switchable(mainstay: Server, meaning: str, status: int, left: str | None) -> None:
    mainstay.settings(null_means=meaning)
    made = make(mainstay, email="a@b.example")
    answer = mainstay.call("PATCH", f"/contacts/{made['id']}/", {"email": None})
    assert answer.status == status
    if status == 200:
        assert answer.json()["email"] == left


def test_read_only_fields_are_ignored_or_refused(mainstay: Server) -> None:
    made = make(mainstay, archived=True, texting_status="opted-out", send_intro_campaign=False)
    assert (made["archived"], made["texting_status"]) == (False, "opted-in")
    mainstay.settings(read_only_fields="refuse")
    answer = mainstay.call("PATCH", f"/contacts/{made['id']}/", {"permitted_user_status": "no"})
    assert set(answer.json()) == {"permitted_user_status"}


def test_nan_is_refused(mainstay: Server) -> None:
    answer = mainstay.call("POST", "/contacts/", {**AVA, "custom": {"GPA": float("nan")}})
    assert answer.status == 400
    assert "JSON parse error" in answer.json()["detail"]


def test_the_key_is_ambiguous(mainstay: Server) -> None:
    by_phone = make(mainstay, phone="6175550101")
    by_crm = make(mainstay, phone="6175550102", crm_id="6175550101")
    assert mainstay.json("GET", "/contacts/6175550101/")["id"] == by_crm["id"]
    mainstay.settings(key_order=["id", "phone", "crm_id"])
    assert mainstay.json("GET", "/contacts/6175550101/")["id"] == by_phone["id"]
    assert mainstay.json("GET", f"/contacts/{by_crm['id']}/")["id"] == by_crm["id"]
    assert mainstay.json("GET", "/contacts/nobody%2F/", status=404) == {"detail": "Not found."}


@pytest.mark.parametrize(
    ("flags", "include"),
    [
        ({"test_user": True}, "include_test_contacts"),
        ({"permitted_user_status": "not-permitted"}, "include_nonpermitted_contacts"),
    ],
)
def test_hidden_contacts_show_only_when_asked_for(
    mainstay: Server, flags: dict[str, Any], include: str
) -> None:
    hidden = mainstay.control("POST", "contacts", {**AVA, **flags})
    assert mainstay.json("GET", "/contacts/")["count"] == 0
    assert mainstay.call("GET", f"/contacts/{hidden['id']}/").status == 404
    assert mainstay.json("GET", f"/contacts/?{include}=True")["count"] == 1
    assert mainstay.json("GET", f"/contacts/6175550100/?{include}=1")["id"] == hidden["id"]
    assert set(mainstay.call("POST", "/contacts/", AVA).json()) == {"phone"}, "hidden, yet it holds the phone"


def test_pages_follow_an_absolute_next(mainstay: Server) -> None:
    mainstay.settings(page_size=2)
    ids = [make(mainstay, phone=f"617555010{n}")["id"] for n in range(5)]
    url, found = "/contacts/?modified_since=2020-01-01T00:00:00Z&page=1", []
    while url:
        page = mainstay.json("GET", url)
        found += [each["id"] for each in page["results"]]
        assert page["count"] == 5
        assert page["next"] is None or page["next"].startswith(mainstay.url)
        url = (page["next"] or "").removeprefix(mainstay.url)
    assert found == ids
    assert mainstay.call("GET", "/contacts/?page=4").status == 404


def test_modified_since(mainstay: Server) -> None:
    first, second = make(mainstay), make(mainstay, phone="6175550101")

    def since(moment: str) -> list[str]:
        return [c["id"] for c in mainstay.json("GET", f"/contacts/?modified_since={moment}")["results"]]

    assert since(second["modified"]) == [second["id"]]
    mainstay.settings(modified_since_inclusive=False)
    assert since(second["modified"]) == []
    mainstay.json("PATCH", f"/contacts/{first['id']}/", {"first_name": "Eva"})
    assert since(second["modified"].replace("Z", "+00:00")) == [first["id"]]
    mainstay.settings(list_order="modified", modified_name="updated_at")
    listed = mainstay.json("GET", "/contacts/")["results"]
    assert [each["id"] for each in listed] == [second["id"], first["id"]]
    assert "updated_at" in listed[0]
    assert mainstay.call("GET", "/contacts/?modified_since=monday").status == 400


def test_archived_contacts_are_listed_or_not(mainstay: Server) -> None:
    made = make(mainstay)
    mainstay.control("DELETE", f"contacts/{made['id']}")
    assert mainstay.json("GET", "/contacts/")["results"][0]["archived"] is True
    mainstay.settings(list_archived=False)
    assert mainstay.json("GET", "/contacts/")["count"] == 0


def test_a_missing_slash_is_redirected(mainstay: Server) -> None:
    answer = mainstay.call("GET", "/contacts?page=1")
    assert (answer.status, answer.headers["Location"]) == (301, "/contacts/?page=1")
    assert mainstay.call("POST", "/contacts", AVA).status == 301


def test_bulk_creates_and_updates(mainstay: Server) -> None:
    made = make(mainstay, crm_id="77")
    items = [{**AVA, "crm_id": "77", "first_name": "Eva"}, {**AVA, "phone": "6175550101"}, {"phone": "x"}]
    assert mainstay.call("POST", "/contacts/bulk/", items).status == 202
    assert mainstay.json("GET", f"/contacts/{made['id']}/")["first_name"] == "Eva"
    assert mainstay.control("GET", "contacts")["total"] == 2
    assert mainstay.call("POST", "/contacts/bulk/", [AVA, AVA]).status == 400


def test_the_rate_limit(mainstay: Server) -> None:
    mainstay.settings(limits=True, limit_per_s=2)
    answers = [mainstay.call("GET", "/contacts/") for _ in range(3)]
    assert [each.status for each in answers] == [200, 200, 429]
    assert answers[2].headers["Retry-After"] == "1"
