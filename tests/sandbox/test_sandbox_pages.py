"""The human pages: list, form, actions, fault switch; edits fire webhooks like any user's."""

import html

import pytest

from tests.sandbox.receiver import Receiver, Server


def page(server: Server, path: str, status: int = 200) -> str:
    answer = server.call("GET", path)
    assert answer.status == status
    return html.unescape(answer.data.decode())


def post(server: Server, path: str, status: int = 303, **form: str) -> str:
    answer = server.call("POST", path, fields=form, encode_multipart=False)
    assert answer.status == status, answer.data
    return answer.headers.get("Location") or html.unescape(answer.data.decode())


def test_hubspots_page_from_adding_to_deleting(hubspot: Server, receiver: Receiver) -> None:
    hubspot.settings(webhook_url=receiver.url)
    where = post(hubspot, "/page/contacts/new", firstname="Zoë", email="zoe@mail.example", city="")
    assert "Zoë" in page(hubspot, "/?q=zoë")
    assert "No contact fits" in page(hubspot, "/?q=nobody")
    path = where.partition("?")[0]
    post(hubspot, path, firstname="Zoë", email="zoe@mail.example", city="Boston", interests="music")
    assert 'value="Boston"' in page(hubspot, path)
    post(hubspot, f"{path}/archive")
    assert "Zoë" not in page(hubspot, "/")
    assert "Zoë" in page(hubspot, "/?archived=1")
    post(hubspot, f"{path}/restore")
    other = hubspot.control("POST", "contacts", {"properties": {"firstname": "Eva"}})["id"]
    merged = post(hubspot, f"{path}/merge", answer=other).partition("?")[0]
    post(hubspot, f"{merged}/privacy-delete")
    page(hubspot, merged, 404)
    hubspot.settle()
    kinds = set(receiver.kinds())
    assert kinds == {
        "contact.creation",
        "contact.propertyChange",
        "contact.deletion",
        "contact.restore",
        "contact.merge",
        "contact.privacyDeletion",
    }
    assert {event["changeSource"] for event in receiver.events()} == {"CRM_UI"}
    changed = [
        e["propertyName"] for e in receiver.events() if e["subscriptionType"].endswith("propertyChange")
    ]
    assert sorted(changed) == ["city", "email", "firstname", "firstname", "interests"], (
        "only what was changed"
    )


def test_mainstays_page(mainstay: Server, receiver: Receiver) -> None:
    mainstay.settings(webhook_url=receiver.url)
    form = {"first_name": "Ava", "phone": "6175550100", "custom.Program": "Nursing", "test_user": "false"}
    where = post(mainstay, "/page/contacts/new?org=lake", **form)
    path, _, query = where.partition("?")
    assert query == "org=lake"
    post(mainstay, f"{path}?org=lake", **{**form, "test_user": "true", "custom.First Generation": "true"})
    shown = mainstay.control("GET", f"contacts/{path.rsplit('/')[-1]}?org=lake")
    assert (shown["test_user"], shown["custom"]) == (True, {"Program": "Nursing", "First Generation": True})
    assert "test" in page(mainstay, "/?org=lake")
    post(mainstay, f"{path}/archive?org=lake")
    mainstay.settle()
    assert sorted(receiver.kinds()) == ["contact.archived", "contact.created", "contact.updated"]


@pytest.mark.parametrize(
    ("form", "words"),
    [({"email": "zoe"}, "Email address zoe is invalid"), ({"phone": "1"}, "is required")],
)
def test_refused_input_is_explained_and_kept(hubspot: Server, form: dict[str, str], words: str) -> None:
    shown = post(hubspot, "/page/contacts/new", 400, city="Boston", **form)
    assert words in shown
    assert 'value="Boston"' in shown


def test_names_are_escaped(hubspot: Server) -> None:
    hubspot.control("POST", "contacts", {"properties": {"firstname": "<script>alert(1)</script>"}})
    assert b"<script>" not in hubspot.call("GET", "/").data


@pytest.mark.parametrize(
    ("fault", "status"), [("429", 429), ("500", 500), ("expired", 401), ("garbage", 200)]
)
def test_the_fault_switch(mainstay: Server, fault: str, status: int) -> None:
    post(mainstay, "/page/fault", fault=fault)
    assert "Fault in force" in page(mainstay, "/")
    assert mainstay.call("GET", "/contacts/").status == status
    post(mainstay, "/page/fault", fault="none")
    assert mainstay.json("GET", "/contacts/")["count"] == 0
    assert "Fault in force" not in page(mainstay, "/")


def test_webhooks_can_be_lost_from_the_page(mainstay: Server, receiver: Receiver) -> None:
    mainstay.settings(webhook_url=receiver.url)
    post(mainstay, "/page/fault", fault="lost")
    mainstay.control("POST", "contacts", {"first_name": "Ava"})
    post(mainstay, "/page/fault", fault="none")
    mainstay.control("POST", "contacts", {"first_name": "Ben"})
    mainstay.settle()
    assert [event["contact"]["first_name"] for event in receiver.events()] == ["Ben"]


def test_the_stylesheet_is_served(hubspot: Server) -> None:
    answer = hubspot.call("GET", "/page/style.css")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
