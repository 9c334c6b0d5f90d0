"""The version before this one, as it was."""

import re
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.processes import Deployment, Running
from tests.services.process import unavailable

ROOT = Path(__file__).parents[2]
COMMANDS = {
    "web": [str(Path(sys.executable).parent / "gunicorn"), "webhooks.wsgi:app"],
    "incoming": [sys.executable, "-m", "console", "consume", "incoming"],
    "outgoing": [sys.executable, "-m", "console", "consume", "outgoing"],
    "scheduler": [sys.executable, "-m", "console", "schedule"],
}


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def commit() -> str:
    """The last tag before this state; where nothing is tagged, the commit that wrote the heading of the last
    release before this state into the changelog."""
    if tagged := _git("describe", "--tags", "--abbrev=0", "HEAD^"):
        return tagged
    headings = re.findall(r"(?m)^## (.+)$", (ROOT / "CHANGELOG.md").read_text())
    before = headings[1]  # the first is of what is not released yet, or of this state itself
    found = _git("log", "--format=%H", f"-S## {before}", "--", "CHANGELOG.md")
    if not found:
        unavailable("the repository's history is not here")
    return found.splitlines()[-1]


class Previous:
    """Its files in ``folder``; its processes, beside a deployment's and on this version's libraries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        archive = subprocess.run(
            ["git", "archive", commit()], cwd=ROOT, capture_output=True, check=True
        ).stdout
        subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
        # gunicorn of a version without a console's entry point of its own finds its settings in this folder
        assert (folder / "gunicorn.conf.py").exists()

    def crosswalk(self, one: Deployment, *arguments: str) -> None:
        """Run one of its commands."""
        done = subprocess.run(
            [sys.executable, "-m", "console", *arguments],
            env=one.process_env(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, (arguments, done.stderr[-2000:])

    def start(self, one: Deployment, *names: str) -> list[Running]:
        """Start its processes, and wait until they work."""
        started = [one._launch(name, COMMANDS[name], self.folder) for name in names]
        for each in started:
            one.await_ready(each)
        return started
