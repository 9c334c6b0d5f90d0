"""The API as its own document describes it, driven by schemathesis: odd bodies, queries and paths.

What must hold of every answer: no fault of ours (5xx other than for a platform that is away), the media types
that the API speaks, and no credential or detail of the machinery in it.
"""

import json
import os

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.access import Role
from core.store import api_tokens
from tests.integration.console import kit

CASES = int(os.environ.get("SCHEMA_CASES", "12"))  # per operation; `make proof` takes more
SPOKEN = ("application/json", "application/problem+json")


@pytest.fixture(scope="module")
def driven(tmp_path_factory):
    """The API with an owner's token and both accounts connected: (scene, headers, operations)."""
    with kit.scene(tmp_path_factory.mktemp("schema")) as scene:
        scene.connect_both()
        with scene.wiring.database.transaction() as session:
            text = api_tokens.create(session, name="driver", role=Role.OWNER, author="x", now_ms=1)[1]
        schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", scene.app)
        operations = [one.ok() for one in schema.get_all_operations()]
        yield scene, {"Authorization": f"Bearer {text}"}, operations


def test_the_document_is_valid_openapi_and_complete(driven) -> None:
    scene, _, operations = driven
    rules = [one for one in scene.app.url_map.iter_rules() if one.endpoint.startswith("api_")]
    assert len(operations) == sum(len(one.methods - {"HEAD", "OPTIONS"}) for one in rules)


def test_any_call_gets_a_documented_answer(driven) -> None:
    _, headers, operations = driven
    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(
            max_examples=CASES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=[*HealthCheck],
        )
        def drive(case) -> None:
            answer = case.call(headers=headers)
            assert answer.status_code < 500 or answer.status_code in (502, 503), (
                case.as_curl_command(),
                answer.text,
            )
            if answer.content:
                assert answer.headers["content-type"][0].split(";")[0] in SPOKEN
                document = answer.json()
                text = json.dumps(document)
                assert (
                    "Traceback" not in text
                    and kit.HUBSPOT_TOKEN not in text
                    and kit.MAINSTAY_TOKEN not in text
                )
                if answer.status_code >= 400:
                    assert document["status"] == answer.status_code and document["request_id"]

        drive()


ODD = st.sampled_from(
    ["\0", "\ud800", "9" * 400, "../..", "%00", "\u202e", "a" * 5_000, "-1", "1e999", "\r\nX: y"]
)


@given(odd=ODD, where=st.sampled_from(["since", "until", "instance", "contact", "before", "limit", "code"]))
@settings(
    max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=[*HealthCheck]
)
def test_odd_texts_and_numbers_in_queries_are_refused_or_find_nothing(driven, odd: str, where: str) -> None:
    scene, headers, _ = driven
    answer = scene.app.test_client().get(
        "/api/v1/log", query_string={where: odd.encode("utf-8", "surrogatepass")}, headers=headers
    )
    assert answer.status_code in (200, 400, 422), answer.text
    path = "/api/v1/jobs/" + "9" * 40
    assert scene.app.test_client().get(path, headers=headers).status_code in (404, 422)


@pytest.mark.parametrize("odd", ["\0", "\ud800", "9" * 400, "\u202e", "a" * 100_000])
def test_odd_texts_in_bodies_are_refused(driven, odd: str) -> None:
    scene, headers, _ = driven
    client = scene.app.test_client()
    bodies = {
        "/api/v1/contacts/preview/x": {"contact": odd},
        "/api/v1/accounts": {"platform": "mainstay", "token": odd, "name": odd[:180]},
        "/api/v1/instances/apply": {"configuration": {odd: odd}},
        "/api/v1/dead/replay": {"instance": odd},
    }
    for path, body in bodies.items():
        status = client.post(path, json=body, headers=headers).status_code
        assert status < 500 or status in (502, 503), (path, odd[:5], status)


@pytest.mark.parametrize(
    "body", [b"", b"[" * 100_000, b'{"a":' * 50_000, b"\xff", b"null", b"[]", b"1" * 5_000]
)
def test_bodies_that_are_no_objects_are_refused(driven, body: bytes) -> None:
    scene, headers, _ = driven
    for path in ("instances/apply", "accounts", "dead/discard"):
        answer = scene.app.test_client().post(
            f"/api/v1/{path}", data=body, headers=headers, content_type="application/json"
        )
        assert answer.status_code in (400, 422), (path, body[:5], answer.text)
