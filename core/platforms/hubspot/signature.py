"""Whether a request really comes from HubSpot: signature v3, and v2 and v1 where the setting allows them.

Called by the receiver with the raw bytes, before anything is parsed. Sources: "Validating requests",
https://developers.hubspot.com/docs/api/webhooks/validating-requests (January 2025); vectors in
tests/samples/hubspot-signature-vectors.json. Our own, because the SDK's check accepts future timestamps and
raises for odd headers (hubspot-api-client 12.0.0).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence

TOLERANCE_MS = 300_000  # HubSpot: refuse what is older than five minutes; ours: also what is that far ahead

# What HubSpot decodes in the URL before it signs, and nothing else: not %20, %26, %3D, %25, not non-ASCII.
_DECODED = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}


def v3(secret: str, method: str, uri: str, body: bytes, timestamp: str) -> str:
    """Base64 HMAC-SHA256 over method, decoded URI, body and timestamp (ms, as it stands in the header)."""
    uri = re.sub("%[0-9A-Fa-f]{2}", lambda match: _DECODED.get(match[0].upper(), match[0]), uri)
    signed = method.encode() + _bytes(uri) + body + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def v2(secret: str, method: str, uri: str, body: bytes) -> str:
    """Hex SHA-256 over secret, method, URI as requested, and body."""
    return hashlib.sha256(secret.encode() + method.encode() + _bytes(uri) + body).hexdigest()


def v1(secret: str, body: bytes) -> str:
    """Hex SHA-256 over secret and body."""
    return hashlib.sha256(secret.encode() + body).hexdigest()


def refusal(
    headers: Mapping[str, str],
    body: bytes,
    *,
    method: str,
    uris: Sequence[str],
    secrets: Sequence[str],
    now_ms: int,
    legacy: bool = False,
) -> str:
    """Empty if the request is HubSpot's, else why not: missing, malformed, stale, future or wrong.

    ``headers`` by lower-case name. ``uris``: the full URLs that HubSpot may have called.
    Any of ``secrets`` fits (rotation). ``legacy`` also accepts v2 and v1, which can be replayed; but where a
    v3 signature is present, it alone decides. Never raises, whatever the headers hold.
    """
    given = headers.get("x-hubspot-signature-v3")
    if given is None and legacy:
        return _legacy_refusal(headers, body, method=method, uris=uris, secrets=secrets)
    timestamp = headers.get("x-hubspot-request-timestamp")
    if not given or not timestamp:
        return "missing"
    if not re.fullmatch("[0-9]{1,15}", timestamp):
        return "malformed"
    age_ms = now_ms - int(timestamp)
    if abs(age_ms) > TOLERANCE_MS:
        return "stale" if age_ms > 0 else "future"
    return _compared(given, [v3(secret, method, uri, body, timestamp) for secret in secrets for uri in uris])


def _legacy_refusal(
    headers: Mapping[str, str], body: bytes, *, method: str, uris: Sequence[str], secrets: Sequence[str]
) -> str:
    given = headers.get("x-hubspot-signature")
    if not given:
        return "missing"
    version = headers.get("x-hubspot-signature-version")
    if version == "v2":
        return _compared(given, [v2(secret, method, uri, body) for secret in secrets for uri in uris])
    if version == "v1":
        return _compared(given, [v1(secret, body) for secret in secrets])
    return "malformed"


def _compared(given: str, expected: Sequence[str]) -> str:
    """Empty if ``given`` is one of ``expected``. All are compared, each in constant time."""
    matches = [hmac.compare_digest(one.encode(), _bytes(given)) for one in expected]
    return "" if any(matches) else "wrong"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
