"""The application that gunicorn's workers serve: ``gunicorn -c python:console.web.serving
console.web.wsgi:app``."""

import os

from flask import Flask

from console.api.register import register_api
from console.web.app import create_app
from core.reporting import Reporter
from core.settings import Settings
from core.telemetry import tell_uncaught
from core.wiring import connect


def build() -> Flask:
    """The console, wired by the environment. Nothing is connected before the first request."""
    tell_uncaught()
    wiring = connect(Settings.from_env(os.environ))  # noqa: TID251 - a process's entry point
    Reporter(wiring, "console").start()
    return create_app(wiring, register_api)


app = build()
