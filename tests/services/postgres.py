"""PostgreSQL of our own, without a password. About 2 s to start."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.services import system
from tests.services.process import Server, unavailable


def programs() -> Path:
    """The folder of ``initdb`` and ``postgres``."""
    found = system.programs("/usr/lib/postgresql/*/bin/initdb")
    if not found:
        unavailable("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    return found[-1].parent


class Postgres(Server):
    """One server with the database ``postgres``. ``url`` is a setting's value."""

    name = "postgres"

    def __init__(self) -> None:
        super().__init__()
        self._programs = programs()
        self._data = self.folder / "data"
        self.url = f"postgresql+psycopg://crosswalk@127.0.0.1:{self.port}/postgres"
        if system.other():
            os.chown(self.folder, system.user_id("postgres"), -1)
        elif user := self.user():
            shutil.chown(self.folder, user)
        initdb = [
            str(self._programs / "initdb"),
            "-D",
            str(self._data),
            "-U",
            "crosswalk",
            "-A",
            "trust",
            "-N",
        ]
        command = system.inside(initdb, "postgres")
        subprocess.run(command, check=True, user=self.user(), cwd=self.folder, capture_output=True)

    def user(self) -> str | None:
        """PostgreSQL refuses to run as root. Another system's own user it becomes inside of it."""
        if os.geteuid() != 0 or system.other():
            return None
        return next(one.pw_name for one in pwd.getpwall() if one.pw_name in ("postgres", "nobody"))

    def command(self) -> Sequence[str]:
        """See Server. fsync is off: what is killed here is the process, never the machine."""
        command = [
            *(str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self.port)),
            *("-k", str(self.folder), "-h", "127.0.0.1", "-c", "fsync=off"),
        ]
        return system.inside(command, "postgres")

    def stop(self) -> None:
        """See Server. Its clients are sent away: on SIGTERM it would wait until they leave by themselves."""
        self._end(signal.SIGINT, all_of_it=False)

    def answers(self) -> bool:
        """See Server."""
        isready = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(system.inside(isready), check=False).returncode == 0
