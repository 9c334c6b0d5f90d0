"""The JSON API: tokens and roles, shapes, refusals."""

import json

import pytest

from console.access import Right, Role
from console.cli.main import run
from console.cli.start import Start
from core.domain.fields import Platform
from core.store import api_tokens, audit
from tests.integration.console.kit import MAINSTAY_TOKEN, Scene
from tests.integration.shell import put_dead

CONFIGURATION = {
    "accounts": {
        "hubspot": [{"name": "portal", "portal_id": 62515, "access_token": "pat-na1-sandbox"}],
        "mainstay": [{"name": "river", "org_id": "river", "api_token": MAINSTAY_TOKEN}],
    },
    "instances": [
        {
            "name": "in",
            "direction": "incoming",
            "hubspot": "portal",
            "mainstay": "river",
            "enabled": True,
            "mappings": [
                {"mainstay": "first_name", "hubspot": "firstname"},
                {"mainstay": "last_name", "hubspot": "lastname"},
                {"mainstay": "phone", "hubspot": "phone"},
                {"mainstay": "email", "hubspot": "email"},
            ],
        }
    ],
}


class Caller:
    """Calls the API with a token of a role."""

    def __init__(self, scene: Scene, role: Role | None) -> None:
        self.client = scene.app.test_client()
        self.headers = {}
        if role is not None:
            with scene.wiring.database.transaction() as session:
                made = api_tokens.create(session, name=f"{role} script", role=role, author="x", now_ms=1)
            self.token, self.headers = made[0], {"Authorization": f"Bearer {made[1]}"}

    def __call__(self, method: str, path: str, body=None):
        return self.client.open(f"/api/v1{path}", method=method, headers=self.headers, json=body)


@pytest.fixture
def owner(scene):
    return Caller(scene, Role.OWNER)


def applied(owner):
    answer = owner("POST", "/instances/apply", {"configuration": CONFIGURATION})
    assert answer.status_code == 200, answer.text
    return answer.json


def test_the_document_describes_every_path_as_openapi_3_1(scene):
    document = scene.app.test_client().get("/api/v1/openapi.json").json
    assert document["openapi"] == "3.1.0" and document["security"] == [{"bearer": []}]
    routes = {rule.rule for rule in scene.app.url_map.iter_rules() if rule.endpoint.startswith("api_")}
    assert len(document["paths"]) == len(routes) > 15


def test_every_call_asks_for_a_right_and_gets_what_the_role_may(scene):
    views = {
        rule.rule: scene.app.view_functions[rule.endpoint]
        for rule in scene.app.url_map.iter_rules()
        if rule.endpoint.startswith("api_")
    }
    assert all(isinstance(getattr(view, "right", None), Right) for view in views.values())
    nobody, viewer = Caller(scene, None), Caller(scene, Role.VIEWER)
    assert nobody("GET", "/instances").status_code == 401
    assert nobody("GET", "/instances").headers["WWW-Authenticate"].startswith("Bearer")
    assert viewer("GET", "/instances").status_code == 200
    for method, path in (
        ("POST", "/instances/apply"),
        ("DELETE", "/instances/x"),
        ("POST", "/accounts"),
        ("POST", "/contacts/sync/x"),
        ("POST", "/dead/replay"),
    ):
        answer = viewer(method, path, {})
        assert (answer.status_code, answer.content_type) == (403, "application/problem+json"), path
    assert Caller(scene, Role.OPERATOR)("POST", "/dead/replay", {"everything": True}).status_code == 200


def test_a_revoked_token_works_no_more_and_uses_are_noted(scene, owner):
    assert owner("GET", "/status").json["idle"] is True
    with scene.wiring.database.transaction() as session:
        assert api_tokens.every(session)[0].used_at_ms
        api_tokens.revoke(session, owner.token.id, 2)
    assert owner("GET", "/status").status_code == 401


def test_a_configuration_is_applied_whole_shown_and_exported_without_secrets(scene, owner):
    dry = owner("POST", "/instances/apply", {"configuration": CONFIGURATION, "dry_run": True}).json
    assert dry["applied"] is False and scene.instance("in") is None
    assert [one["verb"] for one in applied(owner)["changes"]] == ["create"] * 3
    listed = owner("GET", "/instances").json
    assert listed == [owner("GET", "/instances/in").json] == [owner("GET", "/instances/in/show").json]
    missing = owner("GET", "/instances/on")
    assert missing.status_code == 404 and "there is no instance 'on'; there are: in" in missing.json["detail"]
    assert (listed[0]["enabled"], listed[0]["waiting"], listed[0]["mapping_version"]) == (True, 0, 1)
    export = owner("GET", "/instances/export")
    assert "pat-na1" not in export.text and MAINSTAY_TOKEN not in export.text
    again = owner("POST", "/instances/apply", {"configuration": export.json}).json
    assert {one["verb"] for one in again["changes"]} == {"unchanged"}
    assert owner("GET", "/instances/in/versions").json[0]["author"] == "API token owner script"
    with scene.wiring.database.reading() as session:
        noted = [(one.action, one.who) for one in audit.entries(session)]
    assert noted == [
        (action, "API token owner script")
        for action in ("instance.created", "account.connected", "account.connected")
    ]


def test_a_refused_configuration_lists_every_problem(scene, owner):
    broken = {**CONFIGURATION, "instances": [{**CONFIGURATION["instances"][0], "mappings": []}]}
    answer = owner("POST", "/instances/apply", {"configuration": broken})
    assert answer.status_code == 422 and len(answer.json["errors"]) == 4
    assert scene.instance("in") is None


def test_the_environment_of_the_server_cannot_be_read_through_a_configuration(scene, owner):
    spying = {
        "accounts": {"mainstay": [{"name": "x", "org_id": "x", "api_token": "${CROSSWALK_SECRET_KEY}"}]}
    }
    answer = owner("POST", "/instances/apply", {"configuration": spying})
    assert answer.status_code == 422 and "a-secret-key" not in answer.text


def test_switching_and_deleting(scene, owner):
    applied(owner)
    assert owner("POST", "/instances/in/disable").json["enabled"] is False
    body = {"existing": True, "max_creates": 3}
    assert owner("POST", "/instances/in/enable", body).json["enabled"] is True
    job = owner("GET", "/jobs").json[0]
    assert job["kind"] == "backfill" and owner("GET", f"/jobs/{job['id']}").json["state"] == "running"
    assert owner("POST", "/instances/in/enable", {"since": "soon"}).status_code == 422
    assert owner("DELETE", "/instances/in").status_code == 204
    answer = owner("DELETE", "/instances/in")
    assert answer.status_code == 404 and "there are: none yet" in answer.json["detail"]


def test_work_on_many_contacts(scene, owner):
    applied(owner)
    told = owner("POST", "/instances/in/backfill/dry-run").json
    assert told["contacts"] == sum(told["would"].values()) == 12 and told["examples"]["create"]
    assert owner("GET", "/instances/in/backfill").status_code == 404
    begun = owner("POST", "/instances/in/backfill", {"max_creates": 3})
    assert (begun.status_code, begun.json["state"], begun.json["queued"]) == (202, "running", 0)
    again = owner("POST", "/instances/in/backfill", {})
    assert again.status_code == 409 and "running" in again.json["detail"]
    assert owner("GET", "/instances/in/backfill").json["job"] == begun.json["job"]
    assert owner("POST", "/instances/in/sweep", {"since": "2020-01-01"}).json == {"queued": 12}
    assert owner("POST", "/instances/in/sweep", {"since": "soon"}).status_code == 422
    compared = owner("POST", "/instances/in/reconcile", {}).json
    assert sum(compared["counts"].values()) == len(compared["contacts"]) > 12
    assert owner("POST", "/instances/in/reconcile", {"fix": True}).status_code == 200
    with scene.wiring.database.reading() as session:
        noted = [one.action for one in audit.entries(session)][:3]
    assert noted == ["reconcile.fixing", "sweep.done", "backfill.started"]
    owner("POST", "/instances/in/disable")
    for what in ("backfill", "sweep"):
        assert owner("POST", f"/instances/in/{what}", {}).status_code == 409
    assert owner("POST", "/instances/in/reconcile", {"fix": True}).status_code == 409


def test_jobs_are_listed_paused_resumed_and_stopped(scene, owner):
    applied(owner)
    number = owner("POST", "/instances/in/backfill", {}).json["job"]
    assert [one["id"] for one in owner("GET", "/jobs?kind=backfill&state=running&instance=in").json] == [
        number
    ]
    assert owner("GET", "/jobs?kind=sweep").json == []
    assert owner("GET", "/jobs?kind=holiday").status_code == 422
    told = owner("POST", f"/jobs/{number}/pause").json
    assert (told["state"], told["title"], told["instance"]) == ("paused", "Backfill of in", "in")
    refused = owner("POST", f"/jobs/{number}/pause")
    assert refused.status_code == 409 and "is paused" in refused.json["detail"]
    assert owner("POST", f"/jobs/{number}/resume").json["state"] == "running"
    assert owner("POST", f"/jobs/{number}/stop").json["note"].startswith("stopped by")
    assert owner("POST", f"/jobs/{number}/stop").status_code == 409
    assert owner("POST", "/jobs/99/stop").status_code == owner("GET", "/jobs/99").status_code == 404


def test_a_sweep_and_a_comparison_can_be_left_to_the_scheduler(scene, owner):
    applied(owner)
    swept = owner("POST", "/instances/in/sweep", {"paced": True, "since": "2d"}).json
    compared = owner("POST", "/instances/in/reconcile", {"paced": True}).json
    kinds = {one["id"]: one["kind"] for one in owner("GET", "/jobs").json}
    assert (kinds[swept["job"]], kinds[compared["job"]]) == ("sweep-since", "reconcile")
    assert owner("POST", "/instances/in/sweep", {"paced": True}).status_code == 422
    for what in ("sweep", "reconcile"):
        again = owner(
            "POST", f"/instances/in/{what}", {"paced": True, **({"since": "2d"} if what == "sweep" else {})}
        )
        assert again.status_code == 409 and "running or paused already" in again.json["detail"]


def test_what_if_answers_with_a_diff(scene, owner):
    applied(owner)
    told = owner("POST", "/instances/in/what-if", {"last": 10}).json
    assert (told["instance"], told["events"], told["different"]) == ("in", 0, [])
    configuration = owner("GET", "/instances/export").json
    assert owner("POST", "/instances/in/what-if", {"configuration": configuration}).status_code == 200
    viewer = Caller(scene, Role.VIEWER)
    assert viewer("POST", "/instances/in/what-if", {}).status_code == 200
    assert viewer("POST", "/instances/in/what-if", {"configuration": configuration}).status_code == 403
    refused = owner("POST", "/instances/in/what-if", {"configuration": {"instances": []}})
    assert (
        refused.status_code == 422 and owner("POST", "/instances/in/what-if", {"last": 0}).status_code == 422
    )


def test_a_comparison_that_a_platform_stops(scene, owner):
    applied(owner)
    scene.control(Platform.HUBSPOT, "POST", "faults", {"kind": "401"})
    answer = owner("POST", "/instances/in/reconcile", {})
    assert (answer.status_code, answer.json["code"]) == (502, "authentication-failed")


def test_preview_sync_timeline_and_log(scene, owner):
    applied(owner)
    contact = owner("POST", "/contacts/preview/in", {"contact": "hubspot:nobody"})
    assert contact.status_code == 404 and "there is no contact nobody in HubSpot" in contact.json["detail"]
    portal = scene.wiring.hubspot(
        next(one for one in [scene.instance("in").hubspot] if one.platform is Platform.HUBSPOT)
    )
    found = portal.list_page(["firstname"]).contacts[0].id
    told = owner("POST", "/contacts/preview/in", {"contact": found}).json
    assert told["outcome"] == "create" and {one["field"] for one in told["changes"]} >= {"phone", "crm_id"}
    done = owner("POST", "/contacts/sync/in", {"contact": found}).json
    assert done["outcome"] == "created" and done["matching"] and done["fields"]
    after = owner("POST", "/contacts/preview/in", {"contact": found}).json
    assert (after["outcome"], after["changes"]) == ("unchanged", [])
    assert {one["field"] for one in after["fields"]} >= {"phone", "email"}
    timeline = owner("GET", f"/contacts/timeline/hubspot:{found}").json
    assert timeline["timeline"][0]["outcome"] == "created" and timeline["links"]
    assert owner("GET", "/log").json == []
    assert owner("GET", "/log?code=nonsense").status_code == 422
    assert owner("GET", "/dead").json == []


def test_accounts_are_connected_and_tested(scene, owner):
    made = owner("POST", "/accounts", {"platform": "mainstay", "token": MAINSTAY_TOKEN, "name": "River"})
    assert made.status_code == 201 and made.json["org_id"] == "river" and MAINSTAY_TOKEN not in made.text
    assert owner("POST", "/accounts/mainstay/River/test").json["ok"] is True
    refused = owner("POST", "/accounts", {"platform": "mainstay", "token": "wrong"})
    assert (refused.status_code, refused.json["code"]) == (502, "authentication-failed")
    assert owner("POST", "/accounts", {"platform": "other", "token": "x"}).json["errors"]


def test_shapes_are_those_of_the_command_line(scene, owner, capsys):
    def command(*arguments):
        capsys.readouterr()
        run(
            [*arguments, "--json"],
            Start({"CROSSWALK_SECRET_KEY": "of the tests"}, connect=lambda _: scene.wiring),
        )
        return json.loads(capsys.readouterr().out)

    applied(owner)
    letter = put_dead(scene.wiring, instance="in")
    assert owner("GET", "/instances").json == command("instances", "list")
    assert owner("GET", "/instances/in/show").json == command("instances", "show", "in")
    assert owner("GET", "/accounts").json == command("accounts", "list")
    tested = [owner("POST", f"/accounts/{one}/test").json for one in ("hubspot/portal", "mainstay/river")]
    assert tested == command("accounts", "test")
    (dead,) = owner("GET", "/dead").json
    assert [dead] == command("dead", "list")
    assert owner("GET", f"/dead/{dead['id']}").json == command("dead", "show", str(dead["id"]))
    assert owner("GET", "/dead/999").status_code == 404
    everything = {"everything": True}
    dry = everything | {"dry_run": True}
    assert owner("POST", "/dead/discard", dry).json == command("dead", "discard", "--dry-run")
    assert owner("POST", "/dead/replay", dry).json == command("dead", "replay", "--dry-run")
    replayed = owner("POST", "/dead/replay", everything).json
    assert (replayed["count"], replayed["queued"], replayed["unreadable"]) == (1, 1, 0)
    gone = owner("POST", "/contacts/sync/in", {"contact": letter.contact}).json
    assert gone == command("sync", "in", letter.contact)


def test_a_body_that_is_no_json_is_415_and_an_id_of_no_letters_422(owner):
    applied(owner)
    for kind in ("text/yaml", "application/x-www-form-urlencoded"):
        answer = owner.client.post(
            "/api/v1/instances/apply", headers=owner.headers, data="accounts: {}", content_type=kind
        )
        assert (answer.status_code, answer.content_type) == (415, "application/problem+json")
    assert owner("POST", "/instances/in/disable").status_code == 200  # no body, no type
    for odd in ("\ud800", "4711\x00"):
        assert owner("POST", "/contacts/sync/in", {"contact": odd}).status_code == 422


def test_dead_letters_are_never_settled_by_an_empty_filter(owner):
    for what in ("replay", "discard"):
        answer = owner("POST", f"/dead/{what}", {})
        assert answer.status_code == 422 and "everything" in str(answer.json["errors"])
        assert owner("POST", f"/dead/{what}", {"everything": True, "dry_run": True}).json["count"] == 0


def test_problems_activity_and_home_have_their_calls(scene, owner):
    from tests.integration.console import history

    history.make(scene)
    history.work(scene)
    assert owner("GET", "/home").json["sentence"] == "6 contacts need you."
    found = {one["code"]: one for one in owner("GET", "/problems").json}
    assert (found["invalid-phone"]["contacts"], found["invalid-phone"]["state"]) == (2, "open")
    assert found["unknown-option"]["who"] == "Needs you"
    said = owner(
        "POST", "/problems/state", {"code": "invalid-phone", "state": "acknowledged", "note": "mine"}
    )
    assert (said.json["state"], said.json["note"]) == ("acknowledged", "mine")
    snooze = {"code": "invalid-phone", "state": "snoozed", "until": "1d", "until_contacts": 9}
    assert owner("POST", "/problems/state", snooze).status_code == 422  # a day ago
    said = owner("POST", "/problems/state", {**snooze, "until": "2999-01-01"})
    assert (said.json["state"], said.json["until_contacts"]) == ("snoozed", 9)
    assert (
        owner("POST", "/problems/state", {"code": "invalid-phone", "state": "open"}).json["state"] == "open"
    )
    assert owner("POST", "/problems/state", {"code": "invalid-email", "state": "open"}).status_code == 404
    assert owner("POST", "/problems/retry", {"code": "unexpected-answer"}).status_code == 409
    tried = owner("POST", "/problems/retry", {"code": "crm-id-phone-conflict", "first": True}).json
    assert tried["job"] is None and [one["contact"] for one in tried["tried"]] == ["hubspot:1005"]
    job = owner("POST", "/problems/retry", {"code": "invalid-phone", "instance": "Leads in"}).json["job"]
    assert owner("GET", f"/jobs/{job}").json["kind"] == "retry"
    page = owner("GET", "/activity?limit=3&state=written").json
    assert [one["outcome"] for one in page["entries"]] == ["updated", "updated", "created"] and page[
        "entries"
    ][0]["id"] > 0
    rest = owner(
        "GET", f"/activity?before={page['older']}" if page["older"] else "/activity?code=invalid-phone"
    )
    assert rest.status_code == 200 and rest.json["entries"]
    viewer = Caller(scene, Role.VIEWER)
    assert viewer("GET", "/problems").status_code == 200
    assert viewer("POST", "/problems/retry", {"code": "invalid-phone"}).status_code == 403


def test_a_viewers_preview_is_masked(scene, owner):
    applied(owner)
    portal = scene.wiring.hubspot(scene.instance("in").hubspot)
    people = portal.list_page(["firstname", "email"]).contacts
    record = next(one for one in people if one.values["email"])
    body = {"contact": f"hubspot:{record.id}"}
    assert record.values["email"] in str(owner("POST", "/contacts/preview/in", body).json)
    told = Caller(scene, Role.VIEWER)("POST", "/contacts/preview/in", body).json
    assert record.values["email"] not in str(told) and record.values["firstname"] not in str(told)
    assert "•••@•••" in str(told) and told["changes"]


def test_an_older_mapping_is_saved_again(scene, owner):
    applied(owner)
    shorter = json.loads(json.dumps(CONFIGURATION))
    shorter["instances"][0]["filters"] = [{"field": "lifecyclestage", "values": ["lead"]}]
    assert owner("POST", "/instances/apply", {"configuration": shorter}).status_code == 200
    path = "/instances/in/versions/1/restore"
    for role in (Role.VIEWER, Role.OPERATOR):
        assert Caller(scene, role)("POST", path, {}).status_code == 403
    dry = owner("POST", path, {"dry_run": True}).json
    assert dry["applied"] is False and "filter removed: lifecyclestage" in dry["changes"][0]["details"]
    assert scene.instance("in").mapping_version == 2
    assert Caller(scene, Role.ADMIN)("POST", path, {}).json["applied"] is True
    assert scene.instance("in").mapping.filters == () and scene.instance("in").mapping_version == 3
    assert owner("GET", "/instances/in/versions").json[0]["author"] == "API token integration-admin script"
    assert owner("POST", "/instances/in/versions/9/restore", {}).status_code == 404
