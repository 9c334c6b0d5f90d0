"""A deployment: the Procfile's commands as real processes on one SQLite file, both sandboxes as processes.

``Deployment`` is a ``Scene`` whose parts can be killed, frozen and stopped one by one. What the processes say
goes to ``folder/NAME.log``.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.demo.processes import answers, bare
from console.statuses import look
from core.coordination.redis import RedisBudgets
from core.queue.rabbitmq import RabbitQueue
from core.store.database import migrate
from core.wiring import connect
from tests.end_to_end.scene import (
    HUBSPOT_SECRET,
    MAINSTAY_SECRET,
    PUBLIC_URL,
    Outside,
    Scene,
    until,
)
from tests.services.process import free_port

PROCFILE = Path(__file__).parents[2] / "Procfile"
DRAIN_S = 30.0  # what SIGTERM allows (contract.md §1)


@dataclass(slots=True)
class Running:
    """One process of a deployment. ``name`` is the Procfile's, or a sandbox's."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def kill(self) -> None:
        """kill -9, the children too."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def freeze(self) -> None:
        """SIGSTOP."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def term(self) -> None:
        """SIGTERM, to the process alone, as a supervisor sends it."""
        self.process.send_signal(signal.SIGTERM)

    def ended(self, within_s: float = DRAIN_S) -> int:
        """Its exit status, once it has ended."""
        return self.process.wait(within_s)

    def told(self, event: str = "") -> list[dict[str, Any]]:
        """Its log lines, all or those of one event."""
        lines = [one for one in self.log.read_text(errors="replace").splitlines() if one.startswith("{")]
        found = []
        for line in lines:
            try:
                found.append(json.loads(line))
            except ValueError:
                continue  # cut off by a kill
        return [one for one in found if not event or one.get("event") == event]


@dataclass(slots=True)
class Deployment(Scene):
    """See the module. ``switches``: a sandbox's switches, by its name."""

    switches: dict[str, dict[str, Any]] = field(default_factory=dict)
    migrated: bool = True  # from the start; else a test does it
    ports: dict[str, int] = field(default_factory=dict)
    running: list[Running] = field(default_factory=list)
    _counter: int = 0

    def __enter__(self) -> "Deployment":
        self.ports = {name: free_port() for name in ("hubspot", "mainstay", "web")}
        self.hubspot = Outside(f"http://127.0.0.1:{self.ports['hubspot']}", True)
        self.mainstay = Outside(f"http://127.0.0.1:{self.ports['mainstay']}", False)
        try:
            for name in ("hubspot", "mainstay"):
                self.platform(name)
            self.wiring = connect(self.settings())
            if self.migrated:
                migrate(self.wiring.database.engine)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        Scene.__exit__(self)
        if isinstance(self.wiring.queue, RabbitQueue):
            self.wiring.queue.close()
        if isinstance(self.wiring.budgets, RedisBudgets):
            self.wiring.budgets._client.close()

    def _serve(self) -> None:
        """The receiver is a process of the Procfile: ``start("web")``."""

    def platform(self, name: str) -> Running:
        """Start a sandbox; the contacts of its last run are there again."""
        given = ["--port", str(self.ports[name]), "--state", str(self.folder / f"{name}.json")]
        hook = ["--webhook-url", f"http://127.0.0.1:{self.ports['web']}/webhooks/{name}"]
        hook += ["--sign-url", f"{PUBLIC_URL}/webhooks/{name}", "--set", "limits=false"]
        for switch, value in self.switches.get(name, {}).items():
            hook += ["--set", f"{switch}={json.dumps(value)}"]
        own = (
            ["--portal", "62515:pat-na1-sandbox", "--client-secret", HUBSPOT_SECRET]
            if name == "hubspot"
            else ["--org", f"river:sandbox-token:{MAINSTAY_SECRET}"]
        )
        one = self._launch(name, [sys.executable, "-m", "sandbox", name, *given, *hook, *own])
        ready = answers(f"http://127.0.0.1:{self.ports[name]}/_sandbox/settings")
        until(ready)
        return one

    def start(self, *names: str) -> None:
        """Start processes of the Procfile, and wait until they work."""
        for one in [self.launch(name) for name in names or ("web", "incoming", "outgoing", "scheduler")]:
            self.await_ready(one)

    def launch(self, name: str) -> Running:
        """Start a process of the Procfile."""
        lines = dict(line.split(":", 1) for line in PROCFILE.read_text().splitlines() if line.strip())
        return self._launch(name, shlex.split(lines[name]))

    def await_ready(self, one: Running) -> None:
        """Wait until a process works."""
        if one.name == "web":
            until(answers(f"http://127.0.0.1:{self.ports['web']}/healthz"))
            return
        event = "scheduler.started" if one.name == "scheduler" else "consumer.started"
        until(lambda: one.process.poll() is not None or bool(one.told(event)), 30.0)
        assert one.process.poll() is None, one.log.read_text()[-2000:]

    def _launch(self, name: str, command: list[str], folder: Path = PROCFILE.parent) -> Running:
        self._counter += 1
        log = self.folder / f"{name}-{self._counter}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                env=self.process_env(),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        one = Running(name, process, log)
        self.running.append(one)
        return one

    def process_env(self) -> dict[str, str]:
        """The environment of all processes: the deployment's settings, and nothing else of ours."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        own = {"PATH": path, "PORT": str(self.ports["web"]), "WEB_CONCURRENCY": "1"}
        return {**bare(os.environ), **self.env(), **own}

    def one(self, name: str) -> Running:
        """The newest running process of that name."""
        return [one for one in self.running if one.name == name and one.process.poll() is None][-1]

    def forget(self, one: Running) -> None:
        """It has ended, and that was wanted."""
        self.running.remove(one)

    def kill(self, name: str) -> None:
        """kill -9 of the newest running process of that name."""
        one = self.one(name)
        one.kill()
        self.forget(one)

    def crosswalk(self, *arguments: str) -> str:
        """Run a command; what it says on stdout. Fails with what it says on stderr."""
        done = subprocess.run(
            [sys.executable, "-m", "console", *arguments],
            env=self.process_env(),
            cwd=PROCFILE.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, (arguments, done.returncode, done.stderr[-2000:])
        return done.stdout

    def status(self) -> dict[str, Any]:
        """``crosswalk status --json``."""
        told: dict[str, Any] = json.loads(self.crosswalk("status", "--json"))
        return told

    def idle(self) -> bool:
        """As the scene's, and by ``status``: RabbitMQ does not count what processes have in hand."""
        if not (self.hubspot.quiet() and self.mainstay.quiet()):
            return False
        return bool(look(self.wiring)["idle"])

    def stop(self) -> None:
        """SIGTERM to all that run; each has to end with 0."""
        crashed = [
            (one.name, one.process.poll(), one.log.read_text(errors="replace")[-2000:])
            for one in self.running
            if one.process.poll() is not None
        ]
        running = [one for one in self.running if one.process.poll() is None]
        for one in running:
            one.thaw()
            one.term()
        deadline_s = time.monotonic() + DRAIN_S
        late = []
        for one in running:
            try:
                status = one.process.wait(max(0.1, deadline_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                one.kill()
                status = None
            if status != 0:
                late.append((one.name, status, one.log.read_text(errors="replace")[-2000:]))
        self.running.clear()
        assert not crashed, f"ended by themselves: {crashed}"
        assert not late, f"did not end with 0 within {DRAIN_S:.0f} s: {late}"


@contextmanager
def deployment(folder: Path, **options: Any) -> Iterator[Deployment]:
    """A deployment for one test."""
    with Deployment(folder, **options) as one:
        yield one
