"""A deployment that has grown: what contacts, pages, sweeps and downloads cost with a hundred times as much.

``growth`` takes the number of links; there are ten times as many outcomes, and as many entries of the Sync
Log as links. What it is compared with has a hundredth of that. On PostgreSQL. The full size takes
four minutes on a quiet machine, and 10 GB.
"""

import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from core.store.database import Database
from tests.bench import pages
from tests.bench.carrying import change_in_mainstay, link
from tests.bench.stage import LIFTED, PLATFORMS, Stage, load
from tests.end_to_end.processes import PROCFILE, Deployment
from tests.end_to_end.scene import configuration
from tests.services.postgres import Postgres

Row = dict[str, object]
TIMES_LESS = 100
FEWEST = 5_000  # links that the pages need, for each of them to have something to show
LINKED, ROUNDS = 400, 7
SOURCES = (1_000, 4_000)
NOBODY = {"incoming": "[{field: lifecyclestage, values: [customer]}]"}
_MORE_LOG = """INSERT INTO sync_log (
    at_ms, instance_id, account_id, direction, contact, hubspot_id, mainstay_id, code, field, message,
    fingerprint
) SELECT :now - n, 1, 0, 'incoming', 'hubspot:' || n, n::text, 'm' || n, 'invalid-value', 'email',
    'the value does not fit the field', 'f' FROM generate_series(1, :rows) n"""


def growth(folder: Path, links: int) -> list[Row]:
    """Everything, small and then large."""
    small = links // TIMES_LESS
    rows = _pages(folder, max(FEWEST, small), links)
    with _stage(folder / "work") as one:
        one.one.apply(configuration("outgoing", "incoming", filters=NOBODY))
        link(one, LINKED)
        database = one.one.wiring.database
        for size in (small, links):
            _grown(database, one.one.wiring.clock(), size)
            rows += [_throughput(one, size), _download(one, size)]
        _emptied(database)
        rows += [row for count in SOURCES for row in _whole_source(one, count)]
    return rows


@contextmanager
def _stage(folder: Path) -> Iterator[Stage]:
    folder.mkdir(parents=True)
    server = Postgres()
    try:
        server.start()
        environment = LIFTED | {"CROSSWALK_DATABASE_URL": server.url}
        switches = {name: {"webhooks": False} for name in PLATFORMS}
        with Deployment(folder, environment=environment, switches=switches) as one:
            try:
                yield Stage(one, latency_ms=0.0)
            finally:
                one.stop()
    finally:
        server.remove()


def _emptied(database: Database) -> None:
    """What a smaller size left behind goes."""
    with database.engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("DELETE FROM links WHERE mainstay_id ~ '^m[0-9]+$'"))
        connection.execute(text("TRUNCATE outcomes, sync_log, jobs, dead_letters"))


def _grown(database: Database, now_ms: int, size: int) -> None:
    _emptied(database)
    pages.seed(database, now_ms, size, 10 * size)
    with database.engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        known = connection.execute(text("SELECT count(*) FROM sync_log")).scalar_one()
        connection.execute(text(_MORE_LOG), {"now": now_ms, "rows": max(0, size - known)})


def _throughput(one: Stage, size: int) -> Row:
    """Updates of linked contacts among so many: the median of some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        one.queue("outgoing", change_in_mainstay(one))
        rounds.append(one.carry("", "outgoing", LINKED))
    [row] = sorted(rounds, key=lambda row: float(str(row["contacts/s"])))[ROUNDS // 2 :][:1]
    told = ("contacts/s", "CPU ms/contact", "HubSpot calls/contact", "Mainstay calls/contact", "load")
    return {"what": f"growth: updates among {size} links", **{name: row[name] for name in told}}


def _download(one: Stage, size: int) -> Row:
    """``crosswalk log --format csv``: how much memory it takes."""
    output = one.one.folder / "log.csv"
    usage, most_mb = _run(one, output, "log", "--format", "csv")
    with output.open("rb") as file:
        lines = sum(1 for _ in file) - 1
    return {
        "what": f"growth: CSV of {lines} entries",
        "MB": round(most_mb),
        **_cpu(usage, lines),
    }


def _whole_source(one: Stage, count: int) -> list[Row]:
    """A sweep and a backfill over so many records that the filter excludes: what looking at them costs."""
    there = len(one.one.hubspot.all())
    one.records(count - there, start=10_000 + there)
    rows = []
    for what, arguments in (("sweep", ("--since", "1d")), ("backfill", ("--wait",))):
        one.one.start("incoming", "outgoing", "scheduler")
        one.drained()  # the scheduler begins with a sweep of its own
        before = one.read()
        usage, _ = _run(one, one.one.folder / "told", what, "incoming", *arguments)
        one.drained()
        after = one.read()
        ours_s = sum(
            after.cpu[name] - at_s for name, at_s in before.cpu.items() if name.split()[0] not in PLATFORMS
        )
        one.end([one.one.one(name) for name in ("incoming", "outgoing", "scheduler")])
        ours_s += usage.ru_utime + usage.ru_stime
        rows.append(
            {
                "what": f"growth: {what} of {count}",
                "HubSpot calls/contact": round((after.calls["hubspot"] - before.calls["hubspot"]) / count, 3),
                "CPU ms/contact": round(1000 * ours_s / count, 2),
                "seconds": round(after.at_s - before.at_s, 1),
                "load": load(),
            }
        )
    return rows


def _run(one: Stage, output: Path, *arguments: str) -> tuple[resource.struct_rusage, float]:
    """A command of ours: what it used, and its most resident memory in MB (the kernel's ``ru_maxrss`` begins
    with that of the process which started it)."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "console", *arguments],
            env=one.one.process_env(),
            cwd=PROCFILE.parent,
            stdin=subprocess.DEVNULL,
            stdout=file,
        )
        most_kb = 0
        while True:
            told = Path(f"/proc/{process.pid}/status").read_text()
            if high := re.search(r"VmHWM:\s+(\d+) kB", told):
                most_kb = int(high[1])
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            time.sleep(0.05)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return usage, most_kb * 1024 / 1e6


def _cpu(usage: resource.struct_rusage, rows: int) -> dict[str, object]:
    return {"CPU ms/1000 entries": round(1e6 * (usage.ru_utime + usage.ru_stime) / max(1, rows))}


def _pages(folder: Path, small: int, links: int) -> list[Row]:
    """The console's pages at both sizes, beside each other."""
    found = [pages.pages(folder / str(size), size, 10 * size) for size in (small, links)]
    return [
        {"what": f"growth, {row['what']}", "ms, small": before["median_ms"], "ms, large": row["median_ms"]}
        for before, row in zip(*found, strict=True)
        if "median_ms" in row
    ]
