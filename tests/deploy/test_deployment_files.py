"""The deployment's files say the same: every process everywhere, every setting one that there is."""

import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

from core.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROCESSES = ("web", "console", "incoming", "outgoing", "scheduler")
MARKS = {
    "web": "webhooks.wsgi:app",
    "console": "console.web.wsgi:app",
    "incoming": "consume incoming",
    "outgoing": "consume outgoing",
    "scheduler": "crosswalk schedule",
}


def plain(command: object) -> str:
    return re.sub(r"[\[\],\"']+ *", " ", str(command)).replace("  ", " ")


def manifests() -> list[dict[str, object]]:
    return [
        one for path in (DEPLOY / "kubernetes").glob("*.yaml") for one in yaml.safe_load_all(path.read_text())
    ]


def test_every_process_of_the_procfile_runs_everywhere() -> None:
    procfile = (ROOT / "Procfile").read_text()
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["services"]
    systemd = "".join(path.read_text() for path in (DEPLOY / "systemd").glob("*.service"))
    kubernetes = plain([str(one) for one in manifests()])
    for name in PROCESSES:
        assert MARKS[name] in procfile
        assert MARKS[name] in systemd
        assert MARKS[name] in kubernetes, name
        default = (DEPLOY / "Dockerfile").read_text() if name == "web" else ""
        assert MARKS[name] in plain(compose[name].get("command", "")) + default, name


def test_every_setting_that_a_file_names_is_one() -> None:
    known = {f"CROSSWALK_{one.metadata['variable']}" for one in fields(Settings)} | {"CROSSWALK_IMAGE"}
    named = set()
    for path in DEPLOY.rglob("*"):
        if path.is_file() and path.suffix in (
            ".yaml",
            ".yml",
            ".env",
            ".example",
            ".service",
            ".conf",
            ".md",
        ):
            named |= set(re.findall(r"CROSSWALK_[A-Z_]+[A-Z]", path.read_text()))
    assert named - known == set()


def test_every_setting_of_the_env_file_reaches_the_containers_of_compose() -> None:
    compose = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
    for name in PROCESSES:
        assert set(Settings.names()) <= set(compose["services"][name]["environment"]), name


def test_kubernetes_scrapes_what_serves_metrics() -> None:
    """The console has no such page (deploy/metrics.md): scraping it would be an alert that never ends."""
    scraped = set()
    for one in manifests():
        template = dict(one.get("spec") or {}).get("template", {})
        ports = str(template.get("metadata", {}).get("annotations", {}).get("prometheus.io/port", ""))
        if ports:
            scraped.add(template["metadata"]["labels"]["app.kubernetes.io/component"])
            assert f"'containerPort': {ports}" in str(template)
    assert scraped == set(PROCESSES) - {"console"}


def test_kubernetes_runs_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    images = set(re.findall(r"'image': '([^']+)'", str(manifests())))
    assert images == {f"registry.example.edu/crosswalk:{version}"}


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (503, 1)])
def test_the_health_check_of_the_image(status: int, expected: int) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.handle_request, daemon=True).start()
        command = [sys.executable, str(DEPLOY / "image" / "healthcheck.py")]
        environment = {"HEALTH_URL": f"http://127.0.0.1:{server.server_port}/healthz"}
        assert (
            subprocess.run(command, env=environment, capture_output=True, timeout=20).returncode == expected
        )


def test_the_files_name_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    texts = [path.read_text() for path in (*DEPLOY.rglob("*.md"), *DEPLOY.rglob("*.yaml"))]
    named = {one for text in texts for one in re.findall(r"crosswalk[:-]v?(\d+\.\d+\.\d+)", text)}
    assert named == {version}
    assert f"## {version} (" in (ROOT / "CHANGELOG.md").read_text()
