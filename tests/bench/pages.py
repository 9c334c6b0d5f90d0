"""Case ``pages``: how long the console's pages take on PostgreSQL where a lot has happened.

``make bench CASE=pages`` seeds 100,000 links and 1,000,000 outcomes; ``make bench CASE=pages-full`` the
1,000,000 and 10,000,000 that the pages are promised for (several minutes, some 8 GB). The time is that of
the whole request in the server: session, queries, template.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from console.access import Role
from core.store import users
from core.store.database import Database
from core.wiring import Wiring
from tests.integration.console import kit
from tests.services.postgres import Postgres

TIMES = 7
_INDICES = """SELECT indexname, indexdef FROM pg_indexes
    WHERE tablename IN ('outcomes', 'sync_log', 'links') AND indexdef NOT LIKE '%UNIQUE%'"""
PAGES = {
    "home": "/",
    "sync log": "/sync-log",
    "sync log, a code": "/sync-log?code=invalid-email&state=open",
    "sync log, a rare code": "/sync-log?code=already-linked",
    "sync log, direction, a week": "/sync-log?direction=outgoing&since=7d",
    "sync log, a text that is not there": "/sync-log?text=nosuchword",
    "sync log, open, a text that is not there": "/sync-log?state=open&text=nosuchword",
    "sync log, a contact": "/sync-log?contact=hubspot:77777",
    "sync log, news": "/sync-log/news?after=1&code=invalid-phone",
    "download, counted": "/sync-log/download?since=7d",
    "problems": "/problems",
    "a problem": "/problems/1/0/invalid-phone",
    "activity": "/activity",
    "activity, excluded": "/activity?state=excluded",
    "activity, failing of one": "/activity?state=failing&instance=out",
    "activity, a rare state": "/activity?state=ended",
    "activity, a rare code": "/activity?code=already-linked",
    "activity, a day three weeks ago": "/activity?since=22d&until=2026-01-01T00:00Z",
    "activity, a contact": "/activity?contact=mainstay:m77777",
    "activity, a job": "/activity?job=3&state=updated",
    "activity, a job that brought nothing": "/activity?job=999",
    "dead letters": "/dead-letters",
    "dead letters, a cause": "/dead-letters?code=rate-limited&instance=out",
    "dead letters, a contact": "/dead-letters?contact=7777",
    "a dead letter": "/dead-letters/77",
    "a replay's plan": "/dead-letters/replay?everything=yes",
    "jobs": "/jobs",
    "jobs, the clock's": "/jobs?kind=sweep",
    "a job": "/jobs/3",
    "contacts": "/contacts",
    "a contact": "/contacts/hubspot/1/77777",
    "alerts": "/alerts",
    "audit log": "/audit",
    "audit log, an action that is not there": "/audit?action=nosuch",
    "help": "/help/errors",
    "help of a code": "/help/errors/invalid-phone",
    "integrations": "/integrations/hubspot",
}


def pages(folder: Path, links: int = 100_000, outcomes: int = 1_000_000) -> list[dict[str, object]]:
    """A row per page: the median and the slowest of some requests, in milliseconds."""
    with _served(folder, links, outcomes) as (scene, seeded_s):
        browser = scene.browser(Role.OWNER)
        found: list[dict[str, object]] = [
            {"what": "pages: seeding", "links": links, "outcomes": outcomes, "s": round(seeded_s)}
        ]
        for name, path in _paths(scene.wiring).items():
            took = []
            for _ in range(TIMES):
                start_s = time.perf_counter()
                answer = browser.client.get(path)
                took.append((time.perf_counter() - start_s) * 1000)
                assert answer.status_code == 200, (path, answer.status_code)
            ordered = sorted(took)
            found.append(
                {
                    "what": f"pages: {name}",
                    "median_ms": round(ordered[TIMES // 2]),
                    "slowest_ms": round(ordered[-1]),
                }
            )
        return found


def pages_full(folder: Path) -> list[dict[str, object]]:
    """The size that is promised."""
    return pages(folder, 1_000_000, 10_000_000)


def _paths(wiring: Wiring) -> dict[str, str]:
    since = f"{wiring.clock() // 1000 - 22 * 86_400}"
    paths = dict(PAGES)
    moment = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(int(since)))
    end = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(int(since) + 86_400))
    paths["activity, a day three weeks ago"] = f"/activity?since={moment}&until={end}"
    return paths


@contextmanager
def _served(folder: Path, links: int, outcomes: int) -> Iterator[tuple[kit.Scene, float]]:
    server = Postgres()
    try:
        server.start()
        with kit.scene(folder, CROSSWALK_DATABASE_URL=server.url) as scene:
            _accounts(scene)
            start_s = time.monotonic()
            seed(scene.wiring.database, scene.wiring.clock(), links, outcomes)
            yield scene, time.monotonic() - start_s
    finally:
        server.remove()


def _accounts(scene: kit.Scene) -> None:
    scene.connect_both()
    owner = scene.browser(Role.OWNER)
    for direction, name in (("incoming", "in"), ("outgoing", "out")):
        owner.post("/integrations/hubspot/new", direction=direction)
        wizard = owner.path.removesuffix("/details")
        owner.post(f"{wizard}/details", name=name, do="next")
        owner.post(f"{wizard}/preview", do="finish")
    with scene.wiring.database.reading() as session:
        assert users.owners(session) == 1


def seed(database: Database, now_ms: int, links: int, outcomes: int) -> None:
    """See pages.sql. The indices are dropped meanwhile and made again."""
    values = {"now": now_ms, "links": links, "total": outcomes, "step": 30 * 86_400_000 / outcomes}
    lines = Path(__file__).with_suffix(".sql").read_text().splitlines()
    script = "\n".join(line for line in lines if not line.startswith("--"))
    with database.engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        kept = connection.execute(text(_INDICES)).all()
        for name, _ in kept:
            connection.execute(text(f"DROP INDEX {name}"))
        for statement in script.split(";"):
            if statement.strip():
                connection.execute(text(statement), values)
        for _, definition in kept:
            connection.execute(text(definition))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("RESET statement_timeout"))
