"""``crosswalk demo`` as a process of its own, and the supervisor under it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing

import pytest

from console.demo.folder import Folder, FolderProblem, opened
from console.demo.ports import PortProblem, ports
from console.demo.processes import bare, reachable
from console.supervisor import Child, ChildFailed, Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def until(check, patience_s=30.0):
    """Wait for a condition, with a deadline."""
    deadline_s = time.monotonic() + patience_s
    while not (found := check()):
        assert time.monotonic() < deadline_s, "this took too long"
        time.sleep(0.05)
    return found


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_that_ends_is_named_with_its_last_words(tmp_path):
    supervisor = Supervisor()
    command = [sys.executable, "-c", "print('one'); print('the reason'); raise SystemExit(3)"]
    supervisor.start(Child("the first", SLEEP, os.environ))
    supervisor.start(Child("the second", command, os.environ, tmp_path / "log"))
    with pytest.raises(
        ChildFailed, match=r"the second has ended \(exit status 3\); it said last: the reason"
    ):
        until(supervisor.check)
    assert supervisor.stop(5.0) == []


def test_children_that_do_not_stop_are_killed_with_all_their_own(tmp_path):
    stubborn = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    supervisor = Supervisor()
    log = tmp_path / "log"
    supervisor.start(
        Child(
            "the stubborn", [sys.executable, "-c", stubborn], os.environ, log, lambda: "\n" in log.read_text()
        )
    )
    grandchild = int(log.read_text())
    assert alive(grandchild)
    assert supervisor.stop(0.2) == ["the stubborn"]
    until(lambda: not alive(grandchild))


def test_a_child_that_does_not_get_ready_is_told(tmp_path):
    supervisor = Supervisor()
    with pytest.raises(ChildFailed, match="the slow did not get ready within 0 s"):
        supervisor.start(Child("the slow", SLEEP, os.environ, ready=lambda: False), patience_s=0.2)
    supervisor.stop(5.0)


def test_a_taken_port_is_named_with_one_that_is_free():
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        taken = server.getsockname()[1]
        with pytest.raises(PortProblem, match=rf"port {taken} on 127.0.0.1 is taken"):
            ports("127.0.0.1", taken)
    with pytest.raises(PortProblem, match="is no port"):
        ports("127.0.0.1", 65535)
    with pytest.raises(PortProblem, match="can't be used"):
        ports("192.0.2.1", 8000)


def test_a_folder_serves_one_demo_at_a_time_and_keeps_its_secrets(tmp_path):
    with opened(tmp_path / "demo") as folder:
        first = folder.secrets()
        assert (tmp_path / "demo" / "secrets.json").stat().st_mode & 0o777 == 0o600
        with pytest.raises(FolderProblem, match="another demo runs in"), opened(tmp_path / "demo"):
            pass
    with opened(tmp_path / "demo") as folder:
        assert folder.secrets() == first
    assert first.secret_key not in repr(first)


def test_damaged_secrets_and_a_folder_of_somebody_else(tmp_path):
    (tmp_path / "secrets.json").write_text("{")
    with pytest.raises(FolderProblem, match="is damaged"):
        Folder(tmp_path).secrets()
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderProblem, match="--data DIR"), opened(tmp_path / "file" / "demo"):
        pass


def test_nothing_of_the_outside_leaks_into_the_demo():
    outside = {
        "CROSSWALK_DATABASE_URL": "sqlite:///real.db",
        "PORT": "1",
        "WEB_CONCURRENCY": "9",
        "HOME": "/h",
    }
    assert bare(outside) == {"HOME": "/h"}
    assert [reachable(one) for one in ("0.0.0.0", "::", "127.0.0.1", "::1")] == [
        *("127.0.0.1", "[::1]", "127.0.0.1", "[::1]")
    ]


class Demo:
    """A demo as a process; its output goes to a file."""

    def __init__(self, folder, port):
        self.folder = folder
        self.port = port
        self.output = folder.parent / "output"

    def start(self):
        command = [sys.executable, "-m", "console", "demo", "--port", str(self.port)]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, "--data", str(self.folder)], stdout=output, stderr=output
            )
        return self

    def said(self):
        assert self.process.poll() is None, self.output.read_text()
        return self.output.read_text()

    def children(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            return [int(pid) for pid in file.read().split()]

    def call(self, method, path, body=None):
        token = json.loads((self.folder / "secrets.json").read_text())["hubspot_token"]
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port + 1}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())


@pytest.mark.processes
def test_the_demo_carries_a_change_over_stops_cleanly_and_goes_on(tmp_path):
    free = next(n for n in range(18000 + os.getpid() % 9000, 40000, 7) if _free(n))
    demo = Demo(tmp_path / "demo", free).start()
    try:
        until(lambda: "What happens:" in demo.said(), 90.0)
        path = "/crm/objects/2026-09/contacts"
        record = demo.call("GET", f"{path}?limit=1")["results"][0]["id"]
        demo.call("PATCH", f"{path}/{record}", {"properties": {"application_status": "Waitlisted"}})
        until(
            lambda: any(
                record in one and "updated: wrote custom.Appl" in one for one in demo.said().splitlines()
            )
        )
        children = demo.children()
        assert len(children) == 7
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(30) == 0
        assert not [pid for pid in children if alive(pid)]
        assert "Waitlisted" not in demo.output.read_text()

        demo.start()
        until(lambda: "What happens:" in demo.said(), 60.0)
        assert "The first time" not in demo.said()
        status = demo.call("GET", f"{path}/{record}?properties=application_status")
        assert status["properties"]["application_status"] == "Waitlisted"
        children = demo.children()
        os.kill(children[3], signal.SIGKILL)
        assert demo.process.wait(40) == 1
        assert "The incoming consumer has ended (by SIGKILL)" in demo.output.read_text()
        assert not [pid for pid in children if alive(pid)]
    finally:
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait()


def _free(port):
    try:
        ports("127.0.0.1", port)
    except PortProblem:
        return False
    return True
