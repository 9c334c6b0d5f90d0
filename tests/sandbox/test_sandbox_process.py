"""The sandbox as a process: one line when it listens, a clean end, and a state file that survives it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox import HubSpotSandbox, MainstaySandbox
from tests.sandbox.receiver import Receiver, Server, wait_until

ROOT = Path(__file__).parents[2]
CONTACTS = "/crm/objects/2026-09/contacts"


@contextmanager
def started(*arguments: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    command = [sys.executable, "-m", "sandbox", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1], process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_starts_serves_and_stops(tmp_path: Path, number: signal.Signals) -> None:
    state = tmp_path / "hubspot.json"
    options = ["--portal", "1:tok", "--people", "3", "--state", str(state), "--set", "search_lag_s=0.5"]
    with started("hubspot", *options) as (url, process):
        server = Server(url, "Bearer tok")
        assert len(server.json("GET", CONTACTS)["results"]) == 3
        assert server.control("GET", "settings")["search_lag_s"] == 0.5
        process.send_signal(number)
        assert process.wait(5) == 0
    assert len(json.loads(state.read_text())["portals"]["1"]["contacts"]) == 3


def test_the_state_is_written_while_it_runs(tmp_path: Path) -> None:
    state = tmp_path / "mainstay.json"
    with started("mainstay", "--org", "river:tok:whsec_c2VjcmV0", "--state", str(state)) as (url, process):
        Server(url, "APIToken tok").control("POST", "contacts", {"first_name": "Ava"})
        wait_until(lambda: state.exists() and "Ava" in state.read_text())
        process.kill()


def test_hubspots_state_survives_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    state = tmp_path / "state.json"
    platform = HubSpotSandbox({"1": ["tok"]}, people=1, state_file=state, unique_admithub_id=True)
    with platform.running() as running:
        server = Server(running.url, "Bearer tok")
        one, two = (
            server.control("POST", "contacts", {"properties": {"firstname": n, "admithub_id": n}})["id"]
            for n in ("Ava", "Ben")
        )
        survivor = server.control("POST", "merge", {"primary": one, "other": two})["id"]
        server.control("POST", "properties", {"name": "cohort", "type": "string", "fieldType": "text"})
        server.settings(webhook_url=receiver.url, batch_window_s=60)
        server.control("PATCH", f"contacts/{survivor}", {"properties": {"city": "Boston"}})
        before = server.control("GET", "contacts")
    options = {"webhook_url": receiver.url, "batch_window_s": 0.005}
    with HubSpotSandbox({"1": ["tok"]}, people=5, state_file=state, **options).running() as running:
        server = Server(running.url, "Bearer tok")
        assert server.control("GET", "contacts") == before
        assert server.json("GET", f"{CONTACTS}/{two}")["id"] == survivor
        assert server.json("GET", f"{CONTACTS}/Ava?idProperty=admithub_id")["id"] == survivor
        assert server.call("GET", "/crm/v3/properties/contacts/cohort").status == 200
        assert server.json("POST", f"{CONTACTS}/search", {})["total"] == 2
        made = server.control("POST", "contacts", {"properties": {"firstname": "New"}})["id"]
        assert made not in {each["id"] for each in before["contacts"]} | {one, two}
        server.settle()
        assert "city" in [event.get("propertyName") for event in receiver.events()], (
            "undelivered events go on"
        )


def test_mainstays_state_survives_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with MainstaySandbox(people=2, state_file=state).running() as running:
        server = Server(running.url, "APIToken sandbox-token")
        person = {"first_name": "Ava", "phone": "2025550199", "custom": {"GPA": 3.5}}
        made = server.control("POST", "contacts", person)
        server.control("POST", "custom-fields", {"name": "Dorm", "type": "Multi-Choice", "options": ["A"]})
        server.control("POST", "orgs", {"org": "hill", "tokens": ["hill-token"]})
        before = server.control("GET", "contacts")
    with MainstaySandbox(state_file=state).running() as running:
        server = Server(running.url, "APIToken sandbox-token")
        assert server.control("GET", "contacts") == before
        assert server.json("GET", "/contacts/2025550199/")["id"] == made["id"]
        assert server.json("GET", "/custom_values/?field=Dorm")["values"] == ["A"]
        assert Server(running.url, "APIToken hill-token").call("GET", "/auth_valid").status == 200
        again = server.control("POST", "contacts", {"first_name": "New"})["id"]
        assert again not in {each["id"] for each in before["contacts"]}


def test_wrong_use_is_said_in_one_line() -> None:
    command = [sys.executable, "-m", "sandbox", "hubspot", "--set", "no_such=1"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert answer.stderr == "python -m sandbox: unknown setting 'no_such'\n"


def test_a_stopped_server_drops_its_connections_and_frees_its_port() -> None:
    with MainstaySandbox().running() as running:
        server, port = Server(running.url, "APIToken sandbox-token"), running.server_address[1]
        server.json("GET", "/auth_valid")
    with MainstaySandbox().running(port=int(port)) as running:
        assert running.url == server.url
        server.json("GET", "/auth_valid")
