"""The JSON API's filters: a typing error is refused by name, as on the command line."""

import pytest

from console import switching
from console.access import Role
from tests.integration.console.test_api import Caller, applied

LISTS = ("/log", "/dead", "/activity", "/jobs")


@pytest.fixture
def owner(scene):
    caller = Caller(scene, Role.OWNER)
    applied(caller)
    return caller


def refused(answer, status, *words):
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json"), answer.text
    assert all(word in answer.text for word in words), answer.text


@pytest.mark.parametrize("path", LISTS)
def test_an_instance_that_never_was(owner, path):
    assert owner("GET", f"{path}?instance=in").status_code == 200
    refused(owner("GET", f"{path}?instance=imn"), 422, "there is no instance 'imn'")


@pytest.mark.parametrize("path", LISTS)
def test_records_of_a_deleted_instance_can_be_looked_at(scene, owner, path):
    gone = scene.instance("in")
    switching.delete(scene.wiring, gone, "x")
    assert owner("GET", f"{path}?instance=in%20(deleted%20{gone.id})").status_code == 200
    refused(owner("GET", f"{path}?instance=in"), 422, "there is no instance 'in'")


@pytest.mark.parametrize("what", ["replay", "discard"])
def test_dead_letters_of_no_instance(owner, what):
    refused(owner("POST", f"/dead/{what}", {"instance": "imn"}), 422, "there is no instance 'imn'")


@pytest.mark.parametrize("path", ["/log", "/activity"])
def test_a_contact_that_can_not_be_read(owner, path):
    for good in ("4711", "hubspot:4711", "Mainstay:4711"):
        assert owner("GET", f"{path}?contact={good}").json in ([], {"entries": [], "older": None})
    refused(owner("GET", f"{path}?contact=hubpsot:4711"), 422, "hubpsot:4711", "write hubspot:ID")
    refused(owner("GET", f"{path}?contact=hubspot:"), 422, "the ID is empty")


@pytest.mark.parametrize("path", ["/log", "/dead", "/activity"])
def test_a_code_that_is_none(owner, path):
    refused(owner("GET", f"{path}?code=invalid-fone"), 422, '"code"')


def test_an_account_that_is_none(owner):
    assert owner("GET", "/contacts/timeline/4711?account=portal").status_code == 200
    refused(owner("GET", "/contacts/timeline/4711?account=prtal"), 422, "there is no account 'prtal'")


@pytest.mark.parametrize("path", [*LISTS, "/alerts", "/health", "/contacts/timeline/4711"])
def test_an_unknown_parameter(owner, path):
    refused(owner("GET", f"{path}?instnace=in"), 422, "'instnace'", "there are: ")


def test_a_parameter_where_there_is_none(owner):
    refused(owner("GET", "/instances?limit=1"), 422, "'limit'", "takes none")
    refused(owner("POST", "/dead/discard?dry_run=true", {"everything": True}), 422, "'dry_run'")
    assert owner("GET", "/openapi.json?x=1").status_code == 200


def test_no_page_is_beyond_what_an_id_can_be(owner):
    refused(owner("GET", f"/log?before={10**30}"), 422, '"before"')
