"""A Debian 13 server in a folder, booted: systemd as process 1, and its PostgreSQL, RabbitMQ and Redis.

It is a container of systemd-nspawn with a network of its own, over the unpacked system of
tests/services/system.py, which stays as it is: what is written goes to a folder that ends with it.
Needs root, Linux and Debian's systemd-container.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.services import system
from tests.services.process import eventually, unavailable

ROOT = Path(__file__).parents[2]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NAME = "crosswalk-host"


class Machine:
    """``outside`` runs a command in its files with this machine's network, ``run`` in the booted machine."""

    def __init__(self) -> None:
        if os.geteuid() != 0 or not shutil.which("systemd-nspawn") or not shutil.which("debootstrap"):
            unavailable("a booted machine needs root, systemd-container and debootstrap")
        self._scratch = Path(tempfile.mkdtemp(prefix="crosswalk-machine-"))
        self.root = self._scratch / "root"
        self._nspawn: subprocess.Popen[bytes] | None = None
        base = system.unpacked()
        for name in ("root", "upper", "work"):
            (self._scratch / name).mkdir()
        layers = f"lowerdir={base},upperdir={self._scratch}/upper,workdir={self._scratch}/work"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, str(self.root)], check=True)
        (self.root / "usr/sbin/policy-rc.d").unlink()
        for one in self.root.glob("etc/postgresql/*/main/postgresql.conf"):  # another may have had its port
            one.write_text(one.read_text().replace("port = 543", "port = 5432 #"))

    def outside(self, command: Sequence[str], folder: str = "/") -> str:
        """Run a command in its files, as root, booted or not: what fetches packages."""
        certificate = os.environ.get("PIP_CERT", "")
        if certificate:
            (self.root / certificate.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(certificate, self.root / certificate.lstrip("/"))
        pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        within = f'chroot {self.root} sh -c \'cd "$0" && exec "$@"\' "$@"'
        shell = f"mount --bind /proc {self.root}/proc && exec {within}"
        unshared = ["unshare", "--mount", "--propagation", "private", "sh", "-c", shell, "sh"]
        environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", **pip}
        return _said([*unshared, folder, *command], environment, within_s=900)

    def boot(self) -> None:
        """Start it, and wait until everything in it runs."""
        self._start()
        eventually(lambda: self.ask("systemctl is-system-running") == "running", within_s=90, every_s=0.5)

    def _start(self) -> None:
        command = [
            *("systemd-nspawn", "--register=no", "--keep-unit", "--private-network", "--boot", "--quiet"),
            *("--console=passive", f"--machine={NAME}", f"--directory={self.root}"),
            "--setenv=SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1",  # where the kernel still has the older groups
        ]
        with (self._scratch / "boot.log").open("ab") as log:
            self._nspawn = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        eventually(lambda: self._leader(), within_s=30)

    def reboot(self) -> None:
        """Shut it down and start it again; it is still starting when this returns."""
        assert self._nspawn
        self.ask("systemctl poweroff")
        self._nspawn.wait(timeout=90)
        self._start()

    def _leader(self) -> str:
        """The process that is number 1 in it, empty while there is none."""
        assert self._nspawn and self._nspawn.poll() is None, (self._scratch / "boot.log").read_text()
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        for one in children:
            if "systemd" in Path(f"/proc/{one}/comm").read_text():
                return one
        return ""

    def _entered(self, script: str) -> list[str]:
        clean = ["/usr/bin/env", "-i", f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8"]
        return ["nsenter", "-t", self._leader() or "0", "-a", *clean, "sh", "-c", script]

    def run(self, script: str) -> str:
        """What a shell in it says; AssertionError where it fails."""
        return _said(self._entered(script), {"PATH": PATH}, within_s=120)

    def ask(self, script: str) -> str:
        """The same where failing is an answer, too: its first word on standard output."""
        done = subprocess.run(self._entered(script), capture_output=True, text=True, timeout=120)
        return done.stdout.strip()

    def remove(self) -> None:
        """Switch it off and forget it."""
        if self._nspawn and self._nspawn.poll() is None:
            if leader := self._leader():
                os.kill(int(leader), signal.SIGKILL)  # and with it all that runs in there
            self._nspawn.wait(timeout=30)
        subprocess.run(["umount", "--lazy", str(self.root)], check=False)
        shutil.rmtree(self._scratch, ignore_errors=True)


def _said(command: Sequence[str], environment: dict[str, str], within_s: float) -> str:
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=within_s
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
    return done.stdout.strip()


def blocks(page: str, heading: str) -> list[list[str]]:
    """The indented blocks below a heading of a page in deploy/: their lines, comments taken off."""
    text = (ROOT / "deploy" / page).read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("    "):
            found[-1].append(line.partition("  #")[0].strip())
        elif found[-1]:
            found.append([])
    return [lines for lines in found if lines]


@contextmanager
def made() -> Iterator[Machine]:
    """A machine that is not booted yet; gone afterwards."""
    machine = Machine()
    try:
        yield machine
    finally:
        machine.remove()
