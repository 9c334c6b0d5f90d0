"""The application that gunicorn's workers serve: ``gunicorn webhooks.wsgi:app``. Built once per worker."""

import atexit
import gc
import os

from flask import Flask

from core import tracing
from core.gauges import Gauges
from core.reporting import Reporter
from core.settings import Settings
from core.telemetry import tell_uncaught
from core.wiring import connect
from webhooks.app import create_app
from webhooks.serving import NEEDS


def build() -> Flask:
    """The receiver, wired by the environment. Nothing is connected before the first request."""
    tell_uncaught()
    wiring = connect(Settings.from_env(os.environ, needs=NEEDS))  # noqa: TID251 - a process's entry point
    tracing.start(wiring.settings, "web")
    publisher = wiring.queue.publisher()
    atexit.register(publisher.close)
    Reporter(wiring, "web").start()
    return create_app(
        wiring.settings,
        publisher,
        wiring.load_routing,
        wiring.digest_key,
        wiring.readiness,
        tell_shared=Gauges(wiring).tell,
        note=wiring.tallies.note,
    )


app = build()
# A request of 100 events makes thousands of objects, all gone with its answer: looking for cycles among them,
# and in everything imported, took a tenth of the time and doubled the slowest answers.
gc.freeze()
gc.set_threshold(20_000, 20, 100)
