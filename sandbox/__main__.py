"""``python -m sandbox hubspot|mainstay --port N``: one small platform as a process of its own."""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sandbox.hubspot.sandbox import HubSpotSandbox
from sandbox.mainstay.sandbox import MainstaySandbox
from sandbox.server import SandboxServer


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    platforms = parser.add_subparsers(dest="platform", required=True)
    for name in ("hubspot", "mainstay"):
        sub = platforms.add_parser(name)
        sub.add_argument("--port", type=int, default=0, help="0 takes a free one")
        sub.add_argument("--host", default="127.0.0.1")
        sub.add_argument("--state", type=Path, help="file that keeps the contacts over a restart")
        sub.add_argument("--webhook-url", default="", help="where change events are sent")
        sub.add_argument("--sign-url", default="", help="the URL that signatures cover, if another")
        sub.add_argument("--people", type=int, default=0, help="made-up contacts to begin with")
        sub.add_argument("--people-from", type=int, default=0, help="number of the first of them")
        sub.add_argument("--seed", type=int, default=1)
        sub.add_argument(
            "--set", action="append", default=[], metavar="NAME=JSON", help="a switch, see sandbox/README.md"
        )
        if name == "hubspot":
            sub.add_argument("--portal", action="append", metavar="ID:TOKEN", help="may be repeated")
            sub.add_argument("--client-id")
            sub.add_argument("--client-secret")
            sub.add_argument("--app-id", type=int)
            sub.add_argument("--unique-admithub-id", action="store_true")
        else:
            sub.add_argument("--org", action="append", metavar="ID:TOKEN[:SECRET]", help="may be repeated")
    return parser.parse_args(argv)


def _switches(given: argparse.Namespace) -> dict[str, Any]:
    switches: dict[str, Any] = {"webhook_url": given.webhook_url, "sign_url": given.sign_url}
    for each in given.set:
        name, _, value = each.partition("=")
        try:
            switches[name] = json.loads(value)
        except ValueError:
            switches[name] = value
    for name in ("client_id", "client_secret", "app_id"):
        if getattr(given, name, None) is not None:
            switches[name] = getattr(given, name)
    return switches


def _accounts(texts: Sequence[str] | None) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    tokens: dict[str, list[str]] = {}
    secrets: dict[str, list[str]] = {}
    for text in texts or ():
        account, token, *secret = text.split(":")
        tokens.setdefault(account, []).append(token)
        if secret:
            secrets.setdefault(account, []).extend(secret)
    return tokens, secrets


def build(given: argparse.Namespace) -> HubSpotSandbox | MainstaySandbox:
    common: dict[str, Any] = {
        "people": given.people,
        "people_from": given.people_from,
        "seed": given.seed,
        "state_file": given.state,
        **_switches(given),
    }
    if given.platform == "hubspot":
        tokens, _ = _accounts(given.portal)
        return HubSpotSandbox(tokens or None, unique_admithub_id=given.unique_admithub_id, **common)
    tokens, secrets = _accounts(given.org)
    return MainstaySandbox(tokens or None, secrets, **common)


def main(argv: Sequence[str] | None = None) -> int:
    given = arguments(argv)
    try:
        platform = build(given)
    except ValueError as problem:
        print(f"python -m sandbox: {problem}", file=sys.stderr)
        return 2
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    server: SandboxServer
    with platform.running(given.port, given.host) as server:
        print(f"{platform.name} sandbox listens on {server.url}", flush=True)
        stopped.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
