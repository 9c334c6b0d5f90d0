"""How gunicorn runs the console: read by gunicorn as its configuration, by nobody else.

Where to listen comes from gunicorn's own PORT, how many workers from WEB_CONCURRENCY (2). Pages wait for the
platforms now and then (previews, field lists), so each worker has threads.
"""

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.settings import Settings

# What is imported later takes a moment; who is stopped in it has nothing in hand. gunicorn takes the signal
# over when it begins.
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

workers = int(os.environ.get("WEB_CONCURRENCY") or 2)  # noqa: TID251 - gunicorn's own
worker_class = "webhooks.prompt_worker.PromptWorker"
threads = 8
timeout = 120  # s: a preview of a hundred contacts waits for the platforms' rate budgets
graceful_timeout = 20  # s for what is in flight at SIGTERM; the contract allows 30
keepalive = 5
limit_request_line = 8190
control_socket_disable = True
accesslog = None
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "core.telemetry.JsonLines", "role": "console"}},
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
        settings = Settings.from_env(os.environ)  # noqa: TID251 - a process's entry point
        problems = _database_problems(settings)
    except SettingsError as error:
        problems = error.problems
    if problems:
        sys.stderr.write("The console can't start:\n")
        sys.stderr.writelines(f"  {problem}\n" for problem in problems)
        sys.exit(2)


def _database_problems(settings: "Settings") -> list[str]:
    from core.store.database import DatabaseUnavailable, migration_problem, open_engine

    engine = open_engine(settings.database_url)
    try:
        problem = migration_problem(engine)
    except DatabaseUnavailable:
        return []  # it may come up later; the pages say so meanwhile
    finally:
        engine.dispose()
    return [problem] if problem else []
