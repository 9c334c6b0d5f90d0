"""Signs webhooks as HubSpot does: v3 and, as an older version beside it, v1.

Source: https://developers.hubspot.com/docs/api/webhooks/validating-requests (facts §3).
"""

import base64
import hashlib
import hmac
import re

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


def signature_v1(secret: str, body: bytes) -> str:
    return hashlib.sha256(secret.encode() + body).hexdigest()


def signature_v3(secret: str, method: str, uri: str, body: bytes, timestamp_ms: str) -> str:
    """Base64 HMAC-SHA256 over method, partly decoded URI, body and timestamp."""
    uri = re.sub("%[0-9A-Fa-f]{2}", lambda found: _DECODED.get(found[0].upper(), found[0]), uri)
    signed = method.encode() + uri.encode() + body + timestamp_ms.encode()
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def signed_headers(secret: str, uri: str, body: bytes, timestamp_ms: int, with_v1: bool) -> dict[str, str]:
    headers = {
        "X-HubSpot-Signature-v3": signature_v3(secret, "POST", uri, body, str(timestamp_ms)),
        "X-HubSpot-Request-Timestamp": str(timestamp_ms),
    }
    if with_v1:
        headers["X-HubSpot-Signature"] = signature_v1(secret, body)
        headers["X-HubSpot-Signature-Version"] = "v1"
    return headers
