"""Passwords, codes and tokens can't be guessed at speed: not one after the other, and not all at once."""

from concurrent.futures import ThreadPoolExecutor

from console.access import Role
from core.store import attempts
from tests.integration.console.kit import Scene


def test_many_tries_at_once_are_counted_one_by_one(either: Scene) -> None:
    def one(_: int) -> int:
        with either.wiring.database.transaction() as session:
            return attempts.begin(session, "ana@river.example", "192.0.2.7", 1_000_000)

    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(one, range(40)))
    assert waits.count(0) == attempts.FREE


def test_a_success_forgets_the_emails_failures_and_not_the_addresses(scene: Scene) -> None:
    def begin(email: str, now_ms: int) -> int:
        with scene.wiring.database.transaction() as session:
            return attempts.begin(session, email, "192.0.2.7", now_ms)

    now_ms = 1_000_000
    for n in range(attempts.FREE_ADDRESS):
        assert begin(f"user{n}@river.example", now_ms) == 0
    assert 0 < begin("ana@river.example", now_ms) <= attempts.LONGEST_ADDRESS_MS
    with scene.wiring.database.transaction() as session:
        attempts.succeeded(session, "user1@river.example", "192.0.2.7")
    assert begin("ana@river.example", now_ms) == 0
    assert begin("ana@river.example", now_ms) > 0


def test_wrong_bearer_tokens_are_slowed_down_and_a_right_one_is_not(scene: Scene) -> None:
    client = scene.app.test_client()

    def call(token: str) -> int:
        answer = client.get("/api/v1/instances", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code != 429 or int(answer.headers["Retry-After"]) >= 1
        return answer.status_code

    statuses = [call(f"cw_{n}") for n in range(attempts.FREE_ADDRESS + 3)]
    assert statuses[: attempts.FREE_ADDRESS] == [401] * attempts.FREE_ADDRESS
    assert statuses[-2:] == [429, 429]
    owner = scene.browser(Role.OWNER)
    owner.post("/tokens", name="A script", role="viewer")
    assert call(owner.page.split('<code class="key">')[1].split("<")[0]) == 200


def test_whoever_finds_a_browser_signed_in_can_not_guess_the_password(scene: Scene) -> None:
    browser, told = scene.browser(Role.OWNER), []
    for _ in range(attempts.FREE + 5):  # the waits double: a slow machine meets a later one
        new = "another good password"
        browser.post("/me/password", current="wrong", new=new, again=new)
        assert browser.status == 400
        told.append("Too many failed tries" in browser.words())
    assert told[: attempts.FREE] == [False] * attempts.FREE and any(told)
