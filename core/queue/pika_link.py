"""pika, for the errands that want each message's own answer: the dead mover and replay.

Its blocking channel raises for a returned or refused message, but knows no time-out for a confirm that never
comes (a quorum queue without a majority). So the work runs in a thread that is left behind when time is up.
"""

import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import pika  # type: ignore[import-untyped]
from kombu.utils.url import parse_url
from pika.exceptions import AMQPError  # type: ignore[import-untyped]

from core.queue.port import QueueUnavailable
from core.queue.rabbitmq_link import broker_urls

T = TypeVar("T")
HEARTBEAT_S = 30
CONNECT_S = 5


def with_connection(
    url: str, timeout_s: float, action: Callable[[Any, threading.Event], T], name: str = "crosswalk errand"
) -> T:
    """The answer of ``action(connection, over)``, or what it raised; QueueUnavailable for what pika raises.

    After ``timeout_s`` it is QueueUnavailable too, and ``over`` is set: ``action`` stops at its next message.
    """
    over = threading.Event()
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(_run(url, timeout_s, lambda connection: action(connection, over), name))
        except BaseException as error:  # handed to the caller below
            errors.append(error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        over.set()
        raise QueueUnavailable("no answer in time")
    if errors:
        raise errors[0]
    return answers[0]


def _run(url: str, timeout_s: float, action: Callable[[Any], T], name: str) -> T:
    try:
        connection = pika.BlockingConnection([_parameters(one, timeout_s, name) for one in broker_urls(url)])
    except (AMQPError, OSError) as error:
        raise QueueUnavailable(_told(error)) from error
    try:
        return action(connection)
    except AMQPError as error:
        raise QueueUnavailable(_told(error)) from error
    finally:
        with suppress(AMQPError):
            if connection.is_open:
                connection.close()


def _parameters(url: str, timeout_s: float, name: str) -> pika.ConnectionParameters:
    # read by kombu, so that a virtual host is written in one way for both libraries
    parts = parse_url(url)
    secure = parts["transport"] == "amqps"
    host = parts["hostname"] or "127.0.0.1"
    return pika.ConnectionParameters(
        host=host,
        port=parts["port"] or (5671 if secure else 5672),
        virtual_host=parts["virtual_host"] or "/",
        credentials=pika.PlainCredentials(parts["userid"] or "guest", parts["password"] or "guest"),
        ssl_options=pika.SSLOptions(ssl.create_default_context(), host) if secure else None,
        heartbeat=HEARTBEAT_S,
        socket_timeout=CONNECT_S,
        stack_timeout=CONNECT_S,
        blocked_connection_timeout=timeout_s,
        client_properties={"connection_name": name, "product": "Crosswalk"},
    )


def _told(error: BaseException) -> str:
    text = getattr(error, "reply_text", "")
    return str(text) if text else type(error).__name__
