"""The control API that both platforms share: settings, faults, counters, calls, deliveries, reset.

JSON, without authentication, under ``/_sandbox/``. The platforms add contacts and accounts to it.
"""

from typing import Any, Generic, TypeVar

from sandbox.messages import JsonObject, Refusal, Response, json_response, strict_json
from sandbox.platform import Call, Route, SimulatedPlatform, route

A = TypeVar("A")


def refused(status: int, message: str) -> Refusal:
    return Refusal(json_response(status, {"error": message}))


def body_of(call: Call[Any]) -> JsonObject:
    """The call's JSON object; an empty body is an empty object."""
    if not call.request.body.strip():
        return {}
    try:
        body = strict_json(call.request.body)
    except ValueError as error:
        raise refused(400, f"not JSON: {error}") from error
    if not isinstance(body, dict):
        raise refused(400, "expected a JSON object")
    return body


class CommonControl(Generic[A]):
    """Settings, faults, counters, calls, deliveries and reset of one platform."""

    def __init__(self, platform: SimulatedPlatform[A]) -> None:
        self._platform = platform

    def routes(self) -> list[Route[A]]:
        return [
            route("GET", "/_sandbox/settings", "settings", self.read_settings),
            route("PATCH", "/_sandbox/settings", "settings", self.change_settings),
            route("GET", "/_sandbox/faults", "faults", self.list_faults),
            route("POST", "/_sandbox/faults", "faults", self.add_fault),
            route("DELETE", r"/_sandbox/faults(?:/(?P<rule>\d+))?", "faults", self.remove_faults),
            route("GET", "/_sandbox/counters", "counters", self.read_counters),
            route("POST", "/_sandbox/counters/reset", "counters", self.reset_counters),
            route("GET", "/_sandbox/calls", "calls", self.read_calls),
            route("GET", "/_sandbox/deliveries", "deliveries", self.read_deliveries),
            route("POST", "/_sandbox/reset", "reset", self.reset),
        ]

    def read_settings(self, call: Call[A]) -> Response:
        return json_response(200, self._platform.settings.as_json())

    def change_settings(self, call: Call[A]) -> Response:
        if problems := self._platform.settings.update(body_of(call)):
            raise refused(400, "; ".join(problems))
        return self.read_settings(call)

    def list_faults(self, call: Call[A]) -> Response:
        return json_response(200, {"faults": [rule.as_json() for rule in self._platform.faults.rules()]})

    def add_fault(self, call: Call[A]) -> Response:
        try:
            rule = self._platform.faults.add(body_of(call))
        except (ValueError, TypeError) as error:
            raise refused(400, str(error)) from error
        return json_response(201, rule.as_json())

    def remove_faults(self, call: Call[A]) -> Response:
        wanted = call.groups.get("rule")
        removed = self._platform.faults.remove(int(wanted) if wanted else None)
        return json_response(200, {"removed": removed})

    def read_counters(self, call: Call[A]) -> Response:
        return json_response(200, self._platform.record.counters())

    def reset_counters(self, call: Call[A]) -> Response:
        self._platform.record.reset()
        return Response(204)

    def read_calls(self, call: Call[A]) -> Response:
        since = call.request.first("since", "0")
        if not since.isdigit():
            raise refused(400, "since: a call's number")
        return json_response(200, self._platform.record.since(int(since)))

    def read_deliveries(self, call: Call[A]) -> Response:
        return json_response(200, self._platform.deliveries.status())

    def reset(self, call: Call[A]) -> Response:
        self._platform.reset()
        return Response(204)
