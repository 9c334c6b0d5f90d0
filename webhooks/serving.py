"""How gunicorn runs the receiver: read by gunicorn as its configuration (gunicorn.conf.py), by nobody else.

Where to listen comes from gunicorn's own PORT, how many workers from WEB_CONCURRENCY (2). Each worker builds
its own wiring after the fork (webhooks/wsgi.py), so no connection is ever shared between processes.
"""

import os
import shutil
import signal
import socket
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

NEEDS = ("PUBLIC_URL", "HUBSPOT_CLIENT_SECRET")  # Mainstay's secret may be each account's own
_OWN_DIRECTORY = "crosswalk-metrics-"
_METRICS = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own switch, read once, when it is imported
_HEADERS_S = 5  # a sender that stalls inside its headers is hung up on

# The imports below and in the workers take a moment; who is stopped in it has nothing in hand. gunicorn takes
# the signal over when it begins.
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

if not os.environ.get(_METRICS):  # noqa: TID251 - has to stand before anything imports prometheus_client
    os.environ[_METRICS] = tempfile.mkdtemp(prefix=_OWN_DIRECTORY)  # noqa: TID251

# ---- what gunicorn reads -----------------------------------------------------------------------------------

# A request mostly waits for the queue's confirms: threads, few processes (facts: sync is 22 to 45 % faster
# only where there is nothing to wait for, and one stalled sender would block a whole sync worker).
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)  # noqa: TID251 - gunicorn's own; two, so one may die
worker_class = "webhooks.prompt_worker.PromptWorker"
threads = 16
preload_app = False
timeout = 30  # s without a sign of life of a worker's main thread
graceful_timeout = 20  # s for what is in flight at SIGTERM; the contract allows 30
keepalive = 5
backlog = 512
limit_request_line = 2048
limit_request_fields = 64
limit_request_field_size = 8190
control_socket_disable = True
accesslog = None  # the receiver tells each request itself, without addresses and queries
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "core.telemetry.JsonLines", "role": "web"}},
    "handlers": {
        "stdout": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}
    },
    "root": {"level": "WARNING", "handlers": ["stdout"]},
    "loggers": {
        "crosswalk": {"level": "INFO"},
        "gunicorn.error": {"level": "INFO", "handlers": ["stdout"], "propagate": False},
        "gunicorn.access": {"handlers": [], "propagate": False},
    },
}


def on_starting(server: Any) -> None:
    """In the master, before it listens: every problem of the settings at once, exit status 2."""
    from core.settings import Settings, SettingsError

    try:
        Settings.from_env(os.environ, needs=NEEDS)  # noqa: TID251 - a process's entry point
    except SettingsError as error:
        sys.stderr.write("The receiver can't start; these settings are missing or wrong:\n")
        sys.stderr.writelines(f"  {problem}\n" for problem in error.problems)
        if server.pidfile is not None:
            server.pidfile.unlink()
        on_exit(server)
        sys.exit(2)
    from core.telemetry import forget_dead_processes

    _metrics_directory().mkdir(parents=True, exist_ok=True)
    forget_dead_processes(_metrics_directory(), live_only=False)


def when_ready(server: Any) -> None:
    """Sockets that are accepted take the limit over from the listening one (Linux); bodies have their own."""
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _HEADERS_S, 0))


def child_exit(server: Any, worker: Any) -> None:
    """In the master: the gauges of a worker that ended are gone."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid, str(_metrics_directory()))  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """In the master: a metrics directory of our own goes with us."""
    if _metrics_directory().name.startswith(_OWN_DIRECTORY):
        shutil.rmtree(_metrics_directory(), ignore_errors=True)


def _metrics_directory() -> Path:
    """Where the workers' metrics add up."""
    return Path(os.environ[_METRICS])  # noqa: TID251
