"""Which processes the demo and ``crosswalk serve`` run, and with which environment."""

import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from console.demo.folder import Folder, Secrets
from console.demo.ports import Ports
from console.supervisor import Child

PORTAL, ORGANISATION = "62515", "river"
PEOPLE = 30  # on each platform
ON_BOTH = 10  # of them: matched by their phones
_CALLS_PER_S = 50  # the real one may take ten; nobody wants to watch thirty contacts for so long
_CLIENT_ID, _APP_ID = "crosswalk-demo", "54321"
METRICS = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own switch
_NOT_OURS = ("PORT", "WEB_CONCURRENCY", "GUNICORN_CMD_ARGS", METRICS)


def bare(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without any setting of ours or of gunicorn's."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("CROSSWALK_") and name not in _NOT_OURS
    }


def shared_metrics(folder: Path) -> dict[str, str]:
    """The variable with which the receiver's /metrics is that of all processes. Makes the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return {METRICS: str(folder.resolve())}


@dataclass(frozen=True, slots=True)
class Plot:
    """Where one demo stands: its folder, its secrets, its ports, and the environment it was started in.

    ``servers``: the settings of RabbitMQ, PostgreSQL and Redis; none: everything is in the folder.
    """

    folder: Folder
    secrets: Secrets
    ports: Ports
    host: str
    outside: Mapping[str, str]
    servers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def url(self, port: int) -> str:
        """An address of ours."""
        return f"http://{reachable(self.host)}:{port}"

    @property
    def settings(self) -> dict[str, str]:
        """The demo's settings, as environment variables."""
        return {
            "CROSSWALK_DATABASE_URL": self.folder.database_url,
            "CROSSWALK_SECRET_KEY": self.secrets.secret_key,
            "CROSSWALK_PUBLIC_URL": self.url(self.ports.receiver),
            "CROSSWALK_CONSOLE_URL": self.url(self.ports.console),
            "CROSSWALK_HUBSPOT_CLIENT_ID": _CLIENT_ID,
            "CROSSWALK_HUBSPOT_CLIENT_SECRET": self.secrets.hubspot_client_secret,
            "CROSSWALK_HUBSPOT_APP_ID": _APP_ID,
            "CROSSWALK_HUBSPOT_API_URL": self.url(self.ports.hubspot),
            "CROSSWALK_HUBSPOT_APP_URL": self.url(self.ports.hubspot),
            "CROSSWALK_MAINSTAY_API_URL": self.url(self.ports.mainstay),
            "CROSSWALK_MAINSTAY_WEBHOOK_SECRET": self.secrets.mainstay_webhook_secret,
            "CROSSWALK_MAINSTAY_RATE": f"{_CALLS_PER_S}/1s",
            "CROSSWALK_RETRY_LADDER": "2s,5s,15s,30s",  # so that a fault's whole story fits into a minute
            "CROSSWALK_HUBSPOT_SEARCH_LAG": "2s",
            **self.servers,
        }

    def hubspot(self) -> Child:
        """HubSpot in miniature."""
        secrets = self.secrets
        app = [
            "--client-id",
            _CLIENT_ID,
            "--client-secret",
            secrets.hubspot_client_secret,
            "--app-id",
            _APP_ID,
        ]
        portal = ["--portal", f"{PORTAL}:{secrets.hubspot_token}", "--unique-admithub-id"]
        return self._sandbox("hubspot", self.ports.hubspot, [*app, *portal])

    def mainstay(self) -> Child:
        """Mainstay in miniature."""
        secrets = self.secrets
        org = f"{ORGANISATION}:{secrets.mainstay_token}:{secrets.mainstay_webhook_secret}"
        more = ["--people-from", str(PEOPLE - ON_BOTH), "--set", f"app_url={self.url(self.ports.mainstay)}"]
        more += ["--set", f"limit_per_s={_CALLS_PER_S}"]
        return self._sandbox("mainstay", self.ports.mainstay, ["--org", org, *more])

    def console(self, environment: Mapping[str, str]) -> Child:
        """The web console, on a port of its own."""
        listen = f"{_bracketed(self.host)}:{self.ports.console}"
        serving = ["-c", "python:console.web.serving", "--bind", listen, "--workers", "1"]
        return Child(
            "the console",
            [sys.executable, "-m", "gunicorn", *serving, "console.web.wsgi:app"],
            environment,
            self.folder.log("console"),
            answers(f"{self.url(self.ports.console)}/healthz"),
        )

    def _sandbox(self, name: str, port: int, more: list[str]) -> Child:
        common = ["--port", str(port), "--host", self.host, "--state", str(self.folder.state(name))]
        hook = ["--webhook-url", f"{self.url(self.ports.receiver)}/webhooks/{name}"]
        return Child(
            f"the {name} sandbox",
            [sys.executable, "-m", "sandbox", name, *common, *hook, "--people", str(PEOPLE), *more],
            bare(self.outside),
            self.folder.log(name),
            answers(self.url(port)),
        )


def crosswalk(
    environment: Mapping[str, str], host: str, port: int, log: Callable[[str], Path | None]
) -> list[Child]:
    """Receiver, both consumers, scheduler."""
    receiver = Child(
        "the receiver",
        [
            sys.executable,
            "-m",
            "gunicorn",
            "-c",
            "python:webhooks.serving",
            "--bind",
            f"{_bracketed(host)}:{port}",
            "webhooks.wsgi:app",
        ],
        environment,
        log("receiver"),
        answers(f"http://{reachable(host)}:{port}/healthz"),
    )
    command = [sys.executable, "-m", "console"]
    return [
        receiver,
        Child("the incoming consumer", [*command, "consume", "incoming"], environment, log("incoming")),
        Child("the outgoing consumer", [*command, "consume", "outgoing"], environment, log("outgoing")),
        Child("the scheduler", [*command, "schedule"], environment, log("scheduler")),
    ]


def reachable(host: str) -> str:
    """A name under which this machine itself reaches what listens on ``host``."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
        return "127.0.0.1" if host != "::" else "[::1]"
    return _bracketed(host)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def answers(url: str) -> Callable[[], bool]:
    """Whether anything answers there with HTTP."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine needs no proxy

    def ask() -> bool:
        try:
            with opener.open(url, timeout=1.0):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    return ask
