"""A change as OpenTelemetry sees it: one trace from the webhook through the queue to the write."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.end_to_end.processes import deployment
from tests.end_to_end.scene import configuration, until

ANA = {
    "firstname": "Ana",
    "lastname": "Ruiz-Canary",
    "phone": "(617) 555-0100",
    "email": "ana@canary.example",
}


class Collector:
    """What an OpenTelemetry collector hears, at ``url``."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/traces"

    def spans(self) -> list[dict[str, Any]]:
        """All spans so far, with the service's name."""
        found = []
        for body in list(self.bodies):
            document = MessageToDict(ExportTraceServiceRequest.FromString(body))
            for resource in document["resourceSpans"]:
                told = {one["key"]: one["value"] for one in resource["resource"]["attributes"]}
                for scope in resource["scopeSpans"]:
                    found += [
                        {**one, "service": told["service.name"]["stringValue"]} for one in scope["spans"]
                    ]
        return found

    def named(self, name: str) -> list[dict[str, Any]]:
        """The spans of a name."""
        return [one for one in self.spans() if one["name"] == name]


@contextmanager
def collector() -> Iterator[Collector]:
    one = Collector()
    thread = threading.Thread(target=one.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield one
    finally:
        one.server.shutdown()
        thread.join()
        one.server.server_close()


@pytest.mark.processes
def test_a_change_is_one_trace_from_the_webhook_to_the_write(tmp_path: Path) -> None:
    environment = {"OTEL_BSP_SCHEDULE_DELAY": "100"}
    with collector() as heard:
        environment["CROSSWALK_TRACES_URL"] = heard.url
        with deployment(tmp_path, environment=environment) as one:
            one.start("web", "incoming")
            one.apply(configuration("incoming"))
            record = one.hubspot.create(**ANA)
            until(lambda: len(one.mainstay.all()) == 1)
            until(lambda: bool(heard.named("look at a contact")) and bool(heard.named("mainstay create")))
            [line] = [x for x in one.one("incoming").told("contact.created") if x["contact"] == record]
        [look] = [x for x in heard.named("look at a contact") if "created" in json.dumps(x)]
        [request] = [x for x in heard.named("webhook hubspot") if x["traceId"] == look["traceId"]]
        assert (request["service"], look["service"]) == ("crosswalk-web", "crosswalk-incoming")
        assert look["parentSpanId"] == request["spanId"]
        [publish] = [x for x in heard.named("publish") if x["traceId"] == look["traceId"]]
        assert publish["parentSpanId"] == request["spanId"]
        [create] = heard.named("mainstay create")
        [batch] = [x for x in heard.named("batch incoming") if x["spanId"] == create["parentSpanId"]]
        assert look["links"][0]["spanId"] == batch["spanId"]
        trace_id = base64.b64decode(look["traceId"]).hex()  # protobuf's JSON writes bytes in base64
        assert [told.split("-")[1] for told in line["traces"]] == [trace_id]
        for value in ("Ana", "Canary", "canary", "5550100", "555-0100"):
            assert not any(value.encode() in body for body in heard.bodies)
