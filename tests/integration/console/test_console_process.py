"""The Procfile's console as a process: starts, answers, drains, refuses to start with wrong settings."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import urllib3

from console.web import demo
from core.settings import Settings
from core.store.database import migrate
from core.wiring import connect
from tests.services.process import free_port

pytestmark = pytest.mark.processes
ROOT = Path(__file__).parents[3]


def command() -> list[str]:
    line = re.search(r"^console: gunicorn (.*)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    assert line is not None
    return [sys.executable, "-m", "gunicorn", *line[1].split()]


def environment(folder: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CROSSWALK_")}
    return kept | {
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "CROSSWALK_DATABASE_URL": f"sqlite:///{folder}/console.db",
        "CROSSWALK_SECRET_KEY": "a-secret-key-of-the-tests-only",
        "CROSSWALK_CONSOLE_URL": f"http://127.0.0.1:{port}",
    }


def test_it_starts_signs_the_demo_owner_in_and_drains(tmp_path):
    port = free_port()
    settings = environment(tmp_path, port)
    wiring = connect(Settings.from_env({k: v for k, v in settings.items() if k.startswith("CROSSWALK_")}))
    migrate(wiring.database.engine)
    path = demo.sign_in_path(wiring)
    wiring.database.engine.dispose()
    process = subprocess.Popen(command(), cwd=ROOT, env=settings, stdout=subprocess.PIPE)
    try:
        http, url = urllib3.PoolManager(retries=False), f"http://127.0.0.1:{port}"
        deadline_s = time.monotonic() + 30
        while True:
            try:
                assert http.request("GET", f"{url}/healthz").json() == {"status": "alive"}
                break
            except urllib3.exceptions.HTTPError:
                assert time.monotonic() < deadline_s and process.poll() is None
                time.sleep(0.05)
        signed_in = http.request("GET", f"{url}{path}", redirect=False)
        assert signed_in.status == 303
        cookie = re.search(r"(crosswalk=[^;]+)", signed_in.headers["Set-Cookie"])[1]
        page = http.request("GET", f"{url}/integrations", headers={"Cookie": cookie}).data.decode()
        assert "Browse Available" in page and "Demo owner" in page
    finally:
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=30)[0].decode()
    assert process.returncode == 0, output
    assert path.rsplit("/", 1)[1] not in output  # no token in a log line


@pytest.mark.parametrize("missing", ["CROSSWALK_SECRET_KEY", "migration"])
def test_it_says_at_once_what_is_wrong_and_stops_with_2(tmp_path, missing):
    settings = environment(tmp_path, free_port())
    settings.pop(missing, None)
    done = subprocess.run(command(), cwd=ROOT, env=settings, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert ("crosswalk migrate" if missing == "migration" else missing) in done.stderr
