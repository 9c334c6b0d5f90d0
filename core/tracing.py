"""OpenTelemetry traces, from a webhook's request through the queue to the write.

Off unless CROSSWALK_TRACES_URL names a collector; then nothing is made or imported for them. A request is a
span, and its W3C traceparent travels in the messages that it makes. A batch works for many requests at once,
so it is a trace of its own, with a span per call to a platform; each look at a contact is a span in the trace
of the request that brought it, linked to its batch. Attributes are ids, counts, codes and outcomes, never a
contact's value; an exception is told by its type. Sampling and headers are OpenTelemetry's own ``OTEL_…``
variables.

Sources: W3C Trace Context; OpenTelemetry's conventions for messaging (batches are linked), read 2026-11-29.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

from core.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

T = TypeVar("T")
Told = str | int | bool
_NAME = "crosswalk"
_EXPORT_S = 5  # for one delivery to the collector; the work never waits for it

_tracer: "Tracer | None" = None


def start(settings: Settings, role: str, exporter: "SpanExporter | None" = None) -> "TracerProvider | None":
    """Send this process's spans to the collector of the settings, in OTLP over HTTP.

    Call once per process, after a fork. ``role`` is the process's name in the Procfile.
    ``exporter`` takes the collector's place. None where the settings name no collector.
    """
    global _tracer  # one per process, as the configuration of logging is
    if settings.traces_url is None:
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    release = settings.release or version("crosswalk")
    service = {"service.name": f"{_NAME}-{role}", "service.namespace": _NAME, "service.version": release}
    provider = TracerProvider(resource=Resource.create(service))
    sending = exporter or OTLPSpanExporter(endpoint=settings.traces_url, timeout=_EXPORT_S)
    provider.add_span_processor(BatchSpanProcessor(sending))
    _tracer = provider.get_tracer(_NAME, release)
    return provider


@contextmanager
def request(platform: str) -> Iterator[None]:
    """A webhook's request, from its first byte to its answer."""
    with _span(f"webhook {platform}", "SERVER", {"platform": platform}):
        yield


@contextmanager
def batch(direction: str, name: str, messages: int) -> Iterator[None]:
    """The work of one batch; ``name`` is its instance's or account's."""
    with _span(f"batch {direction}", "CONSUMER", {"name": name, "messages": messages}):
        yield


@contextmanager
def publish(messages: int) -> Iterator[None]:
    """Messages on their way into the queue, until it confirms them."""
    with _span("publish", "PRODUCER", {"messages": messages}):
        yield


def add(**told: Told) -> None:
    """What became known of the span at work in this thread."""
    if _tracer is not None:
        from opentelemetry.trace import get_current_span

        get_current_span().set_attributes(_attributes(told))


def call(platform: str, operation: str, status: int, seconds: float) -> None:
    """A call to a platform that has just ended. ``status`` 0: it had no answer."""
    if _tracer is None:
        return
    from opentelemetry.trace import SpanKind, Status, StatusCode

    span = _tracer.start_span(
        f"{platform} {operation}",
        kind=SpanKind.CLIENT,
        attributes={"http.response.status_code": status},
        start_time=_ago_ns(seconds),
    )
    if not 200 <= status < 400:
        span.set_status(Status(StatusCode.ERROR))
    span.end()


def look(traces: Iterable[str], seconds: float, **told: Told) -> None:
    """A look at a contact that has just ended, after ``seconds`` of work: a span in each of the traces that
    asked for it, linked to the batch at work in this thread."""
    if _tracer is None:
        return
    from opentelemetry.trace import Link, SpanKind, get_current_span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    links = [Link(get_current_span().get_span_context())]
    for trace in set(traces) - {""}:
        _tracer.start_span(
            "look at a contact",
            context=TraceContextTextMapPropagator().extract({"traceparent": trace}),
            kind=SpanKind.CONSUMER,
            links=links,
            attributes=_attributes(told),
            start_time=_ago_ns(seconds),
        ).end()


def traceparent() -> str:
    """The W3C traceparent of what is at work in this thread: messages and log lines carry it. Without
    OpenTelemetry it is made up, and ties the log lines of one request together all the same."""
    if _tracer is not None:
        from opentelemetry.trace import get_current_span

        span = get_current_span().get_span_context()
        if span.is_valid:
            return f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}"
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def here(function: Callable[..., T]) -> Callable[..., T]:
    """The function for another thread, where its spans belong to what is at work in this one."""
    if _tracer is None:
        return function
    context = copy_context()
    return lambda *given: context.copy().run(function, *given)


@contextmanager
def _span(name: str, kind: str, told: Mapping[str, Told]) -> Iterator[None]:
    """A span at work in this thread. Of an exception it tells the type: its text may quote a value."""
    if _tracer is None:
        yield
        return
    from opentelemetry.trace import SpanKind, Status, StatusCode

    with _tracer.start_as_current_span(
        name,
        kind=SpanKind[kind],
        attributes=_attributes(told),
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def _attributes(told: Mapping[str, Told]) -> dict[str, Told]:
    return {f"{_NAME}.{name}": value for name, value in told.items() if value != ""}


def _ago_ns(seconds: float) -> int:
    return time.time_ns() - int(seconds * 1e9)
