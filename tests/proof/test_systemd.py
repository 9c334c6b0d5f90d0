"""deploy/README.md's systemd section, to the letter, on a Debian 13 that systemd booted.

From nothing to syncing, through kills, lost servers, a reboot without a database, and an upgrade as
deploy/upgrading.md says.
"""

import json
import re
import secrets
from collections.abc import Iterator

import pytest

from tests.deploy import sources
from tests.deploy.machine import ROOT, Machine, blocks, made
from tests.services.process import eventually

SECTION = ("README.md", "systemd: one or many machines")
CODE = "/root/crosswalk"
UNITS = ("web", "console", "incoming@1", "outgoing@1", "scheduler")
SECRET = "whsec_ZGVtby1vbmx5LWRlbW8tb25seS1kZW1vLW9ubHk="
HUBSPOT_SECRET = "hubspot-client-secret-of-the-tests"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """Everything as the section says, and both platforms in miniature beside it."""
    with made() as one:
        sources.unpack(one.root / CODE.lstrip("/"))
        accounts, installed, _ = blocks(*SECTION)
        first = next(at for at, line in enumerate(installed) if line.startswith("systemctl"))
        for line in installed[:first]:  # what fetches packages, with this machine's network
            one.outside(["sh", "-c", line], CODE)
        one.boot()
        for line in accounts:
            one.run(line.replace("PASSWORD'", "pw'").replace("crosswalk PASSWORD", "crosswalk pw"))
        fill_in_settings(one)
        platforms(one)
        for line in installed[first:]:
            one.run(f"cd {CODE} && {line}")
        yield one


def fill_in_settings(machine: Machine) -> None:
    """What an operator fills in, and where the platforms in miniature are."""
    file = machine.root / "etc/crosswalk/crosswalk.env"
    filled = file.read_text().replace("PASSWORD", "pw")
    for name, value in {
        "CROSSWALK_SECRET_KEY": secrets.token_urlsafe(32),
        "CROSSWALK_PUBLIC_URL": "http://127.0.0.1:8000",
        "CROSSWALK_HUBSPOT_CLIENT_SECRET": HUBSPOT_SECRET,
        "CROSSWALK_HUBSPOT_API_URL": "http://127.0.0.1:8101",
        "CROSSWALK_MAINSTAY_API_URL": "http://127.0.0.1:8102",
        "CROSSWALK_MAINSTAY_WEBHOOK_SECRET": SECRET,
        "CROSSWALK_HUBSPOT_APP_ID": "54321",
    }.items():
        filled = re.sub(rf"(?m)^{name}=.*\n", "", filled) + f"{name}={value}\n"
    file.write_text(filled)


def platforms(machine: Machine) -> None:
    """Both in miniature, as units that belong to nobody's deployment."""
    retries = "retry_schedule_s=[" + ",".join(["0.5"] * 600) + "]"
    for name, port, more in (
        ("hubspot", 8101, f"--portal=62515:pat-na1-x --app-id=54321 --client-secret={HUBSPOT_SECRET}"),
        ("mainstay", 8102, f"--org=river:ms-x:{SECRET}"),
    ):
        machine.run(
            f"systemd-run --quiet --unit=platform-{name} /opt/crosswalk/bin/python -m sandbox {name}"
            f" --port={port} --webhook-url=http://127.0.0.1:8000/webhooks/{name} --set '{retries}' {more}"
        )


def crosswalk(machine: Machine, command: str, environment: str = "") -> str:
    """A command as the section says, without the terminal that it would have."""
    [line] = blocks(*SECTION)[2]
    assert line.startswith("systemd-run --pty ") and line.endswith("crosswalk doctor")
    asked = line.replace("--pty", "--pipe --quiet --wait").replace("crosswalk doctor", f"crosswalk {command}")
    return machine.run(asked.replace("systemd-run", f"systemd-run {environment}", 1))


def active(machine: Machine) -> list[str]:
    """The names of our units that run."""
    return [one for one in UNITS if machine.ask(f"systemctl is-active crosswalk-{one}") == "active"]


def ready(machine: Machine) -> bool:
    return len(active(machine)) == len(UNITS) and "ready" in machine.ask(
        "curl -sf http://127.0.0.1:8000/readyz"
    )


def contacts(machine: Machine, port: int) -> str:
    return machine.ask(f"curl -sf http://127.0.0.1:{port}/_sandbox/contacts")


def somebody_turns_up(machine: Machine, name: str, phone: str) -> None:
    """In HubSpot."""
    values = {"firstname": "Ada", "lastname": name, "phone": phone, "lifecyclestage": "lead"}
    body = json.dumps({"properties": {**values, "email": f"{name}@example.edu"}})
    json_body = f"-H 'content-type: application/json' -d '{body}'"
    machine.run(f"curl -sf {json_body} http://127.0.0.1:8101/_sandbox/contacts")


def arrives(machine: Machine, name: str, within_s: float = 60) -> None:
    eventually(lambda: name in contacts(machine, 8102), within_s=within_s, every_s=0.5)


def test_it_syncs_and_the_doctor_has_nothing_to_mend(machine: Machine) -> None:
    eventually(lambda: ready(machine), within_s=60, every_s=0.5)
    file = f"{CODE}/console/demo/configuration.yaml"
    (machine.root / "srv/crosswalk.yaml").write_text((machine.root / file.lstrip("/")).read_text())
    tokens = f"-E HUBSPOT_TOKEN=pat-na1-x -E MAINSTAY_TOKEN=ms-x -E MAINSTAY_WEBHOOK_SECRET={SECRET}"
    crosswalk(machine, "instances apply /srv/crosswalk.yaml", tokens)
    somebody_turns_up(machine, "Lovelace", "6175550101")
    arrives(machine, "Lovelace")
    eventually(lambda: json.loads(crosswalk(machine, "status --json"))["idle"], within_s=60, every_s=1)
    found = json.loads(crosswalk(machine, "doctor --json"))
    assert [one for one in found["findings"] if one["state"] == "problem"] == []


def test_each_process_may_do_nothing_special(machine: Machine) -> None:
    for one in UNITS:
        pid = machine.run(f"systemctl show -P MainPID crosswalk-{one}")
        status = dict(
            line.split(":\t", 1)
            for line in machine.run(f"cat /proc/{pid}/status").splitlines()
            if ":\t" in line
        )
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, one
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), one
        assert status["Uid"].split()[0] == machine.run("id -u crosswalk"), one


def test_logs_are_json_lines_in_the_journal(machine: Machine) -> None:
    lines = machine.run("journalctl -u 'crosswalk-incoming@1' -o cat --no-pager").splitlines()
    told = [json.loads(line) for line in lines if line.startswith("{")]
    assert {"consumer.started", "contact.created"} <= {one["event"] for one in told}
    assert "Lovelace" not in "".join(lines)


def test_killed_processes_come_back_and_lose_nothing(machine: Machine) -> None:
    for number, one in enumerate(UNITS):
        machine.run(f"systemctl kill --signal=KILL crosswalk-{one}")
        somebody_turns_up(machine, f"Killed{number}", f"617555020{number}")
    for number in range(len(UNITS)):
        arrives(machine, f"Killed{number}")
    eventually(lambda: ready(machine), within_s=60, every_s=0.5)


@pytest.mark.parametrize("server", ["postgresql", "rabbitmq-server", "redis-server"])
def test_a_server_that_is_restarted_is_waited_for(machine: Machine, server: str) -> None:
    machine.run(f"systemctl stop {server}")
    somebody_turns_up(machine, f"Without-{server}", f"61755503{len(server)}")
    machine.run(f"sleep 3; systemctl start {server}")
    arrives(machine, f"Without-{server}")
    eventually(lambda: ready(machine), within_s=60, every_s=0.5)


def test_after_a_reboot_it_waits_for_a_database_that_comes_late(machine: Machine) -> None:
    machine.run("systemctl disable --now postgresql && systemctl mask postgresql 2>&1")
    machine.reboot()
    unit = "journalctl -b -u crosswalk-migrate -o cat --no-pager"
    eventually(lambda: "Waiting for it." in machine.ask(unit), within_s=60, every_s=0.5)
    assert machine.ask("systemctl is-active crosswalk-migrate") == "activating"
    machine.run("systemctl unmask postgresql && systemctl enable --now postgresql 2>&1")
    eventually(lambda: ready(machine), within_s=60, every_s=0.5)
    platforms(machine)
    assert "Lovelace" not in contacts(machine, 8101)  # the miniature ones keep nothing
    crosswalk(machine, "status")


def test_an_upgrade_goes_unit_by_unit_and_back(machine: Machine) -> None:
    old, new = machine.run("readlink /opt/crosswalk"), "crosswalk-NEW"
    sources.unpack(machine.root / "root/newer", version="99.0.0")
    installed = blocks(*SECTION)[1]
    wheel = [line.replace(old, new) for line in installed if "make wheel" in line or f"/opt/{old}" in line]
    assert len(wheel) == 4
    for line in wheel:
        machine.outside(["sh", "-c", line], "/root/newer")
    [row] = [
        line
        for line in (ROOT / "deploy/upgrading.md").read_text().splitlines()
        if line.startswith("| systemd |")
    ]
    migrate, link, restart = re.findall(r"`([^`]+)`", row)[1:4]
    machine.run(migrate.replace("--pty", "--pipe --quiet --wait"))
    for target in (new, old):
        machine.run(f"cd /opt && {link.replace(new, target)}")
        for number, one in enumerate(UNITS):
            machine.run(restart.replace("incoming@1", one))
            somebody_turns_up(machine, f"{target}{number}", f"61755504{number}{int(target == new)}")
        for number in range(len(UNITS)):
            arrives(machine, f"{target}{number}")
        eventually(lambda: ready(machine), within_s=60, every_s=0.5)
        pid = machine.run("systemctl show -P MainPID crosswalk-incoming@1")
        assert f"/opt/{target}/" in machine.run(
            f"readlink /proc/{pid}/cwd /proc/{pid}/exe; cat /proc/{pid}/maps"
        )


def test_a_stop_drains_and_ends_well(machine: Machine) -> None:
    machine.run("systemctl stop crosswalk.target")
    for one in UNITS:
        assert machine.run(f"systemctl show -P Result crosswalk-{one}") == "success", one
        assert machine.run(f"systemctl show -P ExecMainStatus crosswalk-{one}") == "0", one
