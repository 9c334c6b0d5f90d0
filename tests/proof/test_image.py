"""The image, built and run as deploy/Dockerfile and deploy/compose say, without a container engine.

What this can't show: the base image itself, the engine's own network, volumes and restarts, and the images of
others (Caddy, PostgreSQL, RabbitMQ, Redis, Prometheus, Grafana).
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.deploy.plain_image import ROOT, PlainImage, built
from tests.end_to_end.production import started
from tests.end_to_end.scene import HTTP
from tests.services.process import eventually, free_port
from tests.services.rabbitmq import RabbitNode

COMPOSE = ROOT / "deploy" / "compose"
PORTS = ("8000", "8001", "8101", "8102", "9101", "9102", "9103")
ORDER = (
    "release",
    "web",
    "console",
    "incoming",
    "outgoing",
    "scheduler",
    "hubspot",
    "mainstay",
    "demo-instances",
)
ONCE = ("release", "demo-instances")


@pytest.fixture(scope="module")
def image() -> Iterator[PlainImage]:
    with built() as one:
        one.volume("/var/lib/crosswalk")
        yield one


def said(image: PlainImage, *command: str, **environment: str) -> str:
    done = image.ask(command, environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_is_nobody_special_and_can_write_nowhere(image: PlainImage) -> None:
    assert said(image, "id", "-u") == "10001"
    assert image.ask(["touch", "/opt/crosswalk/x"], {}).returncode != 0
    assert image.ask(["touch", "/etc/x"], {}).returncode != 0
    assert said(image, "python", "-c", "import core; print(core.__file__)").startswith("/opt/crosswalk/lib/")
    assert image.ask(["python", "-m", "pip", "--version"], {}).returncode != 0  # it is fixed as it was built
    assert said(image, "crosswalk", "--version").startswith("crosswalk ")


def test_the_demo_runs_in_it(image: PlainImage, tmp_path: Path) -> None:
    port = free_port(4)
    demo = image.start(["crosswalk", "demo", "--port", str(port)], {}, tmp_path / "log")
    eventually(lambda: "What happens" in (tmp_path / "log").read_text(), within_s=90)
    eventually(lambda: '"idle": true' in settings_of_the_demo(image), within_s=60, every_s=1)
    demo.terminate()
    assert demo.wait(30) == 0


def settings_of_the_demo(image: PlainImage) -> str:
    return image.ask(["sh", "-c", ". var/demo/settings.sh && crosswalk status --json"], {}).stdout


def services(overrides: dict[str, str]) -> dict[str, dict[str, object]]:
    """compose.yaml's services with demo.env put in, on free ports."""
    text = (COMPOSE / "compose.yaml").read_text()
    values = dict(
        line.split("=", 1)
        for line in (COMPOSE / "demo.env").read_text().splitlines()
        if "=" in line and not line.startswith("#")
    )
    text = re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda m: values.get(m[1]) or m[2] or "", text)
    for port in PORTS:
        text = text.replace(port, str(free_port()))
    found = yaml.safe_load(text)["services"]
    for one in found.values():
        one["environment"] = (one.get("environment") or {}) | overrides
    return found


def test_the_demo_profile_of_compose_runs_in_it(image: PlainImage, tmp_path: Path) -> None:
    with started(RabbitNode()) as servers:
        all_of_them = services(servers.environment())
        image.name_hosts(list(all_of_them))
        file = said(
            image, "sh", "-c", "ls /opt/crosswalk/lib/*/site-packages/console/demo/configuration.yaml"
        )
        running: dict[str, subprocess.Popen[bytes]] = {}
        for name in ORDER:
            one = all_of_them[name]
            command = [str(word) for word in one.get("command") or image.stage.command]
            command = [file if word == "/demo/configuration.yaml" else word for word in command]
            environment = {key: str(value or "") for key, value in one["environment"].items()}
            process = image.start(command, environment, tmp_path / name)
            if name in ONCE:
                assert process.wait(90) == 0, (tmp_path / name).read_text()[-2000:]
                continue
            running[name] = process
            eventually(lambda: image.ask(image.stage.health, environment).returncode == 0, within_s=60)  # noqa: B023
        hubspot = dict(word[2:].split("=", 1) for word in all_of_them["hubspot"]["command"] if "=" in word)
        mainstay = dict(word[2:].split("=", 1) for word in all_of_them["mainstay"]["command"] if "=" in word)

        def contacts(port: str) -> list[dict[str, object]]:
            return json.loads(HTTP.request("GET", f"http://127.0.0.1:{port}/_sandbox/contacts").data)[
                "contacts"
            ]

        body = {"properties": {"firstname": "Ada", "lastname": "Lovelace", "phone": "6175550199",
                               "email": "ada@example.edu", "lifecyclestage": "lead"}}  # fmt: skip
        answer = HTTP.request("POST", f"http://127.0.0.1:{hubspot['port']}/_sandbox/contacts", json=body)
        assert answer.status == 201
        eventually(lambda: "Lovelace" in json.dumps(contacts(mainstay["port"])), within_s=60, every_s=0.5)
        for name, process in running.items():
            process.terminate()
            assert (
                process.wait(35) in (0, -15) if name in ("hubspot", "mainstay") else process.wait(35) == 0
            ), name
