"""deploy/compose on a real engine, as deploy/README.md says: all services but Grafana, crashes, an upgrade.

The images of others are stand-ins of Debian's own programs, Grafana's of nothing (tests/deploy/engine.py).
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from tests.deploy import sources
from tests.deploy.engine import ROOT, Engine, running
from tests.services.process import eventually

COMPOSE = ROOT / "deploy" / "compose"
DEMO = ("compose", "--env-file", "demo.env", "--profile", "demo")
OURS = ("web", "console", "incoming", "outgoing", "scheduler")
HTTP = urllib3.PoolManager(retries=False, timeout=5)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with running() as one:
        readme = (ROOT / "deploy/README.md").read_text()
        assert f"docker {' '.join(DEMO)} up --build`" in readme
        environment(one, *DEMO, "up", "--build", "--detach")
        yield one
        one.docker(*DEMO, "down", "--volumes", "--timeout", "40", folder=COMPOSE)


def environment(one: Engine, *words: str) -> str:
    return one.docker(*words, folder=COMPOSE, within_s=400)


def containers(one: Engine) -> dict[str, dict[str, str]]:
    """Service → what compose says of its first container."""
    lines = environment(one, *DEMO, "ps", "--all", "--format", "json").splitlines()
    told = [json.loads(line) for line in lines]
    return {each["Service"]: each for each in sorted(told, key=lambda each: each["Name"], reverse=True)}


def healthy(one: Engine, *names: str) -> bool:
    found = containers(one)
    return all(found[name]["Health"] == "healthy" for name in names)


def asked(
    port: int, path: str, host: str = "localhost", method: str = "GET", **more: object
) -> tuple[int, str]:
    answer = HTTP.request(
        method, f"http://127.0.0.1:{port}{path}", headers={"Host": host}, redirect=False, **more
    )
    return answer.status, answer.data.decode()


def somebody_turns_up(name: str, phone: str) -> None:
    values = {"firstname": "Ada", "lastname": name, "phone": phone, "lifecyclestage": "lead"}
    body = {"properties": {**values, "email": f"{name}@example.edu"}}
    assert asked(8101, "/_sandbox/contacts", "localhost:8101", "POST", json=body)[0] == 201


def arrives(name: str) -> None:
    def there() -> bool:
        return name in asked(8102, "/_sandbox/contacts", "localhost:8102")[1]

    eventually(there, within_s=90, every_s=0.5)


def test_everything_comes_up_healthy_and_syncs(engine: Engine) -> None:
    eventually(lambda: healthy(engine, *OURS, "hubspot", "mainstay", "rabbitmq"), within_s=120, every_s=1)
    found = containers(engine)
    assert found["release"]["ExitCode"] == 0
    eventually(lambda: containers(engine)["demo-instances"]["State"] == "exited", within_s=60, every_s=1)
    assert containers(engine)["demo-instances"]["ExitCode"] == 0
    somebody_turns_up("Lovelace", "6175550101")
    arrives("Lovelace")


def test_a_container_is_nobody_special_and_can_write_nowhere(engine: Engine) -> None:
    for name in OURS:
        container = containers(engine)[name]["Name"]
        status = engine.docker("exec", container, "cat", "/proc/1/status")
        assert re.findall(r"(?m)^(?:CapEff|CapBnd|NoNewPrivs|Uid):\t(\S+)", status) == [
            "10001", "0" * 16, "0" * 16, "1",
        ], name  # fmt: skip
        tried = engine.docker(
            "exec", container, "sh", "-c", "touch /x || touch /opt/crosswalk/x || echo refused"
        )
        assert tried.endswith("refused")
        host = engine.inspected(container)["HostConfig"]
        assert isinstance(host, dict) and (host["Memory"], host["ReadonlyRootfs"]) == (512 * 2**20, True)


def test_the_proxy_shows_what_it_should_and_no_more(engine: Engine) -> None:
    assert asked(80, "/readyz", "proxy")[0] == 200
    assert asked(80, "/webhooks/hubspot", "proxy", "POST", body=b"[]")[0] == 401
    assert asked(80, "/metrics", "proxy")[0] == asked(80, "/sign-in", "proxy")[0] == 404
    status, page = asked(80, "/sign-in", "console.localhost")
    assert status == 200
    assert "Crosswalk" in page


def test_the_operators_lines_of_the_readme_work(engine: Engine) -> None:
    imported = "rabbitmqctl import_definitions /etc/crosswalk/definitions.json"
    readme = (ROOT / "deploy/README.md").read_text()
    lines = (f"exec rabbitmq {imported}", "exec web crosswalk users add you@example.edu --role owner")
    for line in lines:
        assert f"docker compose {line}\n" in readme
        environment(engine, *DEMO, "exec", "-T", *line.split()[1:])
    assert "docker compose exec web crosswalk doctor\n" in readme
    told = engine.ask("exec", containers(engine)["web"]["Name"], "crosswalk", "doctor").splitlines()
    mend = [line.split(maxsplit=1)[1] for line in told if line.startswith("MEND")]
    assert mend == ["public-url: http://proxy: is not https"], told
    assert len(told) > 20


def test_prometheus_finds_every_process(engine: Engine) -> None:
    environment(engine, *DEMO, "up", "--detach", "--scale", "incoming=3", "--no-recreate")
    inside = (*DEMO, "exec", "-T", "prometheus", "curl", "-sf")

    def up() -> bool:
        told = json.loads(environment(engine, *inside, "http://127.0.0.1:9090/api/v1/targets"))
        states = [one["health"] for one in told["data"]["activeTargets"]]
        return states == ["up"] * 6

    eventually(up, within_s=90, every_s=2)
    rules = json.loads(environment(engine, *inside, "http://127.0.0.1:9090/api/v1/rules"))["data"]["groups"]
    health = {rule["health"] for group in rules for rule in group["rules"]}
    assert rules and health <= {"ok", "unknown"}
    firing = [rule["name"] for group in rules for rule in group["rules"] if rule["state"] == "firing"]
    assert firing == []


def test_crashed_containers_come_back_and_lose_nothing(engine: Engine) -> None:
    for number, name in enumerate((*OURS, "postgres", "rabbitmq", "redis")):
        engine.kill(containers(engine)[name]["Name"])
        somebody_turns_up(f"Killed{number}", f"617555020{number}")
    for number in range(8):
        arrives(f"Killed{number}")
    eventually(lambda: healthy(engine, *OURS), within_s=120, every_s=1)


def test_an_upgrade_as_the_page_says(engine: Engine, tmp_path: Path) -> None:
    page = (ROOT / "deploy/upgrading.md").read_text()
    [row] = [line for line in page.splitlines() if line.startswith("| compose |")]
    sources.unpack(tmp_path / "newer", version="99.0.0")
    for line in re.findall(r"`([^`]+)`", row)[0].split(" && "):
        words = line.removeprefix("docker compose ").split()
        engine.docker(*DEMO, *words, folder=tmp_path / "newer/deploy/compose", within_s=900)
    eventually(lambda: healthy(engine, *OURS), within_s=120, every_s=1)
    for name in OURS:
        version = engine.docker("exec", containers(engine)[name]["Name"], "crosswalk", "--version")
        assert "99.0.0" in version, name
    somebody_turns_up("Upgraded", "6175550301")
    arrives("Upgraded")


def test_a_stop_drains_and_ends_well(engine: Engine) -> None:
    environment(engine, *DEMO, "stop", *OURS)
    for name in OURS:
        assert containers(engine)[name]["ExitCode"] == 0, name
