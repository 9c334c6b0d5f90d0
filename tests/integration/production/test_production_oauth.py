"""OAuth tokens run out under load, with several processes at work: each is renewed once, by one of them.

The platform takes back each refresh token when it is used, so a second renewal would be refused and hold the
account.
"""

import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from core.platforms.hubspot.oauth import SCOPES, TOKEN_PATH, HubSpotOAuth
from core.platforms.hubspot.refreshing import EARLY_MS
from core.store import accounts
from tests.end_to_end.processes import Deployment
from tests.end_to_end.production import Books, Crowd, Servers, in_processes
from tests.end_to_end.scene import HTTP, configuration

pytestmark = [pytest.mark.services, pytest.mark.processes]
BACK = "https://sync.example.edu/oauth/hubspot"
CLIENT = "sandbox-client"
GOOD_S = 2  # how long a token counts as fresh
LOAD_S = 7.0


def connect_by_oauth(one: Deployment) -> None:
    """What the console does once an admin has agreed."""
    asked = {"client_id": CLIENT, "redirect_uri": BACK, "scope": " ".join(SCOPES), "state": "s"}
    form = asked | {"portal": "62515", "decision": "allow"}
    url = f"{one.hubspot.url}/oauth/authorize"
    answer = HTTP.request("POST", url, fields=form, encode_multipart=False, redirect=False)
    code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
    grant = HubSpotOAuth(one.settings(), BACK, one.wiring.clock).exchange(code, "")
    portal = one.instance("incoming").hubspot
    with one.wiring.database.transaction() as session:
        accounts.replace_credentials(session, one.wiring.sealer, portal.id, grant.credentials())


def test_a_token_is_renewed_once_by_one_of_many_processes(tmp_path: Path, servers: Servers) -> None:
    switches = {"oauth_expires_in_s": EARLY_MS // 1000 + GOOD_S, "rotate_refresh_token": True}
    environment = {"CROSSWALK_HUBSPOT_CLIENT_ID": CLIENT}
    with in_processes(tmp_path, servers, switches={"hubspot": switches}, environment=environment) as one:
        one.apply(configuration("incoming", "outgoing"))
        connect_by_oauth(one)
        books = Books(one).open()
        one.start("web", "incoming", "incoming", "outgoing", "outgoing")
        crowd = Crowd(one.hubspot, one.mainstay)
        end_s = time.monotonic() + LOAD_S
        while time.monotonic() < end_s:
            crowd.turn_up(1)
            time.sleep(0.2)  # load over several lifetimes of a token, not a wait
        one.settle()
        crowd.check()
        books.balance()
        calls = [
            call for call in one.hubspot.ask("GET", "calls?since=0")["calls"] if call["path"] == TOKEN_PATH
        ]
        assert {call["status"] for call in calls} == {200}
        assert 3 <= len(calls) <= 1 + (LOAD_S + 10) / GOOD_S
        assert one.codes() == []
