"""Every route of the JSON API answers the roles that it names and nobody else."""

import pytest

from console.access import Role
from core.store import api_tokens
from tests.integration.console.kit import Scene

VALUES = {"job_id": 1, "name": "x", "instance": "x", "contact": "hubspot:1", "platform": "mainstay"}


def routes(scene: Scene) -> list[tuple[str, str, object]]:
    """(method, path, view) of every route under /api/v1 but for the document that describes them."""
    found = []
    adapter = scene.app.url_map.bind("localhost")
    for rule in scene.app.url_map.iter_rules():
        if rule.rule.startswith("/api/") and rule.endpoint != "api-docs.openapi_json":
            values = {name: VALUES.get(name, 1) for name in rule.arguments}
            path = adapter.build(rule.endpoint, values, method=next(iter(rule.methods - {"HEAD", "OPTIONS"})))
            view = scene.app.view_functions[rule.endpoint]
            found += [(method, path, view) for method in sorted(rule.methods - {"HEAD", "OPTIONS"})]
    assert len(found) > 20
    return found


@pytest.mark.parametrize("role", [None, *Role])
def test_every_route_asks_for_its_right(scene: Scene, role: Role | None) -> None:
    client, headers = scene.app.test_client(), {}
    if role is not None:
        with scene.wiring.database.transaction() as session:
            text = api_tokens.create(session, name=role, role=role, author="x", now_ms=1)[1]
        headers["Authorization"] = f"Bearer {text}"
    for method, path, view in routes(scene):
        answer = client.open(path, method=method, headers=headers, json={})
        if role is None:
            assert answer.status_code == 401, path
        elif not role.may(view.right):
            assert answer.status_code == 403, (path, role)
        else:
            assert answer.status_code not in (401, 403, 500), (path, role, answer.text)


def test_a_session_of_the_console_is_no_way_into_the_api(scene: Scene) -> None:
    browser = scene.browser(Role.OWNER)
    assert browser.client.get("/integrations").status_code == 200
    assert browser.client.get("/api/v1/instances").status_code == 401


NO_TOKENS = ("", "Bearer", "Bearer ", "Basic b3duZXI6eA==", "Bearer cw_x", "bearer \x7f", "x" * 9_000)


@pytest.mark.parametrize("header", NO_TOKENS)
def test_what_is_no_token_is_refused(scene: Scene, header: str) -> None:
    answer = scene.app.test_client().get("/api/v1/instances", headers={"Authorization": header})
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")
