"""The audit log: what, who, when, from where; and the database itself refuses to change it."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from console.access import Role
from core.domain.fields import Platform
from core.store import audit
from tests.integration.console import kit
from tests.integration.console.kit import Scene

DAY_MS = 24 * 3600 * 1000


_OVER = (
    "INSERT INTO audit (id, at_ms, who, action, subject, details, origin)"
    " SELECT id, at_ms, 'nobody', action, subject, details, origin FROM audit WHERE true"
)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET who = 'nobody'",
        "DELETE FROM audit",
        f"{_OVER} ON CONFLICT (id) DO UPDATE SET who = 'nobody'",
        _OVER.replace("INSERT", "INSERT OR REPLACE"),
    ],
)
def test_an_entry_is_neither_changed_nor_removed(either: Scene, statement: str) -> None:
    with either.wiring.database.transaction() as session:
        audit.record(session, either.wiring.clock(), "ana@river.example", "instance.deleted", "Leads")
    sqlites = "OR REPLACE" in statement and either.wiring.database.engine.dialect.name != "sqlite"
    with pytest.raises(DBAPIError, match="syntax error" if sqlites else "only ever added to"):
        with either.wiring.database.engine.begin() as connection:
            connection.execute(text(statement))
    with either.wiring.database.reading() as session:
        assert audit.entries(session)[0].who == "ana@river.example"


def test_an_old_entry_may_go(either: Scene) -> None:
    with either.wiring.database.transaction() as session:
        audit.record(session, either.wiring.clock() - 31 * DAY_MS, "ana@river.example", "sign-in")
    with either.wiring.database.engine.begin() as connection:
        assert connection.execute(text("DELETE FROM audit")).rowcount == 1


def test_postgresql_does_not_empty_the_table(either: Scene) -> None:
    engine = either.wiring.database.engine
    if engine.dialect.name == "sqlite":
        return  # it has no TRUNCATE; DELETE is refused above
    with pytest.raises(DBAPIError, match="only ever added to"), engine.begin() as connection:
        connection.execute(text("TRUNCATE audit"))


def test_it_tells_what_who_when_and_from_where(scene: Scene) -> None:
    browser = scene.browser(Role.OWNER)
    browser.get("/users")
    form = {"form_token": browser.token(), "email": "new@river.example", "role": "viewer"}
    browser.client.post("/users", data=form, environ_overrides={"REMOTE_ADDR": "192.0.2.9"})
    with scene.wiring.database.reading() as session:
        found = audit.entries(session)[0]
    assert (found.action, found.subject, found.who) == (
        "user.added",
        "new@river.example",
        "owner@river.example",
    )
    assert found.origin == "192.0.2.9" and abs(found.at_ms - scene.wiring.clock()) < 60_000
    assert "192.0.2.9" in browser.get("/audit")


@pytest.mark.parametrize(
    ("proxies", "seen"), [("0", "10.0.0.1"), ("1", "198.51.100.2"), ("2", "203.0.113.1")]
)
def test_a_forwarded_address_counts_only_from_so_many_proxies(tmp_path, proxies: str, seen: str) -> None:
    with kit.scene(tmp_path, CROSSWALK_CONSOLE_PROXIES=proxies) as scene:
        browser = scene.browser(Role.OWNER)
        browser.get("/users")
        browser.client.post(
            "/me/sign-out-everywhere",
            data={"form_token": browser.token()},
            headers={"X-Forwarded-For": "203.0.113.1, 198.51.100.2", "X-Forwarded-Host": "evil.example"},
            environ_overrides={"REMOTE_ADDR": "10.0.0.1"},
        )
        with scene.wiring.database.reading() as session:
            assert audit.entries(session)[0].origin == seen


def test_a_contact_is_named_by_a_mark_that_only_this_deployment_can_make() -> None:
    mark = audit.contact_mark(b"k" * 32, Platform.HUBSPOT, "101")
    assert "101" not in mark and mark == audit.contact_mark(b"k" * 32, Platform.HUBSPOT, "101")
    assert mark != audit.contact_mark(b"j" * 32, Platform.HUBSPOT, "101")
    assert mark != audit.contact_mark(b"k" * 32, Platform.MAINSTAY, "101")
