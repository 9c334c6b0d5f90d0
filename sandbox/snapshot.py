"""The state file: written whole, atomically, now and then, and once more at the end."""

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sandbox.messages import JsonObject

SETTLE_S = 0.5
REST = 20  # times as long as a write takes: with many contacts, saving must not become the work


class Snapshot:
    """Keeps ``path`` up to date with what ``export`` returns; ``path`` None keeps nothing."""

    def __init__(self, path: Path | None, export: Callable[[], JsonObject]) -> None:
        self._path = path
        self._export = export
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def load(self) -> JsonObject | None:
        if self._path is None or not self._path.exists():
            return None
        loaded: JsonObject = json.loads(self._path.read_text("utf-8"))
        return loaded

    def mark_changed(self) -> None:
        self._changed.set()

    def start(self) -> None:
        if self._path is not None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._keep, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._changed.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._write()

    def _keep(self) -> None:
        took_s = 0.0
        while self._changed.wait() and not self._stopping.wait(max(SETTLE_S, REST * took_s)):
            self._changed.clear()
            began_s = time.monotonic()
            self._write()
            took_s = time.monotonic() - began_s

    def _write(self) -> None:
        assert self._path is not None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_name(self._path.name + ".new")
        with draft.open("w", encoding="utf-8") as file:
            json.dump(self._export(), file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
