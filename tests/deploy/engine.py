"""A Docker engine of the tests' own, with Debian's programs in place of the images that compose.yaml names.

The engine is real: it builds the Dockerfile, and makes the networks, volumes, limits and restarts of compose.
The images of others can't be fetched where there is no registry, so each name leads to the unpacked Debian 13
of tests/services/system.py with an entry point that takes the settings which the real image takes.
Needs root, Linux, Debian's docker.io, and no other engine on the machine.
"""

import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.services import system
from tests.services.process import eventually, unavailable

ROOT = Path(__file__).parents[2]
STAND_IN = "debian-13-stand-in"
PROGRAMS = "/usr/lib/postgresql/17/bin"

# The image's name → its Dockerfile after FROM: what the real one does with the same settings, and no more.
IMAGES = {
    "python:3.12-slim-bookworm": ["RUN ln -sf python3 /usr/bin/python"],
    "postgres:17-alpine": [
        "COPY postgres.sh /entry.sh",
        f"ENV PATH={PROGRAMS}:/usr/bin:/bin PGDATA=/var/lib/postgresql/data",
        "RUN install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data",
        'ENTRYPOINT ["bash", "/entry.sh"]',
    ],
    "rabbitmq:4.3-alpine": [
        "RUN rm -rf /var/lib/rabbitmq/* && rm -f /etc/rabbitmq/rabbitmq-env.conf",
        "USER rabbitmq",
        'CMD ["rabbitmq-server"]',
    ],
    "redis:7-alpine": [
        "COPY redis.sh /entry.sh",
        'ENTRYPOINT ["bash", "/entry.sh"]',
    ],
    "caddy:2-alpine": [
        "ENV XDG_DATA_HOME=/data XDG_CONFIG_HOME=/config",
        'CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]',
    ],
    "prom/prometheus:v3.5.0": [
        "RUN install -d -o nobody -g nogroup /prometheus",
        "WORKDIR /prometheus",
        "USER nobody",
        'ENTRYPOINT ["prometheus", "--storage.tsdb.path=data"]',  # Debian's own would be elsewhere
    ],
    "grafana/grafana:12.0.0": ['CMD ["sleep", "infinity"]'],  # Debian has none: it only stands there
}
SCRIPTS = {
    "postgres.sh": """\
set -e
chown postgres: "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  password=$(mktemp) && echo "$POSTGRES_PASSWORD" > "$password" && chown postgres "$password"
  setpriv --reuid=postgres --regid=postgres --init-groups \\
    initdb -D "$PGDATA" -E UTF8 -U "$POSTGRES_USER" --pwfile="$password" -A scram-sha-256 --auth-local=trust
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  echo "CREATE DATABASE $POSTGRES_USER;" | setpriv --reuid=postgres --regid=postgres --init-groups \\
    postgres --single -D "$PGDATA" postgres
fi
exec setpriv --reuid=postgres --regid=postgres --init-groups \\
  postgres -D "$PGDATA" -h '*' -k /var/run/postgresql
""",
    "redis.sh": """\
exec setpriv --reuid=redis --regid=redis --clear-groups "$@" --bind '*' --protected-mode no --dir /tmp
""",
}


class Engine:
    """``docker`` and ``compose`` run a command of the engine's; they say what it says."""

    def __init__(self) -> None:
        if os.geteuid() != 0 or not shutil.which("dockerd") or not shutil.which("iptables-save"):
            unavailable("an engine of the tests' own needs root and Debian's docker.io and iptables")
        if Path("/sys/class/net/docker0").exists():
            unavailable("another engine runs on this machine")
        base = system.unpacked()
        self.folder = Path(tempfile.mkdtemp(prefix="crosswalk-engine-"))
        self._rules = subprocess.run(["iptables-save"], capture_output=True, check=True).stdout
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "DOCKER_HOST": f"unix://{self.folder}/socket",
            "DOCKER_CONFIG": f"{self.folder}/config",
        }
        self._compose_plugin(base)
        self._fit_limits()
        command = ["dockerd", "--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/exec"]
        command += ["--pidfile", f"{self.folder}/pid", "--host", self._environment["DOCKER_HOST"]]
        with (self.folder / "engine.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually(lambda: self._run(["docker", "info"]).returncode == 0, within_s=60)
        self._import(base)

    def _compose_plugin(self, base: Path) -> None:
        """Debian 13's docker-compose, unpacked: Debian 12 has the one before."""
        plugins = self.folder / "config/cli-plugins"
        plugins.mkdir(parents=True)
        with system.mounted(base):
            fetch = ["chroot", str(base), "sh", "-c", "cd /root && apt-get -qq download docker-compose"]
            subprocess.run(fetch, check=True, capture_output=True)
        [package] = (base / "root").glob("docker-compose_*.deb")
        subprocess.run(["dpkg-deb", "-x", str(package), f"{self.folder}/package"], check=True)
        package.unlink()
        shutil.copy(self.folder / "package/usr/libexec/docker/cli-plugins/docker-compose", plugins)

    def _fit_limits(self) -> None:
        """Where this machine itself may not open as many files as compose gives RabbitMQ."""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if most < 65536:
            fitting = self.folder / "limits.yaml"
            fitting.write_text(f"services: {{rabbitmq: {{ulimits: {{nofile: {most}}}}}}}\n")
            self._environment["COMPOSE_FILE"] = f"compose.yaml:{fitting}"

    def _import(self, base: Path) -> None:
        pack = [
            "tar",
            "-C",
            str(base),
            "-c",
            "--one-file-system",
            "--exclude=./tmp/*",
            "--exclude=./dev/*",
            ".",
        ]
        with subprocess.Popen(pack, stdout=subprocess.PIPE) as packed:
            taken = ["docker", "import", "-", STAND_IN]
            subprocess.run(taken, stdin=packed.stdout, env=self._environment, check=True, capture_output=True)
        build = self.folder / "build"
        build.mkdir()
        for name, text in SCRIPTS.items():
            (build / name).write_text(text)
        trust = ["RUN true"]
        if certificate := os.environ.get("PIP_CERT", ""):
            shutil.copy(certificate, build / "certificates.crt")
            trust = [f"COPY certificates.crt {certificate}", f"ENV PIP_CERT={certificate}"]
        for name, lines in IMAGES.items():
            text = "\n".join([f"FROM {STAND_IN}", *(trust if name.startswith("python:") else []), *lines, ""])
            (build / "Dockerfile").write_text(text)
            self.docker("build", "--quiet", "--tag", name, str(build))

    def _run(self, command: Sequence[str], **options: Any) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **options,
        )

    def docker(self, *words: str, within_s: float = 600.0, folder: Path = ROOT) -> str:
        """What ``docker`` says; AssertionError where it fails."""
        done = self._run(["docker", *words], cwd=folder, timeout=within_s)
        assert done.returncode == 0, f"docker {' '.join(words)}\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
        return done.stdout.strip()

    def ask(self, *words: str) -> str:
        """The same where failing is an answer, too."""
        return self._run(["docker", *words], cwd=ROOT, timeout=120).stdout.strip()

    def inspected(self, name: str) -> dict[str, object]:
        """What the engine knows of a container."""
        [found] = json.loads(self.docker("inspect", name))
        return dict(found)

    def kill(self, name: str) -> None:
        """End a container's process as a crash would: the engine was not asked to."""
        state = self.inspected(name)["State"]
        assert isinstance(state, dict) and state["Pid"] > 1, state
        os.kill(state["Pid"], signal.SIGKILL)

    def remove(self) -> None:
        """End it, with all that it made."""
        for name in self.ask("ps", "-aq").split():
            self.ask("rm", "-fv", name)
        self._process.terminate()
        self._process.wait(timeout=60)
        for bridge in Path("/sys/class/net").glob("docker0"):
            subprocess.run(["ip", "link", "delete", bridge.name], check=False)
        subprocess.run(["iptables-restore"], input=self._rules, check=False)
        time.sleep(1)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def running() -> Iterator[Engine]:
    """An engine; gone afterwards."""
    engine = Engine()
    try:
        yield engine
    finally:
        engine.remove()
