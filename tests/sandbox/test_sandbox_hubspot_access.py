"""HubSpot's rate limits and OAuth (facts §5, §6)."""

import base64
import hashlib
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hubspot import HubSpot
from hubspot.crm.contacts.exceptions import ApiException

from tests.sandbox.receiver import Server

CONTACTS = "/crm/objects/2026-09/contacts"
BACK = "https://console.example.edu/oauth/hubspot"
CLIENT = {"client_id": "sandbox-client", "client_secret": "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"}
SCOPES = "oauth crm.objects.contacts.read"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def test_the_burst_limit_has_headers_and_its_own_429(hubspot: Server) -> None:
    hubspot.settings(limits=True, limit_burst_static=3)
    left = [hubspot.call("GET", CONTACTS).headers["X-HubSpot-RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    answer = hubspot.call("GET", CONTACTS)
    assert answer.status == 429
    body = answer.json()
    assert body["message"] == "You have reached your ten_secondly_rolling limit."
    assert (body["policyName"], body["errorType"]) == ("TEN_SECONDLY_ROLLING", "RATE_LIMIT")
    assert "category" not in body
    assert "Retry-After" not in answer.headers
    other = Server(hubspot.url, "Bearer pat-two")
    assert other.call("GET", CONTACTS).status == 200, "each portal has its own budget"


def test_headers_of_a_static_token(hubspot: Server) -> None:
    hubspot.settings(limits=True)
    headers = hubspot.call("GET", CONTACTS).headers
    assert headers["X-HubSpot-RateLimit-Max"] == "190"
    assert headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    assert headers["X-HubSpot-RateLimit-Daily"] == "625000"


def test_search_has_its_own_limit_without_headers(hubspot: Server) -> None:
    hubspot.settings(limits=True, limit_search_per_s=2, retry_after_on_429=True)
    answers = [hubspot.call("POST", f"{CONTACTS}/search", {}) for _ in range(3)]
    assert [each.status for each in answers] == [200, 200, 429]
    assert answers[2].json()["message"] == "You have reached your secondly limit."
    assert answers[2].headers["Retry-After"] == "1"
    assert not any(name.lower().startswith("x-hubspot-ratelimit") for name in answers[0].headers)


def test_the_daily_limit(hubspot: Server) -> None:
    hubspot.settings(limits=True, limit_daily=1)
    assert hubspot.call("GET", CONTACTS).status == 200
    body = hubspot.call("GET", CONTACTS).json()
    assert (body["policyName"], body["message"]) == ("DAILY", "You have reached your daily limit.")


def authorize(hubspot: Server, decision: str = "allow", **more: str) -> dict[str, list[str]]:
    """Walks over the authorize page as a browser would; returns what the app gets back."""
    wanted = {"client_id": CLIENT["client_id"], "redirect_uri": BACK, "scope": SCOPES, "state": "s1", **more}
    page = hubspot.call("GET", f"/oauth/authorize?{urlencode(wanted)}")
    assert page.status == 200
    html = page.data.decode()
    assert "crm.objects.contacts.read" in html
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', html))
    form |= {"portal": "70001", "decision": decision}
    answer = hubspot.call("POST", "/oauth/authorize", fields=form, encode_multipart=False)
    assert answer.status == 302
    assert answer.headers["Location"].startswith(BACK)
    return parse_qs(urlsplit(answer.headers["Location"]).query)


def token_call(hubspot: Server, path: str = "/oauth/2026-03/token", **form: str) -> tuple[int, Any]:
    answer = hubspot.call("POST", path, fields={**CLIENT, **form}, encode_multipart=False)
    return answer.status, answer.json()


@pytest.fixture
def tokens(hubspot: Server) -> dict[str, Any]:
    code = authorize(hubspot)["code"][0]
    status, body = token_call(hubspot, grant_type="authorization_code", code=code, redirect_uri=BACK)
    assert status == 200
    return dict(body)


def test_the_whole_way(hubspot: Server, tokens: dict[str, Any]) -> None:
    assert (tokens["token_type"], tokens["expires_in"], tokens["hub_id"]) == ("bearer", 1800, 70001)
    assert tokens["scopes"] == SCOPES.split()
    app = Server(hubspot.url, f"Bearer {tokens['access_token']}")
    assert app.json("GET", "/account-info/v3/details")["portalId"] == 70001
    hubspot.settings(limits=True)
    headers = app.call("GET", CONTACTS).headers
    assert headers["X-HubSpot-RateLimit-Max"] == "110"
    assert "X-HubSpot-RateLimit-Daily" not in headers
    assert app.call("POST", CONTACTS, {"properties": {"firstname": "A"}}).status == 403


def test_denying_comes_back_as_an_error(hubspot: Server) -> None:
    back = authorize(hubspot, "deny")
    assert (back["error"], back["state"]) == (["access_denied"], ["s1"])


def test_a_code_works_once_and_only_for_its_address(hubspot: Server) -> None:
    code = authorize(hubspot)["code"][0]
    grant = {"grant_type": "authorization_code", "code": code}
    assert token_call(hubspot, **grant, redirect_uri="https://evil.example")[0] == 400
    code = authorize(hubspot)["code"][0]
    assert token_call(hubspot, **{**grant, "code": code}, redirect_uri=BACK)[0] == 200
    assert token_call(hubspot, **{**grant, "code": code}, redirect_uri=BACK)[1]["status"] == "BAD_AUTH_CODE"


@pytest.mark.parametrize(("verifier", "status"), [(VERIFIER, 200), ("w" * 43, 400), ("", 400)])
def test_pkce(hubspot: Server, verifier: str, status: int) -> None:
    code = authorize(hubspot, code_challenge=CHALLENGE, code_challenge_method="S256")["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": verifier}
    assert token_call(hubspot, **form)[0] == status


@pytest.mark.parametrize("version", ["2026-03", "2026-09", "v3", "v1"])
def test_refreshing(hubspot: Server, tokens: dict[str, Any], version: str) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    status, body = token_call(hubspot, f"/oauth/{version}/token", **form)
    assert (status, body["refresh_token"]) == (200, tokens["refresh_token"])
    assert body["access_token"] != tokens["access_token"]


def test_refresh_tokens_may_rotate(hubspot: Server, tokens: dict[str, Any]) -> None:
    hubspot.settings(rotate_refresh_token=True)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert token_call(hubspot, **form)[1]["refresh_token"] != tokens["refresh_token"]
    assert token_call(hubspot, **form)[1]["status"] == "BAD_REFRESH_TOKEN"


def test_access_tokens_run_out(hubspot: Server, tokens: dict[str, Any]) -> None:
    client = HubSpot(access_token=tokens["access_token"], host=hubspot.url).crm.contacts.basic_api
    client.get_page()
    hubspot.control("POST", "tokens/end", {"expire": True})
    with pytest.raises(ApiException) as refused:
        client.get_page()
    assert refused.value.status == 401


def test_uninstalling_ends_everything(hubspot: Server, tokens: dict[str, Any]) -> None:
    hubspot.control("POST", "tokens/end", {"uninstall": 70001})
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    status, body = token_call(hubspot, **form)
    assert (status, body["error"], body["status"]) == (400, "invalid_grant", "BAD_REFRESH_TOKEN")
    assert Server(hubspot.url, f"Bearer {tokens['access_token']}").call("GET", CONTACTS).status == 401


def test_introspect_and_revoke(hubspot: Server, tokens: dict[str, Any]) -> None:
    path = "/oauth/2026-03/token"
    for name in ("token", "access_token"):
        _, body = token_call(hubspot, f"{path}/introspect", **{name: tokens["access_token"]})
        assert (body["active"], body["hub_id"], body["token_use"]) == (True, 70001, "access_token")
    assert token_call(hubspot, f"{path}/revoke", token=tokens["refresh_token"])[0] == 200
    assert token_call(hubspot, f"{path}/introspect", token=tokens["access_token"])[1] == {"active": False}


def test_wrong_clients_scopes_and_addresses(hubspot: Server) -> None:
    assert (
        token_call(hubspot, grant_type="refresh_token", client_secret="no")[1]["status"]
        == "BAD_CLIENT_SECRET"
    )
    wanted = {"client_id": "sandbox-client", "redirect_uri": BACK, "scope": SCOPES}
    hubspot.settings(app_scopes=["oauth"])
    assert hubspot.call("GET", f"/oauth/authorize?{urlencode(wanted)}").status == 400
    hubspot.settings(app_scopes=[], oauth_redirect_uris=["https://other.example"])
    assert hubspot.call("GET", f"/oauth/authorize?{urlencode(wanted)}").status == 400
