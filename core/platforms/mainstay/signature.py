"""Whether a change event really comes from Mainstay, and for which organisations its secret may speak.

Called by the receiver with the raw bytes, before anything is parsed. Mainstay publishes no webhook format
(facts/mainstay.md §1.3, 2026-11-23); this is the Standard Webhooks convention (standardwebhooks.com, read
2026-11-23), kept in one file so that a real format can take its place.
"""

import base64
import binascii
import hashlib
import hmac
import re
import uuid
from collections.abc import Mapping, Sequence

from core.settings import webhook_secret

TOLERANCE_S = 300


def sign(secret: str, webhook_id: str, timestamp_s: str, body: bytes) -> str:
    """``v1,<base64 HMAC-SHA256 of id.timestamp.body>`` under a ``whsec_…`` secret."""
    signed = f"{webhook_id}.{timestamp_s}.".encode("utf-8", "surrogatepass") + body
    return (
        "v1," + base64.b64encode(hmac.new(webhook_secret(secret), signed, hashlib.sha256).digest()).decode()
    )


def trial(secret: str, now_s: int) -> tuple[dict[str, str], bytes]:
    """Headers and body of a delivery without events, signed as Mainstay signs: so the doctor tries the
    receiver."""
    webhook_id, body = f"doctor_{uuid.uuid4().hex}", b"[]"
    signature = sign(secret, webhook_id, str(now_s), body)
    headers = {"webhook-id": webhook_id, "webhook-timestamp": str(now_s), "webhook-signature": signature}
    return headers, body


def speakers(
    headers: Mapping[str, str], body: bytes, *, secrets: Mapping[int, Sequence[str]], now_s: int
) -> tuple[frozenset[int], str]:
    """Whose secrets signed this, and if nobody's: why (missing, malformed, stale, future or wrong).

    ``secrets``: speaker (webhooks/mainstay.py) → ``whsec_…`` texts. ``headers`` by lower-case name.
    ``webhook-signature`` may hold several signatures, separated by spaces (rotation on the sender's side).
    Never raises, whatever the headers hold.
    """
    webhook_id, timestamp = headers.get("webhook-id"), headers.get("webhook-timestamp")
    given = headers.get("webhook-signature")
    if not webhook_id or not timestamp or not given:
        return frozenset(), "missing"
    if not re.fullmatch("[0-9]{1,12}", timestamp) or not re.fullmatch("[!-~]{1,256}", webhook_id):
        return frozenset(), "malformed"
    age_s = now_s - int(timestamp)
    if abs(age_s) > TOLERANCE_S:
        return frozenset(), "stale" if age_s > 0 else "future"
    offered = [read for one in given.split(" ")[:20] if (read := _digest(one))]
    if not offered:
        return frozenset(), "malformed"
    found = set()
    for speaker, texts in secrets.items():
        expected = [_expected(text, webhook_id, timestamp, body) for text in texts]
        matches = [hmac.compare_digest(one, other) for one in expected for other in offered]
        if any(matches):
            found.add(speaker)
    return frozenset(found), "" if found else "wrong"


def _expected(secret: str, webhook_id: str, timestamp: str, body: bytes) -> bytes:
    """Empty, which nothing offered equals, for a stored text that is no secret: the others still count."""
    try:
        return _digest(sign(secret, webhook_id, timestamp, body))
    except ValueError:
        return b""


def _digest(signature: str) -> bytes:
    """The bytes of ``v1,<base64>``; empty if it is none."""
    if not signature.startswith("v1,"):
        return b""
    try:
        return base64.b64decode(signature.removeprefix("v1,"), validate=True)
    except (binascii.Error, ValueError):
        return b""
