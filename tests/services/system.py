"""Whose servers are tried: this machine's, or those of another Debian, unpacked in a folder.

``python -m tests.services.system FOLDER COMMAND`` unpacks Debian 13 there, with RabbitMQ 4.0,
PostgreSQL 17 and Redis 8, and runs the command (a pytest) with these. It needs root and Linux.
``CROSSWALK_TEST_SYSTEM=FOLDER`` makes every private server of the tests one of that system's.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(os.environ.get("CROSSWALK_TEST_SYSTEM", "/"))
SUITE = "trixie"
PACKAGES = (
    *("systemd-sysv", "dbus", "iproute2", "procps", "curl", "ca-certificates"),
    *("python3-venv", "python3-pip", "make", "git"),
    *("rabbitmq-server", "postgresql", "redis-server", "caddy", "prometheus"),
)
SHARED = ("/proc", "/dev", "/tmp")


def other() -> bool:
    """Whether it is another system than this machine's."""
    return Path("/") != ROOT


def programs(pattern: str) -> list[Path]:
    """What there is in that system, sorted, as it is named inside of it."""
    return [Path("/") / one.relative_to(ROOT) for one in sorted(ROOT.glob(pattern.lstrip("/")))]


def inside(command: Sequence[str], user: str = "") -> list[str]:
    """The command line that runs ``command`` in that system, as one of its users."""
    if not other():
        return list(command)
    return ["chroot", *([f"--userspec={user}"] if user else []), str(ROOT), *command]


def user_id(name: str) -> int:
    """The number of a user of that system; KeyError if it has none of this name."""
    lines = (ROOT / "etc/passwd").read_text().splitlines()
    return {one.split(":")[0]: int(one.split(":")[2]) for one in lines}[name]


def unpacked() -> Path:
    """Where that Debian is; unpacked now if need be, into a folder that stays for later runs."""
    folder = ROOT if other() else Path(tempfile.gettempdir()) / f"crosswalk-{SUITE}"
    unpack(folder)
    return folder


def unpack(folder: Path) -> None:
    """Debian in ``folder``, if it is not there yet (two minutes, 700 MB). Nothing in it starts by itself."""
    if (folder / "ready").exists():
        return
    subprocess.run(["debootstrap", "--variant=minbase", SUITE, str(folder)], check=True, stdout=sys.stderr)
    stop = folder / "usr/sbin/policy-rc.d"
    stop.write_text("#!/bin/sh\nexit 101\n")
    stop.chmod(0o755)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with mounted(folder):
        install = ("install", "-y", "--no-install-recommends", *PACKAGES)
        for command in (("update",), install, ("clean",)):
            asked = ["chroot", str(folder), "apt-get", "-qq", *command]
            subprocess.run(asked, check=True, env=environment, stdout=sys.stderr)
    (folder / "ready").touch()


@contextlib.contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """What the servers need of this machine stands in ``folder``, too."""
    for one in SHARED:
        subprocess.run(["mount", "--bind", one, f"{folder}{one}"], check=True)
    try:
        yield
    finally:
        for one in reversed(SHARED):
            subprocess.run(["umount", "--lazy", f"{folder}{one}"], check=True)


def main(folder: str, *command: str) -> int:
    """Unpack, and run ``command`` with that system's servers; its exit status."""
    root = Path(folder).resolve()
    unpack(root)
    with mounted(root):
        return subprocess.run(command, env={**os.environ, "CROSSWALK_TEST_SYSTEM": str(root)}).returncode


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
