"""The application that gunicorn's workers serve: ``gunicorn webhooks.wsgi:app``. Built once per worker."""

import atexit
import os

from flask import Flask

from core import garbage, tracing
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
garbage.look_less_often()
