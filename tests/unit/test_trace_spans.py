"""Traces: nothing where they are off; where they are on, types of exceptions and never their texts."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from core import tracing
from core.settings import Settings

Spans = Callable[[], Sequence[ReadableSpan]]


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    """What the collector has got by now."""
    monkeypatch.setattr(tracing, "_tracer", None)
    exporter = InMemorySpanExporter()
    environment = {"CROSSWALK_SECRET_KEY": "k" * 32, "CROSSWALK_TRACES_URL": "http://127.0.0.1:1/v1/traces"}
    provider = tracing.start(Settings.from_env(environment), "web", exporter)
    assert provider is not None

    def spans() -> Sequence[ReadableSpan]:
        provider.force_flush()
        return exporter.get_finished_spans()

    yield spans
    provider.shutdown()


def test_an_exception_is_told_by_its_type(exported: Spans) -> None:
    with pytest.raises(ValueError), tracing.request("hubspot"):
        raise ValueError("Ana Ruiz, ana@example.edu")
    told = [one.to_json() for one in exported()]
    assert len(told) == 1
    assert "ValueError" in told[0] and "Ana" not in told[0]


def test_a_look_belongs_to_each_request_that_asked(exported: Spans) -> None:
    with tracing.request("hubspot"):
        first = tracing.traceparent()
    with tracing.request("hubspot"):
        second = tracing.traceparent()
    with tracing.batch("incoming", "incoming.1", 2):
        tracing.look([first, second, "", "no traceparent"], 0.5, outcome="updated", code="")
    spans = exported()
    looks = [one for one in spans if one.name == "look at a contact"]
    parents = {f"{one.parent.span_id:016x}" for one in looks if one.parent}
    assert parents == {first.split("-")[2], second.split("-")[2]}
    [batch] = [one for one in spans if one.name == "batch incoming"]
    assert {link.context.span_id for one in looks for link in one.links} == {batch.context.span_id}
    assert all(dict(one.attributes or {}) == {"crosswalk.outcome": "updated"} for one in looks)


def test_without_a_collector_no_tracer_is_even_imported() -> None:
    program = (
        "import sys, consumers.runner, webhooks.app, core.tracing as t\n"
        "with t.request('hubspot'): t.call('hubspot', 'read', 200, 0.1); t.look([t.traceparent()], 0.1)\n"
        "assert not [name for name in sys.modules if name.startswith(('opentelemetry.sdk.trace', 'google.'))]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_traceparent_is_always_there() -> None:
    version, trace, span, flags = tracing.traceparent().split("-")
    assert (version, len(trace), len(span), flags) == ("00", 32, 16, "01")
