"""gunicorn finds its configuration here if started in this folder; elsewhere: -c python:webhooks.serving."""

from webhooks.serving import *  # noqa: F403
