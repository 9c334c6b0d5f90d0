"""From here through the public URL to the receiver and back: reachable, unredirected, signatures agree.

The requests carry an empty list of events, signed as the platforms sign: the receiver checks everything and
queues nothing. What our settings sign and the receiver accepts, a platform with the same secret can send.
"""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from console.doctor.finding import Finding, ok, problem, warning
from console.doctor.http import Heard, ask
from core.domain.routing import Routing
from core.platforms.hubspot import signature as hubspot
from core.platforms.mainstay import signature as mainstay
from core.settings import Settings

_JSON = {"Content-Type": "application/json"}
_EMPTY = b"[]"
_SLOW_S = 2.0  # HubSpot gives up after five, and a real delivery has up to a hundred events
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def reachable(settings: Settings, clock_s: Callable[[], float]) -> Iterator[Finding]:
    """Whether the public URL is one that HubSpot takes, and leads to a receiver that is ready."""
    url = settings.public_url
    if not url:
        step = (
            "Set CROSSWALK_PUBLIC_URL to the origin that the platforms call, e.g. https://sync.example.edu."
        )
        yield problem("public-url", "CROSSWALK_PUBLIC_URL", "is not set", step)
        return
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        step = "HubSpot calls HTTPS only: put a proxy that ends TLS before the receiver (see deploy/compose)."
        yield problem("public-url", url, "is not https", step)
    heard = ask("GET", f"{url}/readyz", clock_s)
    if heard.status == 200:
        yield ok("public-url", url, f"the receiver is ready ({heard.took_s * 1000:.0f} ms)")
    elif heard.status == 503:
        yield problem(
            "public-url",
            f"{url}/readyz",
            "the receiver is not ready",
            f"Open {url}/readyz: it names the check.",
        )
    else:
        yield problem("public-url", f"{url}/readyz", _heard(heard), _reach_step(heard))


def signatures(settings: Settings, routing: Routing, clock_s: Callable[[], float]) -> Iterator[Finding]:
    """Whether the receiver takes what our secrets sign, and refuses what nobody signed."""
    if not settings.public_url:
        return
    yield from _hubspot(settings, f"{settings.public_url}/webhooks/hubspot", clock_s)
    yield from _mainstay(settings, routing, f"{settings.public_url}/webhooks/mainstay", clock_s)


def _hubspot(settings: Settings, url: str, clock_s: Callable[[], float]) -> Iterator[Finding]:
    if not settings.hubspot_client_secrets:
        step = "Set CROSSWALK_HUBSPOT_CLIENT_SECRET to the app's client secret."
        yield problem("hubspot-signature", url, "there is no secret to sign with", step)
        return
    for number, secret in enumerate(settings.hubspot_client_secrets):
        stamp = str(round(clock_s() * 1000))
        signed = {
            "X-HubSpot-Signature-v3": hubspot.v3(secret, "POST", url, _EMPTY, stamp),
            "X-HubSpot-Request-Timestamp": stamp,
        }
        which = _numbered("CROSSWALK_HUBSPOT_CLIENT_SECRET", number)
        yield _taken("hubspot-signature", url, which, ask("POST", url, clock_s, _EMPTY, _JSON | signed))
    yield _unsigned("hubspot-signature", url, ask("POST", url, clock_s, _EMPTY, _JSON))


def _mainstay(
    settings: Settings, routing: Routing, url: str, clock_s: Callable[[], float]
) -> Iterator[Finding]:
    secrets = {"CROSSWALK_MAINSTAY_WEBHOOK_SECRET": settings.mainstay_webhook_secrets}
    for account in routing.accounts:
        secrets[f"webhook_secret of {account.name}"] = routing.webhook_secrets.get(account.id, ())
    named = [(_numbered(of, number), one) for of, some in secrets.items() for number, one in enumerate(some)]
    if not named:
        step = (
            "Set CROSSWALK_MAINSTAY_WEBHOOK_SECRET, or the account's webhook_secret; till then only the sweep"
            " finds changes."
        )
        yield warning("mainstay-signature", url, "there is no secret: Mainstay's events are refused", step)
        return
    for which, secret in named:
        signed, body = mainstay.trial(secret, round(clock_s()))
        yield _taken("mainstay-signature", url, which, ask("POST", url, clock_s, body, _JSON | signed))
    yield _unsigned("mainstay-signature", url, ask("POST", url, clock_s, _EMPTY, _JSON))


def _numbered(which: str, number: int) -> str:
    """While a secret is rotated there are two."""
    return f"{which} (number {number + 1})" if number else which


def _taken(check: str, url: str, which: str, heard: Heard) -> Finding:
    if heard.status == 204 and heard.took_s > _SLOW_S:
        step = "HubSpot gives up after 5 s: look at the receiver's CPU, the broker and the proxy."
        return warning(check, url, f"accepted, but only after {heard.took_s:.1f} s", step)
    if heard.status == 204:
        return ok(check, url, f"signed with {which}: accepted ({heard.took_s * 1000:.0f} ms)")
    if heard.status == 401:
        step = (
            f"Give the receiver the same {which} and the same CROSSWALK_PUBLIC_URL as here, see that no proxy"
            " changes the path or the body, and compare the clocks; then restart the receiver."
        )
        return problem(check, url, f"signed with {which}: refused", step)
    return problem(check, url, _heard(heard), _reach_step(heard))


def _unsigned(check: str, url: str, heard: Heard) -> Finding:
    if heard.status == 401:
        return ok(check, url, "unsigned: refused")
    step = "Something before the receiver answers in its place: let the proxy pass /webhooks/ on unchanged."
    return problem(check, url, f"unsigned: {_heard(heard)} instead of 401", step)


def _heard(heard: Heard) -> str:
    return f"{heard.said}, to {heard.location}" if heard.location else heard.said


def _reach_step(heard: Heard) -> str:
    if 300 <= heard.status < 400:
        return "Platforms follow no redirect: set CROSSWALK_PUBLIC_URL to the final origin."
    if heard.status == 404:
        return "The proxy does not pass this path on: route /webhooks/, /healthz and /readyz to the receiver."
    if heard.status in (502, 504):
        return "The proxy answers, the receiver behind it does not: start it, check the proxy's upstream."
    if heard.status:
        return "Look at the receiver's and the proxy's log for this request."
    if "certificate" in heard.said:
        return "Install the certificate with its chain; a private authority is not known to HubSpot."
    return (
        "Check DNS, the firewall, and that proxy and receiver run. Some networks can't call their own public"
        " address: then try from outside."
    )
