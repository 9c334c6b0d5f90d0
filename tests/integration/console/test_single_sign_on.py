"""Signing in by an OpenID Connect provider: a small one, over real HTTP, with real signatures."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import urllib3
from flask import Flask, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

from console.access import Role
from core.store import users
from tests.integration.console import kit

HTTP = urllib3.PoolManager(retries=False)


@dataclass
class Provider:
    """``claims`` is what the next sign-in says about the person."""

    url: str = ""
    claims: dict[str, object] = field(default_factory=dict)
    nonce: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))

    def app(self) -> Flask:
        app = Flask("provider")

        @app.get("/.well-known/openid-configuration")
        def configuration():
            return jsonify(
                issuer=self.url,
                authorization_endpoint=f"{self.url}/authorize",
                token_endpoint=f"{self.url}/token",
                jwks_uri=f"{self.url}/keys",
                id_token_signing_alg_values_supported=["RS256"],
            )

        @app.get("/authorize")
        def authorize():
            self.nonce = request.args["nonce"]
            assert request.args["code_challenge_method"] == "S256"
            answer = urlencode({"code": "one-code", "state": request.args["state"]})
            return redirect(f"{request.args['redirect_uri']}?{answer}")

        @app.post("/token")
        def token():
            now_s = int(time.time())
            claims = {"iss": self.url, "aud": "console", "iat": now_s, "exp": now_s + 60, "nonce": self.nonce}
            signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims | self.claims, self.key)
            return jsonify(access_token="x", token_type="Bearer", id_token=signed)

        @app.get("/keys")
        def keys():
            return jsonify(keys=[self.key.as_dict(private=False)])

        return app


@pytest.fixture
def provider() -> Iterator[Provider]:
    one = Provider()
    server = make_server("127.0.0.1", 0, one.app(), threaded=True)
    one.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield one
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
def scene(tmp_path, provider):
    with kit.scene(
        tmp_path,
        CROSSWALK_OIDC_ISSUER=provider.url,
        CROSSWALK_OIDC_CLIENT_ID="console",
        CROSSWALK_OIDC_CLIENT_SECRET="of the tests",
    ) as one:
        yield one


def come_in(scene: kit.Scene) -> kit.Browser:
    browser = scene.browser()
    assert "Sign in with your institution" in browser.get("/sign-in")
    sent = browser.client.get("/sign-in/sso")
    back = HTTP.request("GET", sent.location, redirect=False)
    there = urlsplit(back.headers["Location"])
    assert parse_qs(there.query)["state"]
    browser.get(f"{there.path}?{there.query}")
    return browser


def test_a_user_comes_in_by_a_verified_email_and_from_then_on_by_the_subject(scene, provider):
    email = scene.user(Role.ADMIN)
    provider.claims = {"sub": "ana-1", "email": email.upper(), "email_verified": True}
    assert come_in(scene).path == "/"
    provider.claims = {"sub": "ana-1", "email": "changed@river.example"}
    assert come_in(scene).path == "/"
    with scene.wiring.database.reading() as session:
        assert users.by_email(session, email).subject == f"{provider.url} ana-1"


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "eve", "email": "nobody@river.example", "email_verified": True},
        {"sub": "eve", "email": "integration-admin@river.example", "email_verified": False},
        {"sub": "eve", "email": "integration-admin@river.example"},
        {"sub": "eve"},
    ],
)
def test_strangers_and_unverified_emails_stay_out(scene, provider, claims):
    scene.user(Role.ADMIN)
    provider.claims = claims
    browser = come_in(scene)
    assert browser.path == "/sign-in" and "not among the console" in browser.words()


def test_another_subject_with_a_known_email_stays_out(scene, provider):
    email = scene.user(Role.ADMIN)
    provider.claims = {"sub": "ana-1", "email": email, "email_verified": True}
    come_in(scene)
    provider.claims = {"sub": "eve", "email": email, "email_verified": True}
    assert come_in(scene).path == "/sign-in"


def test_a_disabled_user_stays_out(scene, provider):
    email = scene.user(Role.ADMIN)
    with scene.wiring.database.transaction() as session:
        users.change(session, users.by_email(session, email).id, disabled_at_ms=1)
    provider.claims = {"sub": "ana-1", "email": email, "email_verified": True}
    assert come_in(scene).path == "/sign-in"


def test_an_answer_that_was_not_asked_for_or_is_signed_by_another_is_refused(scene, provider):
    browser = scene.browser()
    browser.get("/sign-in/sso/callback?code=x&state=y")
    assert browser.path == "/sign-in" and "did not work" in browser.words()
    provider.claims = {"sub": "a", "email": scene.user(Role.OWNER), "email_verified": True, "aud": "another"}
    assert come_in(scene).path == "/sign-in"
