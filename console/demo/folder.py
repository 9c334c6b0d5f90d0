"""The demo's folder: its lock, its own secrets (readable by their owner only), its database, its logs."""

import fcntl
import json
import os
import secrets
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path


class FolderProblem(Exception):
    """The folder can't be used. The text says why and what next."""


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """Made once per folder; nothing outside of the demo accepts them."""

    secret_key: str
    hubspot_client_secret: str
    hubspot_token: str
    mainstay_token: str
    mainstay_webhook_secret: str


@dataclass(frozen=True, slots=True)
class Folder:
    """Where everything of one demo lies."""

    path: Path

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of its database."""
        return f"sqlite:///{self.path.resolve() / 'crosswalk.db'}"

    @property
    def filled(self) -> Path:
        """There once the first contacts were carried over."""
        return self.path / "filled"

    def log(self, name: str) -> Path:
        """Where a process's output goes."""
        return self.path / "logs" / f"{name}.log"

    def state(self, platform: str) -> Path:
        """Where a platform in miniature keeps its contacts."""
        return self.path / f"{platform}.json"

    def secrets(self) -> Secrets:
        """The folder's secrets; made at the first start."""
        path = self.path / "secrets.json"
        if path.exists():
            try:
                return Secrets(**json.loads(path.read_text("utf-8")))
            except (ValueError, TypeError):
                raise FolderProblem(
                    f"{path} is damaged: remove the folder {self.path} to start anew"
                ) from None
        made = Secrets(
            secret_key=secrets.token_urlsafe(32),
            hubspot_client_secret=secrets.token_hex(16),
            hubspot_token=secrets.token_hex(16),
            mainstay_token=secrets.token_hex(16),
            mainstay_webhook_secret=f"whsec_{b64encode(secrets.token_bytes(32)).decode()}",
        )
        self.write_private("secrets.json", json.dumps(asdict(made)))
        return made

    def write_private(self, name: str, text: str) -> Path:
        """A file that only its owner can read, whole or not at all."""
        draft = self.path / f"{name}.new"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        return draft.replace(self.path / name)


@contextmanager
def opened(path: Path) -> Iterator[Folder]:
    """The folder, made if it is missing, for one demo at a time. FolderProblem otherwise."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        (path / "logs").mkdir(exist_ok=True)
        lock = (path / "lock").open("a")
    except OSError as error:
        raise FolderProblem(
            f"the demo can't write to {path} ({error.strerror}): choose a folder of your own with --data DIR"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FolderProblem(
                f"another demo runs in {path}: stop it, or choose another folder with --data DIR"
                " and other ports with --port"
            ) from None
        yield Folder(path)
