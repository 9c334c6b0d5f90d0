"""The pages over a platform's contacts; a platform says what it has through ``ContactDesk``.

What is changed here counts as an outside user's edit and fires webhooks like one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from sandbox.messages import Refusal, Response
from sandbox.page.rendering import html_response, see_other, stylesheet
from sandbox.platform import Call, Route, SimulatedPlatform, route

A = TypeVar("A")
MAX_ROWS = 200
ORIGIN = "page"
# Each preset: its label and the rules that it puts in force.
FAULTS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "none": ("None", []),
    "429": ("429 too many requests", [{"kind": "429", "retry_after_s": 2}]),
    "500": ("500 server error", [{"kind": "500"}]),
    "slow": ("Slow, 3 seconds", [{"kind": "slow", "delay_s": 3}]),
    "timeout": ("Time-out", [{"kind": "timeout"}]),
    "garbage": ("Garbage answers", [{"kind": "garbage"}]),
    "expired": ("Expired token", [{"kind": "401"}]),
    "lost": ("Webhooks lost", []),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list."""

    id: str
    cells: list[str]
    note: str = ""


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of the form. ``kind``: text, date, choice, multiple or shown (read-only)."""

    name: str
    label: str
    value: str
    kind: str = "text"
    options: tuple[tuple[str, str], ...] = ()

    @property
    def chosen(self) -> list[str]:
        return self.value.split(";")


@dataclass(frozen=True, slots=True)
class Action:
    """A button beside the form. ``asks`` is the label of one more input, such as the id to merge with."""

    name: str
    label: str
    danger: bool = False
    asks: str = ""


class ContactDesk(Protocol):
    """What the pages need of a platform. Refused input raises ``Refusal`` with the platform's own error."""

    account_parameter: str
    columns: list[str]

    def accounts(self) -> list[str]: ...
    def rows(self, account: str, search: str, archived: bool) -> list[Row]: ...
    def fields(self, account: str, contact_id: str | None) -> list[FormField]: ...
    def actions(self, account: str, contact_id: str) -> list[Action]: ...
    def save(self, account: str, contact_id: str | None, form: Mapping[str, str]) -> str: ...
    def act(self, account: str, contact_id: str, action: str, answer: str) -> str | None: ...


class ContactPages:
    """List, form and fault switch of one server."""

    def __init__(self, platform: SimulatedPlatform[Any], desk: ContactDesk) -> None:
        self._platform = platform
        self._desk = desk

    def routes(self) -> list[Route[Any]]:
        contact = "/page/contacts/(?P<id>[^/]+)"
        return [
            route("GET", "/", "page", self.show_list),
            route("GET", "/page/style.css", "page", lambda call: stylesheet()),
            route("POST", "/page/fault", "page", self.switch_fault),
            route("GET", "/page/contacts/new", "page", self.show_form),
            route("POST", "/page/contacts/new", "page", self.save),
            route("GET", contact, "page", self.show_form),
            route("POST", contact, "page", self.save),
            route("POST", contact + "/(?P<action>[a-z-]+)", "page", self.act),
        ]

    def _account(self, call: Call[Any]) -> str:
        accounts = self._desk.accounts()
        wanted = call.request.first(self._desk.account_parameter)
        return wanted if wanted in accounts else (accounts[0] if accounts else "")

    def _query(self, account: str) -> str:
        return f"?{self._desk.account_parameter}={quote(account)}"

    def _frame(self, account: str, title: str) -> dict[str, Any]:
        platform = self._platform
        return {
            "platform": platform.name,
            "title": title,
            "account": account,
            "accounts": self._desk.accounts(),
            "account_parameter": self._desk.account_parameter,
            "query": self._query(account),
            "faults": {name: label for name, (label, _) in FAULTS.items()},
            "fault": self._fault_in_force(),
            "deliveries": platform.deliveries.status(),
            "webhook_url": platform.settings.webhook_url,
        }

    def _fault_in_force(self) -> str:
        if self._platform.settings.lose_next < 0:
            return "lost"
        for rule in self._platform.faults.rules():
            if rule.origin == ORIGIN:
                return "expired" if rule.kind == "401" else rule.kind
        return "none"

    def show_list(self, call: Call[Any]) -> Response:
        account = self._account(call)
        search, archived = call.request.first("q"), call.request.first("archived") == "1"
        rows = self._desk.rows(account, search.strip().lower(), archived)
        return html_response(
            "list.html",
            **self._frame(account, "Contacts"),
            columns=self._desk.columns,
            rows=rows[:MAX_ROWS],
            total=len(rows),
            search=search,
            archived=archived,
        )

    def show_form(self, call: Call[Any], problem: str = "", status: int = 200) -> Response:
        account, contact_id = self._account(call), call.groups.get("id")
        entered = call.request.form() if problem else {}
        fields = self._desk.fields(account, contact_id)
        return html_response(
            "form.html",
            status,
            **self._frame(account, f"Contact {contact_id}" if contact_id else "New contact"),
            contact_id=contact_id,
            fields=[replace(field, value=entered.get(field.name, field.value)) for field in fields],
            actions=self._desk.actions(account, contact_id) if contact_id else [],
            problem=problem,
        )

    def save(self, call: Call[Any]) -> Response:
        account = self._account(call)
        try:
            saved = self._desk.save(account, call.groups.get("id"), call.request.form())
        except Refusal as refusal:
            return self.show_form(call, _in_words(refusal.response), 400)
        return see_other(f"/page/contacts/{quote(saved)}{self._query(account)}")

    def act(self, call: Call[Any]) -> Response:
        account = self._account(call)
        answer = call.request.form().get("answer", "").strip()
        try:
            shown = self._desk.act(account, call.groups["id"], call.groups["action"], answer)
        except Refusal as refusal:
            return self.show_form(call, _in_words(refusal.response), 400)
        target = f"/page/contacts/{quote(shown)}" if shown else "/"
        return see_other(target + self._query(account))

    def switch_fault(self, call: Call[Any]) -> Response:
        wanted = call.request.form().get("fault", "none")
        self._platform.faults.remove(origin=ORIGIN)
        self._platform.settings.lose_next = -1 if wanted == "lost" else 0
        for rule in FAULTS.get(wanted, FAULTS["none"])[1]:
            self._platform.faults.add({**rule, "origin": ORIGIN})
        return see_other("/" + self._query(self._account(call)))


def _in_words(response: Response) -> str:
    """A platform's error as one line for people."""
    body = json.loads(response.body)
    text = body.get("message") or body.get("detail") or body.get("error")
    if text:
        return str(text).partition(": [{")[0] + _details(body)
    return "; ".join(f"{name}: {' '.join(map(str, words))}" for name, words in body.items())


def _details(body: dict[str, Any]) -> str:
    texts = [str(each.get("message", "")) for each in body.get("errors", [])]
    return f" ({'; '.join(texts)})" if texts else ""
